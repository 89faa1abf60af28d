//! The certificate of the HTTPS side, and the TLS that goes with it.
//!
//! A certificate that it makes itself is made per run, with a key that never leaves the memory. No
//! client is ever asked for a certificate: TSM does not.

use std::io;
use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::{Duration, OffsetDateTime};
use tokio_rustls::TlsAcceptor;

use super::options::ServerCertificate;

/// The acceptor, and the certificates it shows, in PEM.
///
/// # Errors
/// A name that is none, or a chain and a key that do not fit.
pub(super) fn acceptor(certificate: &ServerCertificate) -> io::Result<(TlsAcceptor, String)> {
    let (chain, key) = match certificate {
        ServerCertificate::SelfSigned { names, days } => {
            self_signed(names, *days).map_err(io::Error::other)?
        }
        ServerCertificate::Given { chain, key } => (chain.clone(), key.clone()),
    };
    let chain_der: Vec<_> = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(io::Error::other)?;
    let key_der = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain_der, key_der)
        .map_err(io::Error::other)?;
    // Guess: no ALPN, as a Java server of that age; a client must not count on it.
    Ok((TlsAcceptor::from(Arc::new(config)), chain))
}

fn self_signed(names: &[String], days: i64) -> Result<(String, String), rcgen::Error> {
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::new(names.to_vec())?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, names.first().map_or("tsm", String::as_str));
    params.distinguished_name = subject;
    // one that has ended lived for a year, too
    params.not_before = now - Duration::days(if days > 0 { 1 } else { 365 });
    params.not_after = now + Duration::days(days);
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
