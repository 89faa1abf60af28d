//! Chains: that each certificate is one of an authority, and leads from the one before it to the next.

use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;

use super::certificate::{Certificates, dates, name, read, strength};
use super::{File, Finding, Input, Severity};

/// Judges the file by itself.
pub(super) fn judge(mut file: File<'_>, bytes: &[u8], now: OffsetDateTime) -> Option<Certificates> {
    let certificates = read(&mut file, bytes, false)?;
    file.expect_extension("crt");
    for certificate in certificates.all() {
        // another way may lead to an authority that is known
        dates(&mut file, &certificate, now, Severity::Warning);
        strength(&mut file, &certificate);
    }
    Some(certificates)
}

/// Judges whether it leads from the certificate on, one after the other.
pub(super) fn beside(input: &Input, chain: &Certificates, leaf: &Certificates) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |severity, what: String, hint: &str| {
        let what = format!("{} {what}", input.called());
        findings.push(Finding { severity, what, hint: hint.to_owned() });
    };
    let Some(mut last) = leaf.all().next() else { return findings };
    let all: Vec<_> = chain.all().collect();
    for (place, next) in all.iter().enumerate() {
        if place == 0 && next.as_raw() == last.as_raw() {
            let hint = "begin it with the certificate of the authority that issued it";
            found(Severity::Warning, "begins with the certificate itself".to_owned(), hint);
            continue;
        }
        if !issued(next, &last) {
            let other = all.iter().any(|other| issued(other, &last));
            let what = if other {
                format!("is not in order: {} comes too early, after {}", name(next), name(&last))
            } else {
                format!("does not lead on from {}: {} did not issue it", name(&last), name(next))
            };
            let hint = "put first who issued the certificate, then who issued that, and so on";
            found(Severity::Error, what, hint);
            return findings;
        }
        if !next.is_ca() {
            let what = format!("has {}, which is no certificate of an authority", name(next));
            found(Severity::Warning, what, "have the authority give its chain again");
        }
        last = next.clone();
    }
    findings
}

/// Whether one issued the other: by name, and by its signature where that is of a kind we know.
fn issued(authority: &X509Certificate<'_>, other: &X509Certificate<'_>) -> bool {
    use x509_parser::error::X509Error;
    if authority.subject() != other.issuer() {
        return false;
    }
    match other.verify_signature(Some(authority.public_key())) {
        Ok(()) | Err(X509Error::SignatureUnsupportedAlgorithm) => true,
        Err(_) => false,
    }
}
