//! TLS 1.3, in which a client may show a certificate of this authority and need not: who joins has none yet.
//!
//! There is no resumption and no early data: both would skip the certificate. One that is shown must be good;
//! whether it was revoked, the order asks the index.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};
use rustls::version::TLS13;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tsmgate_gate::policy::Leaf;
use tsmgate_gate::reason::Reason;
use tsmgate_server::credentials::provider;
use tsmgate_server::handshake::reason_of;
use tsmgate_server::identify::read_leaf;

/// What is spoken here.
const ALPN: &[u8] = b"http/1.1";

/// A connection whose handshake is done.
#[derive(Debug)]
pub struct Handshaken {
    /// The plaintext side.
    pub stream: TlsStream<TcpStream>,
    /// The certificate that was shown, whose key is the peer's.
    pub shown: Option<Arc<Shown>>,
}

/// A certificate that was shown.
#[derive(Debug)]
pub struct Shown {
    /// The whole of it.
    pub der: Vec<u8>,
    /// What is in it.
    pub leaf: Leaf,
}

/// A handshake that failed.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// The connection, where an alert is on its way.
    pub stream: Option<TcpStream>,
}

/// How connections are served: with this chain and key (PEM), for clients of this authority (PEM).
///
/// # Errors
/// One of them cannot be used.
pub fn server_config(
    authority: &str,
    chain: &str,
    key: &str,
) -> Result<Arc<ServerConfig>, Box<dyn std::error::Error>> {
    let provider = Arc::new(provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()?;
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes())?)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    // who offers no name is let in too; who offers only others is refused
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// Shakes hands, until `deadline`.
///
/// # Errors
/// Nobody gets past an [`Err`]; the peer has been told as much as a TLS alert tells.
pub async fn handshake(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    deadline: Instant,
) -> Result<Handshaken, Refused> {
    let accept = TlsAcceptor::from(config).accept(stream).into_fallible();
    let stream = match timeout_at(deadline, accept).await {
        Err(_) => return Err(Refused { reason: Reason::HandshakeTimeout, stream: None }),
        Ok(Err((error, stream))) => {
            return Err(Refused { reason: reason_of(&error), stream: Some(stream) });
        }
        Ok(Ok(stream)) => stream,
    };
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let shown = match chain.first() {
        None => None,
        Some(der) => {
            let claim = read_leaf(der).map_err(|reason| Refused { reason, stream: None })?;
            if !claim.for_clients {
                return Err(Refused { reason: Reason::CertificateUsage, stream: None });
            }
            Some(Arc::new(Shown { der: der.to_vec(), leaf: claim.leaf }))
        }
    };
    Ok(Handshaken { stream, shown })
}
