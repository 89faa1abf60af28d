//! A handshake that is looked at: what was agreed, what the gate showed, and what it says to a goodbye.
//!
//! It trusts no more than any other: what is shown is kept, and judged by the usual verifier, so that a
//! gate that is not trusted gets nothing from us. Nothing is asked here, and no session can come of it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, DigitallySignedStruct, NamedGroup,
    ProtocolVersion, SignatureScheme,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::{HandshakeFault, config, provider, sort_handshake, sort_silence};
use crate::Gate;
use crate::failure::{Breach, FileFault, LoginFailure, Refusal, Stage, Unreached};
use crate::identity;

/// So much is read at once, in bytes; a record of TLS is no longer than 16 KiB and a little.
const PIECE: usize = 8 * 1024;

/// What was seen.
#[derive(Debug)]
pub(crate) struct Look {
    /// Whether a byte came at all.
    pub(crate) was_answered: bool,
    pub(crate) version: Option<ProtocolVersion>,
    pub(crate) group: Option<NamedGroup>,
    pub(crate) cipher: Option<CipherSuite>,
    /// What the gate showed, leaf first; also where it is not trusted.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// How the handshake ended.
    pub(crate) handshake: Result<(), HandshakeFault>,
    /// What the gate says of us: it judges our certificate after our side of the handshake is done. An
    /// orderly end is a yes.
    pub(crate) accepted: Result<(), Judged>,
}

/// A gate's answer to a client that said nothing but goodbye.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judged {
    /// There was no handshake.
    NotAsked,
    /// No.
    Refused(Refusal),
    /// Something else.
    Breach(Breach),
    /// Nothing, until the time was over.
    TimedOut,
}

/// Shakes hands in a lane over a connection that is there, and says goodbye.
///
/// # Errors
/// [`LoginFailure::File`] and [`LoginFailure::BadServerName`]: our own side is not ready.
pub(crate) async fn look(
    gate: &Gate,
    alpn: &[u8],
    tcp: TcpStream,
    deadline: Instant,
) -> Result<Look, LoginFailure> {
    let name = ServerName::try_from(gate.server_name.clone())
        .map_err(|_| LoginFailure::BadServerName(gate.server_name.clone()))?;
    let config = config(&gate.authority, &gate.certificate, &gate.private_key, alpn)?;
    let shown = Arc::new(Shown::by(gate)?);
    let mut config = ClientConfig::clone(&config);
    config.dangerous().set_certificate_verifier(Arc::clone(&shown) as Arc<dyn ServerCertVerifier>);
    let tls = ClientConnection::new(Arc::new(config), name)
        .map_err(|_| LoginFailure::BadServerName(gate.server_name.clone()))?;
    let mut line = Line { tls, tcp, was_answered: false, is_ended: false };
    let handshake = match timeout_at(deadline, line.shake_hands()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(sort_handshake(&error)),
        Err(_) => Err(HandshakeFault::Unreached(Unreached::TimedOut(Stage::Handshake))),
    };
    let accepted = match &handshake {
        Ok(()) => match timeout_at(deadline, line.say_goodbye()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(match sort_silence(Some(&error)) {
                Ok(refusal) => Judged::Refused(refusal),
                Err(breach) => Judged::Breach(breach),
            }),
            Err(_) => Err(Judged::TimedOut),
        },
        Err(_) => Err(Judged::NotAsked),
    };
    let tls = &line.tls;
    Ok(Look {
        was_answered: line.was_answered,
        version: tls.protocol_version(),
        group: tls.negotiated_key_exchange_group().map(|group| group.name()),
        cipher: tls.negotiated_cipher_suite().map(|suite| suite.suite()),
        chain: shown.take(),
        handshake,
        accepted,
    })
}

/// The connection, and TLS over it: the library's own driver forgets what was agreed where it fails.
struct Line {
    tls: ClientConnection,
    tcp: TcpStream,
    was_answered: bool,
    /// Whether the peer said that nothing more comes.
    is_ended: bool,
}

impl Line {
    async fn shake_hands(&mut self) -> io::Result<()> {
        loop {
            self.send().await?;
            if !self.tls.is_handshaking() {
                return Ok(());
            }
            if !self.receive().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Says that nothing more comes, and reads what is still said.
    async fn say_goodbye(&mut self) -> io::Result<()> {
        self.tls.send_close_notify();
        self.send().await?;
        self.tcp.shutdown().await?;
        while self.receive().await? {}
        // an end that TLS does not say is what a refusal may leave
        if self.is_ended { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    async fn send(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            let mut out = Vec::new();
            self.tls.write_tls(&mut out)?;
            self.tcp.write_all(&out).await?;
        }
        Ok(())
    }

    /// Takes in what has come; false at the end.
    async fn receive(&mut self) -> io::Result<bool> {
        let mut piece = vec![0; PIECE];
        let read = self.tcp.read(&mut piece).await?;
        self.was_answered |= read > 0;
        let mut bytes = piece.get(..read).unwrap_or_default();
        while !bytes.is_empty() {
            self.tls.read_tls(&mut bytes)?;
            match self.tls.process_new_packets() {
                Ok(state) => self.is_ended |= state.peer_has_closed(),
                Err(error) => {
                    // why we leave is told, as well as it can be
                    let _ = self.send().await;
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
        }
        Ok(read > 0)
    }
}

/// Keeps what a gate shows, and judges it as ever.
#[derive(Debug)]
struct Shown {
    judge: Arc<WebPkiServerVerifier>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl Shown {
    fn by(gate: &Gate) -> Result<Self, LoginFailure> {
        let roots = Arc::new(identity::authority(&gate.authority)?);
        let judge = WebPkiServerVerifier::builder_with_provider(roots, Arc::new(provider()));
        let judge =
            judge.build().map_err(|_| identity::fault(&gate.authority, FileFault::BadAuthority))?;
        Ok(Self { judge, chain: Mutex::default() })
    }

    fn take(&self) -> Vec<CertificateDer<'static>> {
        std::mem::take(&mut *self.chain.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ServerCertVerifier for Shown {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let all = std::iter::once(certificate).chain(others);
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) =
            all.map(|shown| shown.clone().into_owned()).collect();
        self.judge.verify_server_cert(certificate, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}
