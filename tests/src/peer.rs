//! A TLS client whose every choice is the test's: certificate, protocol names, source address, bytes.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tsmgate_wire::{Answer, decode_reply, encode_call};

use crate::certificates::Identity;
use crate::wait::PATIENCE;

/// How to connect.
#[derive(Clone)]
pub struct Peer {
    /// Where the gate is.
    pub gate: SocketAddr,
    /// The address to connect from.
    pub from: Option<IpAddr>,
    config: ClientConfig,
}

/// An open connection.
pub type Stream = TlsStream<TcpStream>;

impl Peer {
    /// A well-behaved client: trusts `authority` (PEM), shows `identity`, offers `tsm-login`.
    pub fn new(gate: SocketAddr, authority: &str, identity: Option<&Identity>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(tsmgate_server::credentials::provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            None => config.with_no_client_auth(),
            Some(identity) => {
                let key = provider.key_provider.load_private_key(identity.private_key()).unwrap();
                // as it is, even where certificate and key do not belong together
                let shown = CertifiedKey::new(identity.certificates(), key);
                config.with_client_cert_resolver(Arc::new(Shown(Arc::new(shown))))
            }
        };
        config.alpn_protocols = vec![b"tsm-login".to_vec()];
        Self { gate, from: None, config }
    }

    /// Connects from another address of this host.
    #[must_use]
    pub fn from(mut self, address: &str) -> Self {
        self.from = Some(address.parse().unwrap());
        self
    }

    /// Offers these protocol names.
    #[must_use]
    pub fn offering(mut self, names: &[&str]) -> Self {
        self.config.alpn_protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    /// Changes anything.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut ClientConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Its TLS side, for tests that move every record by hand.
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::new(self.config.clone())
    }

    /// TCP alone.
    ///
    /// # Errors
    /// As the system's.
    pub async fn tcp(&self) -> io::Result<TcpStream> {
        let socket = if self.gate.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(from) = self.from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream = socket.connect(self.gate).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// TCP and the client's side of TLS. In TLS 1.3 that is done before the gate has judged the
    /// certificate: a refusal shows at the first read.
    ///
    /// # Errors
    /// As the gate makes them.
    pub async fn connect(&self) -> io::Result<Stream> {
        self.over(self.tcp().await?).await
    }

    /// The client's side of TLS over a connection that is there already.
    ///
    /// # Errors
    /// As the gate makes them.
    pub async fn over(&self, tcp: TcpStream) -> io::Result<Stream> {
        let connector = TlsConnector::from(Arc::new(self.config.clone()));
        let name = ServerName::try_from("localhost").unwrap();
        within(connector.connect(name, tcp)).await?
    }

    /// Connects, calls once, and gives the answer.
    ///
    /// # Errors
    /// As the gate makes them; an end without an answer is `UnexpectedEof`.
    pub async fn login(&self) -> io::Result<Answer> {
        let mut stream = self.connect().await?;
        call(&mut stream, 1).await
    }

    /// The cookie's value.
    ///
    /// # Panics
    /// Where there is none.
    pub async fn cookie(&self) -> String {
        cookie_of(self.login().await.expect("a login"))
    }

    /// What a refused peer sees at its first read, as text: an alert's name, `closed`, or `reset`.
    ///
    /// # Panics
    /// Where the gate answers.
    pub async fn refusal(&self) -> String {
        match self.login().await {
            Ok(answer) => panic!("an answer where a refusal was due: {answer:?}"),
            Err(error) => refusal_of(&error),
        }
    }
}

/// The cookie's value in an answer.
///
/// # Panics
/// Where there is none.
pub fn cookie_of(answer: Answer) -> String {
    match answer {
        Answer::Granted(login) => login.cookie.value().expose().to_owned(),
        other => panic!("no cookie but {other:?}"),
    }
}

/// An error as the text that [`Peer::refusal`] gives.
pub fn refusal_of(error: &io::Error) -> String {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (tls, error.kind()) {
        (Some(rustls::Error::AlertReceived(alert)), _) => format!("{alert:?}"),
        (_, io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => "reset".to_owned(),
        (_, io::ErrorKind::UnexpectedEof) => "closed".to_owned(),
        _ => format!("{error}"),
    }
}

/// Calls `login` under a sequence number, and gives the answer.
///
/// # Errors
/// As the gate makes them; an end without an answer is `UnexpectedEof`.
pub async fn call(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    sequence: i32,
) -> io::Result<Answer> {
    send(stream, &encode_call(sequence)).await?;
    answer(stream, sequence).await
}

/// Sends bytes.
///
/// # Errors
/// As the stream's.
pub async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// Reads the answer to a call, and not a byte more.
///
/// # Errors
/// As the stream's; an end without an answer is `UnexpectedEof`.
pub async fn answer(stream: &mut (impl AsyncRead + Unpin), sequence: i32) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    loop {
        let mut byte = [0];
        match within(stream.read(&mut byte)).await?? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => bytes.push(byte[0]),
        }
        // the last two bytes of every answer are the ends of two structs, or of one
        if byte == [0] {
            match decode_reply(&bytes, sequence) {
                Ok(None) => {}
                Ok(Some(answer)) => return Ok(answer),
                Err(fault) => return Err(io::Error::other(fault)),
            }
        }
    }
}

/// Everything the gate sends until it closes, and how that ended.
pub async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> (Vec<u8>, Option<io::Error>) {
    let mut bytes = Vec::new();
    match within(stream.read_to_end(&mut bytes)).await {
        Ok(Ok(_)) => (bytes, None),
        Ok(Err(error)) | Err(error) => (bytes, Some(error)),
    }
}

/// A deadline for everything a test waits for.
///
/// # Errors
/// `TimedOut` after [`PATIENCE`].
pub async fn within<T>(future: impl Future<Output = T>) -> io::Result<T> {
    timeout(PATIENCE, future).await.map_err(|_| io::ErrorKind::TimedOut.into())
}

/// How long something took.
pub async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let begun = std::time::Instant::now();
    (future.await, begun.elapsed())
}

/// Shows one certificate, whatever the server asks for.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
