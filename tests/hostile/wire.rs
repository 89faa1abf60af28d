//! A TLS client whose records a test moves by hand, to cut, count and spoil them.

use std::io;

use rustls::ClientConnection;
use rustls_pki_types::ServerName;
use tests::Peer;
use tests::peer::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::case::to_the_end;

/// The client's side and its socket.
pub struct Wire {
    pub tls: ClientConnection,
    pub tcp: TcpStream,
}

impl Wire {
    /// Connects; nothing is sent yet.
    pub async fn connect(peer: &Peer) -> Self {
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(peer.config(), name).unwrap();
        Self { tls, tcp: peer.tcp().await.unwrap() }
    }

    /// What the client wants to send.
    pub fn outgoing(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// Sends what the client wants to send.
    pub async fn flush(&mut self) -> io::Result<()> {
        let bytes = self.outgoing();
        self.tcp.write_all(&bytes).await
    }

    /// Takes in what the gate sends next.
    pub async fn take(&mut self) -> io::Result<()> {
        let mut bytes = [0; 4096];
        let count = match within(self.tcp.read(&mut bytes)).await?? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => count,
        };
        let mut bytes = &bytes[..count];
        while !bytes.is_empty() {
            self.tls.read_tls(&mut bytes)?;
            self.tls.process_new_packets().map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Shakes hands, as far as the client can tell.
    pub async fn handshake(&mut self) -> io::Result<()> {
        while self.tls.is_handshaking() {
            self.flush().await?;
            self.take().await?;
        }
        self.flush().await
    }

    /// All raw bytes that the gate still sends.
    pub async fn last_bytes(&mut self) -> Vec<u8> {
        to_the_end(&mut self.tcp).await
    }
}
