//! The load: one request after the other, blocking, on a connection that is kept. Every target gets the
//! same offer: one cipher suite, one key exchange, `http/1.1`.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;
use tests::Identity;

use crate::offer::offer;

/// No single read or write takes longer.
const DEADLINE: Duration = Duration::from_secs(20);
/// The longest header of an answer.
const HEAD_LIMIT: usize = 8 * 1024;

/// How to connect, and what every request says beside its path.
pub struct Client {
    config: Arc<ClientConfig>,
    lines: String,
}

/// A connection that is kept.
pub struct Line {
    stream: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
    lines: String,
}

impl Client {
    /// Trusts `authority` (PEM), shows `identity`.
    pub fn new(authority: &str, identity: Option<&Identity>) -> anyhow::Result<Self> {
        let mut config = offer(authority, identity, aws_lc_rs::kx_group::X25519)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), lines: String::new() })
    }

    /// With more lines for the header of every request, each with its end.
    pub fn saying(self, lines: String) -> Self {
        Self { lines, ..self }
    }

    /// Connects; the handshake is done with the first request.
    pub fn connect(&self, port: u16) -> anyhow::Result<Line> {
        let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("cannot connect")?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(DEADLINE))?;
        tcp.set_write_timeout(Some(DEADLINE))?;
        let name = ServerName::try_from("localhost")?;
        let tls = ClientConnection::new(Arc::clone(&self.config), name)?;
        let (stream, lines) = (StreamOwned::new(tls, tcp), self.lines.clone());
        Ok(Line { stream, buffer: vec![0; 256 * 1024], lines })
    }

    /// Asks, and gets no answer that would be worth anything.
    ///
    /// # Errors
    /// There was one, or neither an answer nor an end.
    pub fn is_refused(&self, port: u16, path: &str) -> anyhow::Result<()> {
        let mut line = self.connect(port)?;
        match line.send(path).and_then(|()| line.head()) {
            // nginx says it in HTTP
            Ok((head, _, _)) if head.starts_with("HTTP/1.1 400 ") => Ok(()),
            Ok((head, _, _)) => bail!("it was answered: {head}"),
            Err(error) => match error.downcast_ref::<std::io::Error>() {
                Some(error) if error.kind() == ErrorKind::WouldBlock => {
                    bail!("it was neither answered nor refused")
                }
                _ => Ok(()),
            },
        }
    }
}

impl Line {
    /// One request; the time from its first byte to the last one of the answer.
    ///
    /// # Errors
    /// Anything but the whole right answer.
    pub fn ask(&mut self, path: &str, body: &[u8]) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        self.send(path)?;
        let (head, mut at, length) = self.head()?;
        let from = head.len();
        ensure!(head.starts_with("HTTP/1.1 200 "), "it said {head}");
        ensure!(length == body.len() as u64, "the answer has {length} bytes");
        while at < from + body.len() {
            at += self.read(at)?;
        }
        let took = begun.elapsed();
        ensure!(self.buffer[from..at] == *body, "the answer is not the one TSM gave");
        ensure!(!head.to_ascii_lowercase().contains("connection: close"), "it closes");
        Ok(took)
    }

    /// One request for an answer of so many bytes that nobody keeps.
    ///
    /// # Errors
    /// Anything but so many bytes.
    pub fn fetch(&mut self, path: &str, bytes: u64) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        self.send(path)?;
        let (head, at, length) = self.head()?;
        ensure!(head.starts_with("HTTP/1.1 200 ") && length == bytes, "it said {head}");
        let mut left = bytes - (at - head.len()) as u64;
        while left > 0 {
            left = left.checked_sub(self.read(0)? as u64).context("more than it said")?;
        }
        Ok(begun.elapsed())
    }

    fn send(&mut self, path: &str) -> anyhow::Result<()> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n{}\r\n",
            self.lines
        );
        self.stream.write_all(request.as_bytes())?;
        Ok(self.stream.flush()?)
    }

    /// The header of an answer, how far the buffer is filled then, and the length that it says.
    fn head(&mut self) -> anyhow::Result<(String, usize, u64)> {
        let mut at = 0;
        let end = loop {
            at += self.read(at)?;
            let found = self.buffer[..at].windows(4).position(|four| four == b"\r\n\r\n");
            match found {
                Some(end) => break end + 4,
                None => ensure!(at < HEAD_LIMIT, "a header without an end"),
            }
        };
        let head = String::from_utf8(self.buffer[..end].to_vec())?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse().ok())?
        });
        Ok((head, at, length.unwrap_or_default()))
    }

    fn read(&mut self, at: usize) -> anyhow::Result<usize> {
        let count = self.stream.read(&mut self.buffer[at..])?;
        ensure!(count > 0, "it closed");
        Ok(count)
    }
}
