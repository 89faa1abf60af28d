//! A client's certificate as its holder looks at it: whose it is, how long it is good, when the next one is due,
//! and whether one that was given is what was asked for. Nothing is asked of anybody.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use tsmgate_pki::inspect::{CertificateView, inspect_certificate};
use tsmgate_pki::{BACKDATED, time_text};

use crate::tls;

/// What every identity that the service gives begins with.
const OURS: &str = "URI:tsmgate://client/";
/// The next certificate is due when this part of the life is left.
const THIRD: i32 = 3;
/// Something keeps it from being renewed where no more than this part is left.
const LATE: i32 = 4;
/// The renewals of a fleet are spread over this part of the life.
const SPREAD: i32 = 20;

/// A client's certificate, with what leads to its authority.
#[derive(Debug, Clone)]
pub struct Leaf {
    chain: Vec<CertificateDer<'static>>,
    own: CertificateView,
    /// The start of its life, backdated by [`BACKDATED`].
    pub begins: OffsetDateTime,
    /// The end of its life.
    pub ends: OffsetDateTime,
}

/// Why a certificate that was given is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It cannot be read.
    #[error("no certificate that can be read")]
    Unreadable,
    /// It is for another key.
    #[error("a certificate of another key")]
    OtherKey,
    /// It has another name.
    #[error("a certificate of another name, {0}")]
    OtherName(String),
    /// It is not of the authority that we trust, or not for clients.
    #[error("a certificate that is not the authority's, or not for clients")]
    OtherAuthority,
    /// What it says of the authority is not the one that we trust.
    #[error("an authority other than the trusted one")]
    UnknownAuthority,
    /// Its life is not now, by this host's clock.
    #[error("a certificate for {} to {}, and this host's clock says {}", time_text(*.begins), time_text(*.ends), time_text(*.now))]
    Untimely {
        /// The start of its life.
        begins: OffsetDateTime,
        /// Its end.
        ends: OffsetDateTime,
        /// What time it is here.
        now: OffsetDateTime,
    },
    /// The gate's address in the answer is none.
    #[error("no address of a gate")]
    NoGate,
}

impl Leaf {
    /// Reads PEM, the certificate first; none where a part of it cannot be read.
    pub fn read(pem: &[u8]) -> Option<Self> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
        let own = inspect_certificate(chain.first()?, OffsetDateTime::now_utc())?;
        let time = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
        let (begins, ends) = (time(&own.begins)?, time(&own.ends)?);
        Some(Self { chain, own, begins, ends })
    }

    /// The one URI that says who holds it; none where there is none, or several.
    fn identity(&self) -> Option<&str> {
        let mut uris = self.own.names.iter().filter(|name| name.starts_with("URI:"));
        let first = uris.next()?;
        uris.next().is_none().then_some(first)
    }

    /// What its holder is called: the client's name where it is one of ours.
    pub fn name(&self) -> &str {
        let identity = self.identity().unwrap_or(&self.own.subject);
        identity.strip_prefix(OURS).unwrap_or(identity)
    }

    /// Its serial number, lowercase hex.
    pub fn serial(&self) -> &str {
        &self.own.serial_number
    }

    /// When the next one is due: with a third of the life left, and up to a twentieth of it later, so that a fleet
    /// that joined together does not renew together. The serial number says how much: it is the same each time.
    pub fn due(&self) -> OffsetDateTime {
        let life = self.life();
        let serial = self.serial();
        let last = serial.len().checked_sub(4).and_then(|from| serial.get(from..));
        let share = last.and_then(|hex| u16::from_str_radix(hex, 16).ok()).unwrap_or_default();
        let jitter = life / SPREAD * i32::from(share) / (i32::from(u16::MAX) + 1);
        self.ends - life / THIRD + jitter
    }

    /// Whether the next one should have been there by now: less than a quarter of the life is left.
    pub fn is_late(&self, now: OffsetDateTime) -> bool {
        self.ends - now < self.life() / LATE
    }

    /// What it was set back counts for nothing: lives can be of seconds.
    fn life(&self) -> Duration {
        (self.ends - self.begins - BACKDATED).max(Duration::ZERO)
    }

    /// Whether it is the named client's, for this key, and of one of these authorities. Dates are not looked at.
    ///
    /// # Errors
    /// What does not fit.
    pub(super) fn check(
        &self,
        identity: &str,
        key: &str,
        roots: RootCertStore,
    ) -> Result<(), Misfit> {
        if self.own.public_key != key {
            return Err(Misfit::OtherKey);
        }
        if self.identity() != Some(identity) {
            return Err(Misfit::OtherName(self.name().to_owned()));
        }
        // within its own life: what this host's clock says of it is another question
        let begins = u64::try_from(self.begins.unix_timestamp()).unwrap_or_default();
        let then = UnixTime::since_unix_epoch(std::time::Duration::from_secs(begins));
        let judge =
            WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::new(tls::provider()))
                .build()
                .map_err(|_| Misfit::UnknownAuthority)?;
        let (own, others) = self.chain.split_first().ok_or(Misfit::Unreadable)?;
        judge.verify_client_cert(own, others, then).map_err(|_| Misfit::OtherAuthority)?;
        Ok(())
    }

    /// Whether it is good now.
    ///
    /// # Errors
    /// [`Misfit::Untimely`].
    pub(super) fn timely(&self, now: OffsetDateTime) -> Result<(), Misfit> {
        if (self.begins..=self.ends).contains(&now) {
            Ok(())
        } else {
            Err(Misfit::Untimely { begins: self.begins, ends: self.ends, now })
        }
    }

    /// The identity of a client's name.
    pub(super) fn identity_of(name: &str) -> String {
        format!("{OURS}{name}")
    }

    /// The identity that the next one must have as well; none where it has none of ours.
    pub(super) fn own_identity(&self) -> Option<String> {
        self.identity().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests;
