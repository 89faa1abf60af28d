//! The load: clients that each make connections of their own, blocking. Every target gets the same offer:
//! one cipher suite, one key exchange, no resumption.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use rustls::crypto::SupportedKxGroup;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, StreamOwned};
use rustls_pki_types::ServerName;
use tests::Identity;

use crate::offer::offer;

/// No login takes longer, unless a measure says so.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Why there is no cookie.
#[derive(Debug)]
pub enum Failure {
    /// It is not the one TSM gave, or it came by a handshake that was not a full one: no figure of this run
    /// is worth anything.
    Wrong(&'static str),
    /// There was none.
    Lost(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(what) => f.write_str(what),
            Self::Lost(error) => write!(f, "no answer: {error}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

/// A client that knows what the answer must be.
#[derive(Clone)]
pub struct Client {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    call: Vec<u8>,
    reply: Vec<u8>,
}

impl Client {
    /// Trusts `authority` (PEM), shows `identity`, exchanges keys with `group` alone.
    pub fn new(
        authority: &str,
        identity: Option<&Identity>,
        group: &'static dyn SupportedKxGroup,
        reply: &[u8],
    ) -> anyhow::Result<Self> {
        let config = offer(authority, identity, group)?;
        let call = tsmgate_wire::encode_call(crate::tsm::SEQUENCE);
        let name = ServerName::try_from("localhost")?;
        Ok(Self { config: Arc::new(config), name, call, reply: reply.to_vec() })
    }

    /// One cold login and an orderly end; when the last byte of the answer was there.
    ///
    /// # Errors
    /// Anything but the whole right answer, and an end.
    pub fn login(&self, port: u16) -> Result<Instant, Failure> {
        let mut session = self.connect(port, Instant::now() + DEADLINE)?;
        session.call(self)?;
        let there = Instant::now();
        session.close()?;
        Ok(there)
    }

    /// A connection, which has said nothing so far. No wait on it is longer than what is left at `end`.
    ///
    /// # Errors
    /// There is none.
    pub fn connect(&self, port: u16, end: Instant) -> Result<Session, Failure> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let left = || match end.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(io::Error::from(ErrorKind::TimedOut)),
            left => Ok(left),
        };
        let tcp = TcpStream::connect_timeout(&address, left()?)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(left()?))?;
        tcp.set_write_timeout(Some(left()?))?;
        let tls = ClientConnection::new(Arc::clone(&self.config), self.name.clone());
        Ok(Session(StreamOwned::new(tls.map_err(io::Error::other)?, tcp)))
    }

    /// Calls, and gets no answer.
    ///
    /// # Errors
    /// There was an answer, or neither an answer nor an end.
    pub fn is_refused(&self, port: u16) -> anyhow::Result<()> {
        let Session(mut stream) = self.connect(port, Instant::now() + DEADLINE)?;
        // the client's side of TLS 1.3 is done before the server's: the refusal may come at the read
        let read = stream.write_all(&self.call).and_then(|()| stream.read(&mut [0; 1]));
        match read {
            Ok(0) => Ok(()),
            Ok(_) => bail!("it was answered"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                bail!("it was neither answered nor refused")
            }
            Err(_) => Ok(()),
        }
    }
}

/// A connection.
pub struct Session(StreamOwned<ClientConnection, TcpStream>);

impl Session {
    /// The handshake where it is still to be done, and one login.
    ///
    /// # Errors
    /// Anything but the whole right answer.
    pub fn call(&mut self, client: &Client) -> Result<(), Failure> {
        let Self(stream) = self;
        stream.write_all(&client.call)?;
        let mut answer = vec![0; client.reply.len()];
        stream.read_exact(&mut answer)?;
        if answer != client.reply {
            return Err(Failure::Wrong("the answer is not the one TSM gave"));
        }
        match stream.conn.handshake_kind() {
            Some(HandshakeKind::Full) => Ok(()),
            _ => Err(Failure::Wrong("the handshake was not a full one")),
        }
    }

    /// Says that it is over, and waits until the other side closed.
    fn close(self) -> io::Result<()> {
        let Self(StreamOwned { conn: mut tls, sock: mut tcp }) = self;
        tls.send_close_notify();
        while tls.wants_write() {
            tls.write_tls(&mut tcp)?;
        }
        tcp.shutdown(Shutdown::Write)?;
        // what is left, such as the other side's close_notify
        let mut rest = [0; 256];
        loop {
            match tcp.read(&mut rest) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}
