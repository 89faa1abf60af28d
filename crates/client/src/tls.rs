//! What TLS is to a gate: 1.3 only, both sides prove themselves, every time anew.
//!
//! Also sorts what goes wrong in it by who is at fault. In TLS 1.3 the client has finished before the
//! server judges its certificate: a refusal shows only at the first read, as an alert or as the end
//! of the connection.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::failure::{Breach, Distrust, FileFault, LoginFailure, Refusal, Unreached};
use crate::identity;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ConfigBuilder, NoKeyLog, WantsVerifier,
};

pub(crate) mod look;

/// Reads the three files and makes what a handshake needs; `alpn` is the lane.
pub(crate) fn config(
    authority: &Path,
    certificate: &Path,
    private_key: &Path,
    alpn: &[u8],
) -> Result<Arc<ClientConfig>, LoginFailure> {
    let roots = identity::authority(authority)?;
    let chain = identity::certificates(certificate)?;
    let key = identity::private_key(private_key)?;
    let mut config = only_tls13()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|_| identity::fault(private_key, FileFault::KeyMismatch))?;
    config.alpn_protocols = vec![alpn.to_vec()];
    Ok(settled(config))
}

/// The beginning of a configuration that speaks TLS 1.3 and nothing older.
pub(crate) fn only_tls13() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    let mut provider = provider();
    // else the hello would list what TLS 1.3 cannot use
    provider.cipher_suites.retain(|suite| suite.tls13().is_some());
    ClientConfig::builder_with_provider(Arc::new(provider))
        // the library knows 1.2 as well, for TSM's own controller
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has the cipher suites of TLS 1.3")
}

/// The provider, with the groups we offer.
pub(crate) fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![
        kx_group::X25519MLKEM768, // first: what is recorded today stays closed to quantum computers
        kx_group::X25519,
        kx_group::SECP256R1,
        kx_group::SECP384R1,
    ];
    provider
}

/// What holds for every connection, whoever the peer is.
pub(crate) fn settled(mut config: ClientConfig) -> Arc<ClientConfig> {
    // a resumed session skips the checks of both certificates
    config.resumption = Resumption::disabled();
    config.key_log = Arc::new(NoKeyLog {});
    Arc::new(config)
}

/// What a failed handshake means.
#[derive(Debug)]
pub(crate) enum HandshakeFault {
    /// The transport ended.
    Unreached(Unreached),
    /// We do not trust the gate.
    Distrust(Distrust),
    /// The gate does not accept us.
    Refused(Refusal),
    /// It is not TLS as we speak it.
    Breach(Breach),
}

/// Sorts a failure of the handshake.
pub(crate) fn sort_handshake(error: &io::Error) -> HandshakeFault {
    match library_error(error) {
        None => HandshakeFault::Unreached(Unreached::Closed),
        Some(rustls::Error::InvalidCertificate(fault)) => HandshakeFault::Distrust(distrust(fault)),
        Some(rustls::Error::AlertReceived(alert)) => match refusal(*alert) {
            Refusal::Alert(number) => HandshakeFault::Breach(Breach::Alert(number)),
            refusal => HandshakeFault::Refused(refusal),
        },
        Some(other) => HandshakeFault::Breach(Breach::Tls(other.to_string())),
    }
}

/// Sorts the end of a connection that was handshaken and gave no byte of a reply; `None` is an
/// orderly end.
pub(crate) fn sort_silence(error: Option<&io::Error>) -> Result<Refusal, Breach> {
    match error.and_then(library_error) {
        None => Ok(Refusal::Closed),
        Some(rustls::Error::AlertReceived(alert)) => Ok(refusal(*alert)),
        Some(other) => Err(Breach::Tls(other.to_string())),
    }
}

/// What is wrong with the peer's certificate, where that is what a handshake failed for.
pub(crate) fn certificate_error(error: &io::Error) -> Option<&CertificateError> {
    match library_error(error)? {
        rustls::Error::InvalidCertificate(fault) => Some(fault),
        _ => None,
    }
}

fn library_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn refusal(alert: AlertDescription) -> Refusal {
    match alert {
        AlertDescription::CertificateRequired => Refusal::CertificateRequired,
        AlertDescription::CertificateRevoked => Refusal::CertificateRevoked,
        AlertDescription::CertificateExpired => Refusal::CertificateExpired,
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown => Refusal::BadCertificate,
        // that our key is our certificate's was checked: a bad signature is another authority's,
        // of the same name
        AlertDescription::UnknownCA | AlertDescription::DecryptError => Refusal::UnknownAuthority,
        AlertDescription::AccessDenied => Refusal::AccessDenied,
        other => Refusal::Alert(other.into()),
    }
}

fn distrust(fault: &CertificateError) -> Distrust {
    match fault {
        // a bad signature is that of another authority of the same name
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            Distrust::UnknownAuthority
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Distrust::WrongName
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Distrust::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Distrust::NotYetValid
        }
        _ => Distrust::Invalid,
    }
}
