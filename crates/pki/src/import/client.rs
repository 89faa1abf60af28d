//! A client's certificate: what the gate would know it by, and whether it would let it in. The chain is
//! checked by the TLS library that the gate uses, under the authorities and lists of the same files.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, Error, RootCertStore};
use tsmgate_text::escape;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::authority::{key_trouble, missing, signature_trouble, time_trouble};
use super::bundle::{Bundle, Verdict};
use super::{Role, list};
use crate::inspect::CertificateView;

/// As many names as the gate reads.
const NAMES_MOST: usize = 64;

pub(super) fn judge(
    bundle: &Bundle<'_>,
    cert: &X509Certificate<'_>,
    view: &CertificateView,
) -> Verdict {
    let mut verdict = Verdict::default();
    usage(cert, &mut verdict.problems);
    verdict.problems.extend(time_trouble(cert.validity(), bundle.now));
    verdict.problems.extend(key_trouble(&view.key_type));
    verdict.problems.extend(signature_trouble(&cert.signature_algorithm));
    names(cert, view, &mut verdict);
    if verdict.problems.is_empty() {
        chain(bundle, cert, &mut verdict);
    }
    verdict
}

fn usage(cert: &X509Certificate<'_>, problems: &mut Vec<String>) {
    match cert.extended_key_usage() {
        Ok(Some(usage)) if usage.value.client_auth => {}
        Ok(Some(usage)) if usage.value.server_auth => {
            problems.push("it is for servers alone: extended key usage lacks clientAuth".into());
        }
        Ok(_) => problems.push("it is not for clients: extended key usage lacks clientAuth".into()),
        Err(_) => problems.push("its extended key usage cannot be read".into()),
    }
    let key_usage = cert.key_usage();
    if key_usage.is_err()
        || key_usage.is_ok_and(|usage| usage.is_some_and(|u| !u.value.digital_signature()))
    {
        problems.push("its key usage does not let it sign (digitalSignature)".into());
    }
}

/// One URI name, or one DNS name, can be an identity; failing both, the key.
fn names(cert: &X509Certificate<'_>, view: &CertificateView, verdict: &mut Verdict) {
    let Verdict { problems, notes, identity } = verdict;
    let alternative = match cert.subject_alternative_name() {
        Ok(names) => names.map(|names| names.value.general_names.as_slice()).unwrap_or_default(),
        Err(_) => {
            problems.push("its names cannot be read".into());
            return;
        }
    };
    let (mut uris, mut dns) = (Vec::new(), Vec::new());
    for name in alternative {
        match name {
            GeneralName::URI(uri) => uris.push(*uri),
            GeneralName::DNSName(name) => dns.push(*name),
            GeneralName::Invalid(..) => problems.push("one of its names cannot be read".into()),
            _ => {}
        }
    }
    if alternative.len() > NAMES_MOST {
        problems.push(format!("it has more than {NAMES_MOST} names"));
    }
    if uris.iter().chain(&dns).any(|name| name.bytes().any(|byte| byte.is_ascii_control())) {
        problems.push("one of its names has control characters in it".into());
    }
    // as it stands between quotes in the configuration
    let plain = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
    };
    *identity = match (uris.as_slice(), dns.as_slice()) {
        ([uri], _) if plain(uri) => Some(format!("URI:{}", escape(uri))),
        ([], [name]) if plain(name) && !name.contains('*') => Some(format!("DNS:{}", escape(name))),
        _ => {
            notes.push(format!(
                "it has {} URI names and {} DNS names, and only a single one can be an identity; its \
                 key can, until the next certificate has another",
                uris.len(),
                dns.len()
            ));
            Some(view.public_key.clone())
        }
    };
    if uris.len() == 1 && dns.len() > 1 {
        notes
            .push("with several DNS names it is refused where a [[client]] has one of them".into());
    }
}

fn chain(bundle: &Bundle<'_>, cert: &X509Certificate<'_>, verdict: &mut Verdict) {
    if bundle.authorities().next().is_none() {
        let issuer = escape(cert.issuer().to_string());
        verdict.notes.push(format!(
            "its authority is not in these files: tls.client_authority must have {issuer}, or the \
             client must show what stands between"
        ));
        return;
    }
    match verify(bundle, cert) {
        Ok(()) => {}
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            verdict.problems.push(broken_at(bundle, cert));
        }
        Err(Error::InvalidCertificate(CertificateError::UnknownRevocationStatus)) => {
            verdict.problems.push(
                "an authority on its way has no revocation list in these files, and with \
                 tls.revocation_list each must have one; trust the lowest authority itself, or add \
                 the list"
                    .into(),
            );
        }
        Err(Error::InvalidCertificate(CertificateError::Revoked)) => {
            verdict.problems.push("it, or an authority on its way, is revoked".into());
        }
        Err(error) => verdict.problems.push(format!("the TLS library refuses it: {error}")),
    }
}

/// Where the way from a certificate to an authority of these files breaks off.
fn broken_at(bundle: &Bundle<'_>, cert: &X509Certificate<'_>) -> String {
    let mut last = bundle.signer(cert);
    // no chain is longer than what there is
    for _ in bundle.authorities() {
        match last.and_then(|last| bundle.signer(last)) {
            Some(next) => last = Some(next),
            None => break,
        }
    }
    match last {
        Some(last) if last.subject() != last.issuer() => missing(last),
        Some(_) => "no authority that counts leads to it".into(),
        None => missing(cert),
    }
}

fn verify(bundle: &Bundle<'_>, cert: &X509Certificate<'_>) -> Result<(), Error> {
    let between: Vec<_> = bundle.certificates(Role::Intermediate).map(der).collect();
    let seconds = u64::try_from(bundle.now.unix_timestamp()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let verifier = verifier(bundle, list::usable(bundle))?;
    verifier.verify_client_cert(&der(cert), &between, now).map(|_| ())
}

/// The gate's check, with these lists.
///
/// # Errors
/// No authority counts, or a list is one that the library does not take.
pub(super) fn verifier(
    bundle: &Bundle<'_>,
    lists: Vec<CertificateRevocationListDer<'static>>,
) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let mut roots = RootCertStore::empty();
    for authority in bundle.certificates(Role::ClientAuthority) {
        if time_trouble(authority.validity(), bundle.now).is_none() {
            roots.add(der(authority))?;
        }
    }
    if roots.is_empty() {
        return Err(CertificateError::UnknownIssuer.into());
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()))
        .with_crls(lists)
        .enforce_revocation_expiration()
        .build()
        .map_err(|error| Error::General(error.to_string()))
}

fn der(cert: &X509Certificate<'_>) -> CertificateDer<'static> {
    cert.as_raw().to_vec().into()
}
