//! Certificates: that they can be read, are valid today, and are not too weak.

use time::{Duration, OffsetDateTime};
use tsmgate_pki::time_text;
use tsmgate_text::escape;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::pem::{self, Holds};
use super::{File, Severity};

/// Less than this left is worth a warning.
const SOON: Duration = Duration::days(21);
/// RSA keys of fewer bits are refused by TSM since 2025.3 (documented), and by many clients before.
const RSA_LEAST: usize = 2048;
/// Signatures by SHA-1 or MD5: RSA, ECDSA, DSA.
const WEAK_SIGNATURES: [&str; 6] = [
    "1.2.840.113549.1.1.4",
    "1.2.840.113549.1.1.5",
    "1.2.840.10045.4.1",
    "1.2.840.10040.4.3",
    "1.3.14.3.2.29",
    "1.3.14.3.2.27",
];

/// The certificates of a file, each whole and in DER, in their order; at least one.
pub(super) struct Certificates(Vec<Vec<u8>>);

impl Certificates {
    /// Each of them, read.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = X509Certificate<'_>> {
        // only what can be read is kept
        self.0.iter().filter_map(|der| X509Certificate::from_der(der).ok()).map(|(_, read)| read)
    }
}

/// Judges the file with the certificate itself; `is_leaf` where a key belongs to it.
pub(super) fn judge(
    mut file: File<'_>,
    bytes: &[u8],
    is_leaf: bool,
    takes_der: bool,
    now: OffsetDateTime,
) -> Option<Certificates> {
    let certificates = read(&mut file, bytes, takes_der)?;
    file.expect_extension("crt");
    let count = certificates.0.len();
    if count > 1 {
        let what =
            format!("holds {count} certificates; the first is taken for the one that is meant");
        file.found(Severity::Warning, &what, "give the others in --chain-file, where there is one");
    }
    if let Some(first) = certificates.all().next() {
        if is_leaf && first.is_ca() {
            let what = format!(
                "is a certificate of an authority, {}, where a server's belongs",
                name(&first)
            );
            file.found(Severity::Warning, &what, "give the server's own certificate");
        }
        dates(&mut file, &first, now, Severity::Error);
        strength(&mut file, &first);
    }
    Some(certificates)
}

/// The certificates of a file; without any, that is found.
pub(super) fn read(file: &mut File<'_>, bytes: &[u8], takes_der: bool) -> Option<Certificates> {
    let whole = "give the whole file as it was issued, PEM from BEGIN to END";
    let blocks = match pem::read(bytes) {
        Holds::Pem(blocks) => blocks,
        Holds::Damaged => {
            file.found(Severity::Error, "is PEM that cannot be read", whole);
            return None;
        }
        Holds::Other if pem::is_certificate(bytes) => {
            if takes_der {
                return Some(Certificates(vec![bytes.to_vec()]));
            }
            let hint = "make PEM of it: openssl x509 -inform der -in FILE -out FILE.crt";
            file.found(Severity::Error, "is DER, and TSM takes PEM here", hint);
            return None;
        }
        Holds::Other => {
            file.found(Severity::Error, "holds no certificate", whole);
            return None;
        }
    };
    if blocks.iter().any(pem::Block::is_key) {
        let (severity, what, hint) = if blocks.iter().any(pem::Block::is_certificate) {
            (
                Severity::Warning,
                "holds a private key beside the certificate, and that goes along",
                "give a file with the certificate alone",
            )
        } else {
            (
                Severity::Error,
                "holds a private key, and no certificate",
                "see whether --cert-file and --key-file are swapped",
            )
        };
        file.found(severity, what, hint);
        if severity == Severity::Error {
            return None;
        }
    }
    let mut found = Vec::new();
    for block in blocks.iter().filter(|block| block.is_certificate()) {
        if !pem::is_certificate(&block.der) {
            file.found(Severity::Error, "holds a certificate that cannot be read", whole);
            return None;
        }
        found.push(block.der.clone());
    }
    if found.is_empty() {
        file.found(Severity::Error, "holds no certificate", whole);
        return None;
    }
    Some(Certificates(found))
}

/// Whether it is valid today and for a while; `expired` is how bad it is where it is over.
pub(super) fn dates(
    file: &mut File<'_>,
    certificate: &X509Certificate<'_>,
    now: OffsetDateTime,
    expired: Severity,
) {
    let begins = certificate.validity().not_before.to_datetime();
    let ends = certificate.validity().not_after.to_datetime();
    let name = name(certificate);
    if ends < now {
        let what = format!("has expired: {name}, {}", time_text(ends));
        file.found(expired, &what, "renew it, and check this host's clock");
    } else if begins > now {
        let what = format!("is not valid before {}: {name}", time_text(begins));
        file.found(Severity::Warning, &what, "wait until then, and check this host's clock");
    } else if ends - now < SOON {
        let days = (ends - now).whole_days();
        let what = format!("expires in {days} days, {}: {name}", time_text(ends));
        file.found(Severity::Warning, &what, "renew it soon");
    }
}

/// Whether its key and its signature are strong enough.
pub(super) fn strength(file: &mut File<'_>, certificate: &X509Certificate<'_>) {
    let name = name(certificate);
    if let Ok(PublicKey::RSA(key)) = certificate.public_key().parsed()
        && key.key_size() < RSA_LEAST
    {
        let what = format!("has an RSA key of {} bits: {name}", key.key_size());
        file.found(Severity::Warning, &what, "have it issued for a key of 2048 bits or more");
    }
    let is_own = certificate.subject() == certificate.issuer();
    let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
    // nobody checks the signature of an authority on itself
    if WEAK_SIGNATURES.contains(&&*algorithm) && !(is_own && certificate.is_ca()) {
        let what = format!("is signed by way of SHA-1 or MD5, which clients refuse: {name}");
        file.found(Severity::Warning, &what, "have it issued again, with SHA-256");
    }
}

/// Its subject, as a visible line.
pub(super) fn name(certificate: &X509Certificate<'_>) -> String {
    let subject = certificate.subject().to_string();
    if subject.is_empty() { "no subject".to_owned() } else { escape(subject) }
}
