//! What every client of the benches offers: TLS 1.3 with one cipher suite, one key exchange and no resumption, so that
//! all targets do the same work.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tests::Identity;

/// Trusts `authority` (PEM), shows `identity`, exchanges keys with `group` alone.
pub fn offer(
    authority: &str,
    identity: Option<&Identity>,
    group: &'static dyn SupportedKxGroup,
) -> anyhow::Result<ClientConfig> {
    let provider = CryptoProvider {
        kx_groups: vec![group],
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384],
        ..aws_lc_rs::default_provider()
    };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => config.with_no_client_auth(),
        Some(identity) => {
            config.with_client_auth_cert(identity.certificates(), identity.private_key())?
        }
    };
    // a cold login is a whole handshake, also where a server would resume
    config.resumption = Resumption::disabled();
    Ok(config)
}
