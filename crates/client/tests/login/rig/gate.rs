//! A gate that is none: TLS with a client certificate, and then a part to play.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, HandshakeKind, NamedGroup,
    ProtocolVersion, RootCertStore, ServerConfig, ServerConnection, SignatureScheme, StreamOwned,
    SupportedProtocolVersion,
};

use super::certificates::Certificates;
use super::play::{Play, play};

/// What a handshake agreed on.
#[derive(Debug)]
pub(crate) struct Agreed {
    pub(crate) version: ProtocolVersion,
    pub(crate) group: NamedGroup,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) kind: HandshakeKind,
    pub(crate) client: Vec<CertificateDer<'static>>,
    pub(crate) from: std::net::IpAddr,
}

/// A listening peer.
pub(crate) struct FakeGate {
    port: u16,
    agreed: Receiver<Agreed>,
}

impl FakeGate {
    /// A gate that wants a certificate of the authority, and then plays.
    pub(crate) fn start(certificates: &Certificates, part: Play) -> Self {
        Self::with_config(config(certificates, &[&rustls::version::TLS13]), part)
    }

    pub(crate) fn with_config(config: ServerConfig, part: Play) -> Self {
        let (tell, agreed) = channel();
        let config = Arc::new(config);
        let port = serve(move |tcp| converse(tcp, Arc::clone(&config), &part, &tell));
        Self { port, agreed }
    }

    /// A gate that judges every certificate like this.
    pub(crate) fn judging(certificates: &Certificates, judge: Judge) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(Arc::new(judge))
            .with_single_cert(certificates.chain("server.pem"), certificates.key("server.key"))
            .unwrap();
        Self::with_config(config, Play::ReplyAndHold(super::granted()))
    }

    /// A peer that does this with the bare TCP connection.
    pub(crate) fn raw(act: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        Self { port: serve(act), agreed: channel().1 }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What the next handshake agreed on; waits for it.
    pub(crate) fn agreed(&self) -> Agreed {
        self.agreed.recv().unwrap()
    }
}

/// A server that asks for a certificate of the authority.
pub(crate) fn config(
    certificates: &Certificates,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(certificates.chain("ca.pem").remove(0)).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(certificates.chain("server.pem"), certificates.key("server.key"))
        .unwrap();
    config.alpn_protocols = vec![b"tsm-login".to_vec()];
    config
}

/// Serves connections on the loopback, each in its thread; the port.
fn serve(act: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let act = Arc::new(act);
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let (act, tcp) = (Arc::clone(&act), tcp.unwrap());
            thread::spawn(move || act(tcp));
        }
    });
    port
}

fn converse(mut tcp: TcpStream, config: Arc<ServerConfig>, part: &Play, tell: &Sender<Agreed>) {
    let mut tls = ServerConnection::new(config).unwrap();
    while tls.is_handshaking() {
        // a failed handshake has sent its alert
        if tls.complete_io(&mut tcp).is_err() {
            return leave_in_order(&mut tcp);
        }
    }
    let agreed = Agreed {
        version: tls.protocol_version().unwrap(),
        group: tls.negotiated_key_exchange_group().unwrap().name(),
        alpn: tls.alpn_protocol().map(<[u8]>::to_vec),
        kind: tls.handshake_kind().unwrap(),
        client: tls.peer_certificates().unwrap_or_default().to_vec(),
        from: tcp.peer_addr().unwrap().ip(),
    };
    // nobody may be asking
    let _ = tell.send(agreed);
    let mut stream = StreamOwned::new(tls, tcp);
    let _ = play(&mut stream, part);
    if matches!(part, Play::Reset) {
        return reset(stream.sock);
    }
    stream.conn.send_close_notify();
    let _ = stream.flush();
    leave_in_order(&mut stream.sock);
}

/// Ends our side, and reads what the client still sends: closing over unread bytes would reset the
/// connection and could take what we said with it.
fn leave_in_order(tcp: &mut TcpStream) {
    let _ = tcp.shutdown(std::net::Shutdown::Write);
    let _ = tcp.read_to_end(&mut Vec::new());
}

/// Goes away in the middle, without a word.
fn reset(tcp: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&tcp, Some(Duration::ZERO)).unwrap();
    drop(tcp);
}

/// A client verifier with a verdict of its own.
#[derive(Debug)]
pub(crate) struct Judge {
    verdict: CertificateError,
    schemes: Vec<SignatureScheme>,
    provider: CryptoProvider,
}

impl Judge {
    /// Refuses every certificate for this reason; rustls makes the alert of it.
    pub(crate) fn refusing(verdict: CertificateError) -> Self {
        let provider = aws_lc_rs::default_provider();
        let schemes = provider.signature_verification_algorithms.supported_schemes();
        Self { verdict, schemes, provider }
    }

    /// Takes only keys of a kind that the client does not have, so that it sends no certificate.
    pub(crate) fn wanting_another_key() -> Self {
        let refusing = Self::refusing(CertificateError::BadEncoding);
        Self { schemes: vec![SignatureScheme::ED25519], ..refusing }
    }
}

impl ClientCertVerifier for Judge {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Err(self.verdict.clone().into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        unreachable!("TLS 1.3 only")
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
