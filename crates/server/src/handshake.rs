//! TLS 1.3 with a client certificate, within one deadline counted from accept; and who it is.
//!
//! There is no resumption and no early data: both would skip the certificate. Who the caller is, is
//! asked inside the handshake, right after it proved its key: that is the last moment at which the TLS
//! library can still answer `access_denied`, as the contract wants, and before the daemon says a word.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tsmgate_gate::permit::Caller;
use tsmgate_gate::policy::Leaf;
use tsmgate_gate::reason::Reason;

use crate::credentials::Credentials;
use crate::house::Snapshot;
use crate::relay::lane;

mod doorman;

pub(crate) use doorman::chain_reason;
use doorman::{Doorman, Findings};

/// A connection that proved who it is.
#[derive(Debug)]
pub struct Handshaken {
    /// The plaintext side; in a box, for it is large and moved from stage to stage.
    pub(crate) stream: Box<TlsStream<TcpStream>>,
    /// Who it is.
    pub(crate) caller: Caller,
    /// By which certificate.
    pub(crate) leaf: Arc<Leaf>,
    /// The certificates it showed, leaf first: they may run out, or be revoked, while it is here.
    pub(crate) chain: Vec<CertificateDer<'static>>,
}

/// A handshake that failed: why, and whose certificate it was, if one was shown and could be read.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// The certificate shown.
    pub leaf: Option<Arc<Leaf>>,
    /// Whether its key was proved to be the peer's.
    pub key_proved: bool,
    /// The connection, where an alert is on its way: it deserves a [`crate::drain::farewell`].
    pub stream: Option<TcpStream>,
}

/// Shakes hands and identifies, until `deadline`.
///
/// # Errors
/// Nobody gets past an [`Err`]; the peer has been told as much as a TLS alert tells.
pub async fn handshake(
    stream: TcpStream,
    address: IpAddr,
    snapshot: &Snapshot,
    deadline: Instant,
) -> Result<Handshaken, Refused> {
    let Snapshot { credentials, policy, config, .. } = snapshot;
    let refused = |reason| Refused { reason, leaf: None, key_proved: false, stream: None };
    let clients = credentials.clients.as_ref().ok_or_else(|| refused(Reason::GateClosed))?;
    let doorman = Arc::new(Doorman::new(Arc::clone(clients), Arc::clone(policy), address));
    let http = config.speaks_http();
    let config =
        server_config(credentials, &doorman, http).map_err(|_| refused(Reason::TlsIncompatible))?;
    let accept = TlsAcceptor::from(Arc::new(config)).accept(stream).into_fallible();
    let outcome = match timeout_at(deadline, accept).await {
        Err(_) => return Err(doorman.findings().refused(Reason::HandshakeTimeout)),
        Ok(outcome) => outcome,
    };
    let findings = doorman.findings();
    match (outcome, findings) {
        (Ok(stream), Findings { caller: Some(caller), leaf: Some(leaf), .. }) => {
            let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let chain = chain.iter().map(|der| der.clone().into_owned()).collect();
            Ok(Handshaken { stream: Box::new(stream), caller, leaf, chain })
        }
        (Ok(_), findings) => Err(findings.refused(Reason::CertificateMissing)),
        (Err((error, stream)), findings) => {
            let refused = findings.refused(reason_of(&error));
            Err(Refused { stream: Some(stream), ..refused })
        }
    }
}

/// The configuration of one connection: the shared credentials, and its own doorman.
fn server_config(
    credentials: &Credentials,
    doorman: &Arc<Doorman>,
    http: bool,
) -> Result<ServerConfig, rustls::Error> {
    let certificate = SingleCertAndKey::from(Arc::clone(&credentials.server));
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&credentials.provider))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::clone(doorman) as _)
        .with_cert_resolver(Arc::new(certificate));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    // a client that offers no name is let in too, for plain tunnels do not know ours; one that offers only
    // others is refused
    config.alpn_protocols = vec![tsmgate_wire::ALPN.to_vec()];
    if http {
        config.alpn_protocols.extend(lane::HTTP.map(<[u8]>::to_vec));
    }
    Ok(config)
}

/// What a failed handshake was, where no doorman said.
pub fn reason_of(error: &io::Error) -> Reason {
    use rustls::{AlertDescription, Error as Tls};
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Tls>()) else {
        return Reason::HandshakeAborted;
    };
    match tls {
        Tls::NoCertificatesPresented => Reason::CertificateMissing,
        Tls::InvalidCertificate(_) => chain_reason(tls),
        Tls::PeerIncompatible(_) => Reason::TlsIncompatible,
        Tls::NoApplicationProtocol => Reason::AlpnUnknown,
        Tls::AlertReceived(AlertDescription::CloseNotify | AlertDescription::UserCanceled) => {
            Reason::HandshakeAborted
        }
        Tls::AlertReceived(_) => Reason::PeerRefusedUs,
        _ => Reason::HandshakeGarbage,
    }
}
