//! A handshake that only looks: whose certificate it is that a controller shows, and that it has the key.
//!
//! Whoever answers is not believed, so nothing is sent to him after the handshake, and nothing read.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme, SupportedProtocolVersion,
};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tsmgate_text::escape;

use crate::credentials::provider_with_tls12;
use crate::credentials::tsm::distrust;

/// From the name to a connection.
pub const CONNECT: Duration = Duration::from_secs(5);
/// The whole handshake, however slowly it comes.
pub const HANDSHAKE: Duration = Duration::from_secs(5);

/// Why nothing was seen; the host is in it as it was written.
#[derive(Debug, thiserror::Error)]
pub enum LookFault {
    /// There is no connection.
    #[error("{host}, port {port}: {cause}; is TSM up, and is this its HTTPS port?")]
    Unreachable {
        /// Whom we asked.
        host: String,
        /// At which port.
        port: u16,
        /// What the system says.
        cause: io::Error,
    },
    /// Neither a connection nor a refusal, or a handshake without an end.
    #[error("{host}, port {port}: {what} within {} s", .limit.as_secs())]
    TooSlow {
        /// Whom we asked.
        host: String,
        /// At which port.
        port: u16,
        /// What did not come.
        what: &'static str,
        /// How long we waited.
        limit: Duration,
    },
    /// Its handshake is none that could be taken.
    #[error("{host}, port {port}: {what}")]
    Handshake {
        /// Whom we asked.
        host: String,
        /// At which port.
        port: u16,
        /// What is wrong with it.
        what: String,
    },
}

/// The certificates that the controller at this host and port shows, its own first. It has proven that it
/// has the key of that; nothing else about it is checked.
///
/// # Errors
/// Nobody answers, not in time, or with a handshake that does not hold.
pub async fn look(host: &str, port: u16) -> Result<Vec<CertificateDer<'static>>, LookFault> {
    let handshake = |what: String| LookFault::Handshake { host: escape(host), port, what };
    let too_slow = |what, limit| LookFault::TooSlow { host: escape(host), port, what, limit };
    let (config, looker) =
        looking(&[&TLS13, &TLS12]).map_err(|error| handshake(error.to_string()))?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| handshake("this is neither a name nor an address".to_owned()))?;
    let tcp = timeout(CONNECT, TcpStream::connect((host, port)))
        .await
        .map_err(|_| too_slow("no connection", CONNECT))?
        .map_err(|cause| LookFault::Unreachable { host: escape(host), port, cause })?;
    let stream = timeout(HANDSHAKE, TlsConnector::from(Arc::new(config)).connect(name, tcp))
        .await
        .map_err(|_| too_slow("no whole handshake", HANDSHAKE))?
        .map_err(|error| {
            let ended = || format!("the handshake broke off: {}", escape(error.to_string()));
            handshake(distrust(&error).unwrap_or_else(ended))
        })?;
    drop(stream);
    let chain = std::mem::take(&mut *looker.chain.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(chain)
}

/// What only looks, with these versions of TLS: it shows no certificate of its own, and takes up no session.
///
/// # Errors
/// There is no TLS of that version.
pub(crate) fn looking(
    versions: &[&'static SupportedProtocolVersion],
) -> Result<(ClientConfig, Arc<Looker>), Error> {
    let provider = Arc::new(provider_with_tls12());
    let looker = Arc::new(Looker {
        chain: Mutex::default(),
        schemes: provider.signature_verification_algorithms,
    });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&looker) as _)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok((config, looker))
}

/// Takes any certificate for a look, and no handshake without its key.
#[derive(Debug)]
pub(crate) struct Looker {
    chain: Mutex<Vec<CertificateDer<'static>>>,
    schemes: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Looker {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let all = std::iter::once(leaf).chain(intermediates);
        let chain = all.map(|certificate| certificate.clone().into_owned()).collect();
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.schemes)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.supported_schemes()
    }
}
