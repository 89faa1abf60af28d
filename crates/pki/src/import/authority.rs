//! An authority's certificate: whether the gate would take it into `tls.client_authority`, or on the
//! way from a client to one of those.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use tsmgate_text::escape;
use x509_parser::certificate::{Validity, X509Certificate};
use x509_parser::x509::AlgorithmIdentifier;

use super::Role;
use super::bundle::{Bundle, Verdict};
use crate::inspect::CertificateView;
use crate::request::RSA_BITS;
use crate::time_text;

/// MD5 and SHA-1 with RSA, the latter under two numbers, and SHA-1 with ECDSA.
const BROKEN_SIGNATURES: [&str; 4] =
    ["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.3.14.3.2.29", "1.2.840.10045.4.1"];

pub(super) fn judge(
    bundle: &Bundle<'_>,
    cert: &X509Certificate<'_>,
    view: &CertificateView,
    role: Role,
) -> Verdict {
    let mut verdict = Verdict::default();
    let Verdict { problems, notes, .. } = &mut verdict;
    if !cert.is_ca() {
        problems.push("it is not an authority (basic constraints): it vouches for nobody".into());
    }
    let usage = cert.key_usage().ok().flatten();
    if usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
        problems.push("its key usage does not let it sign certificates (keyCertSign)".into());
    }
    problems.extend(time_trouble(cert.validity(), bundle.now));
    problems.extend(key_trouble(&view.key_type));
    if role == Role::Intermediate {
        problems.extend(signature_trouble(&cert.signature_algorithm));
        if bundle.signer(cert).is_none() {
            problems.push(missing(cert));
        }
    } else {
        if let Err(error) = RootCertStore::empty().add(CertificateDer::from(cert.as_raw())) {
            problems.push(format!("the TLS library does not take it: {error}"));
        }
        if cert.subject() != cert.issuer() {
            notes.push(
                "it did not sign itself; the gate trusts it all the same where it stands in \
                 tls.client_authority, and then needs no revocation list of the authority above it"
                    .into(),
            );
        }
    }
    verdict
}

/// Who signed it is not in these files.
pub(super) fn missing(cert: &X509Certificate<'_>) -> String {
    let issuer = escape(cert.issuer().to_string());
    format!("the chain ends here: the certificate of its issuer, {issuer}, is not in these files")
}

pub(super) fn time_trouble(validity: &Validity, now: OffsetDateTime) -> Option<String> {
    let (from, until) = (validity.not_before.to_datetime(), validity.not_after.to_datetime());
    if now > until {
        return Some(format!("it expired on {}", time_text(until)));
    }
    (now < from).then(|| format!("it is not valid before {}", time_text(from)))
}

/// What the gate's TLS library verifies nothing with.
pub(super) fn key_trouble(kind: &str) -> Option<String> {
    let usual = ["ECDSA P-256", "ECDSA P-384", "ECDSA P-521", "Ed25519"];
    let bits = kind.strip_prefix("RSA ").and_then(|bits| bits.parse().ok());
    match bits {
        Some(bits) if RSA_BITS.contains(&bits) => None,
        Some(_) => Some(format!("its key is {kind}: RSA counts from 2048 to 8192 bits")),
        None if usual.contains(&kind) => None,
        None => Some(format!("its key is of a kind that is not accepted: {kind}")),
    }
}

pub(super) fn signature_trouble(algorithm: &AlgorithmIdentifier<'_>) -> Option<String> {
    let broken = BROKEN_SIGNATURES.contains(&algorithm.algorithm.to_id_string().as_str());
    broken.then(|| "it is signed with MD5 or SHA-1, which proves nothing any more".to_owned())
}
