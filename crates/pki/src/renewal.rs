//! Whether a certificate or a revocation list should be renewed: a question for timers, answered
//! without a key and without judging anything but dates. In a chain the first certificate counts;
//! what is above it is renewed elsewhere.

use std::path::Path;

use time::{Duration, OffsetDateTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::error::PkiError;
use crate::{inspect, store};

/// Whether to renew, and until when there is time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// Whether it is time.
    pub needed: bool,
    /// The end of the life; none for a revocation list that never ends.
    pub ends: Option<OffsetDateTime>,
}

/// Judges the first certificate, or else the first revocation list, of a PEM or DER file. It needs
/// renewal when less than `within` is left of its life, or less than a third where that is absent.
///
/// # Errors
/// [`PkiError::File`], or [`PkiError::Malformed`] for a file with neither.
pub fn renewal(
    path: &Path,
    within: Option<Duration>,
    now: OffsetDateTime,
) -> Result<Renewal, PkiError> {
    let contents = store::read(path)?;
    let (start, end) = certificate_life(&contents).or_else(|| list_life(&contents)).ok_or(
        PkiError::Malformed {
            path: path.to_owned(),
            expected: "a certificate or a revocation list",
        },
    )?;
    let needed = end.is_some_and(|end| end - now < within.unwrap_or((end - start) / 3));
    Ok(Renewal { needed, ends: end })
}

type LifeFound = (OffsetDateTime, Option<OffsetDateTime>);

fn certificate_life(contents: &[u8]) -> Option<LifeFound> {
    let der = inspect::first_certificate(contents)?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    let validity = certificate.validity();
    Some((validity.not_before.to_datetime(), Some(validity.not_after.to_datetime())))
}

fn list_life(contents: &[u8]) -> Option<LifeFound> {
    let der = Pem::iter_from_buffer(contents)
        .filter_map(Result::ok)
        .find(|block| block.label == "X509 CRL")
        .map_or_else(|| contents.to_vec(), |block| block.contents);
    let (_, list) = CertificateRevocationList::from_der(&der).ok()?;
    Some((list.last_update().to_datetime(), list.next_update().map(|end| end.to_datetime())))
}
