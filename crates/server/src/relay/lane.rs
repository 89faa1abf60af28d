//! Which lane a connection is on: what it said in the handshake (ALPN), or else its first byte.
//!
//! A plain tunnel says nothing in the handshake, and neither does `curl` behind one. A Thrift message
//! begins with 0x80, an HTTP request with a letter; whatever is neither is left to the login lane, which
//! knows how to refuse it.

use std::sync::OnceLock;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};
use tsmgate_gate::permission::Permission;
use tsmgate_wire::CALL_LIMIT;

/// The names of the lanes that speak HTTP, in the handshake. The older one is all that some clients offer.
pub const HTTP: [&[u8]; 2] = [b"http/1.1", b"http/1.0"];

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Thrift, for the raw cookie.
    Login,
    /// HTTP.
    Http,
}

impl Lane {
    /// The permission for which alone a connection is there, where its lane has one.
    pub fn permission(self) -> Option<Permission> {
        match self {
            Self::Login => Some(Permission::login()),
            Self::Http => None,
        }
    }

    /// The lane's name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Http => "http",
        }
    }
}

/// A connection's lane, for who has to know it while it is being found out.
pub type Chosen = OnceLock<Lane>;

/// Finds out which lane it is. `alpn` is the name agreed on in the handshake, `http` whether there is more
/// than the login lane. What is read goes to `buffer`, at most [`CALL_LIMIT`] bytes; a peer that is silent
/// until `deadline`, or gone, is the login lane's.
pub async fn choose(
    stream: &mut (impl AsyncRead + Unpin),
    alpn: Option<&[u8]>,
    http: bool,
    buffer: &mut BytesMut,
    deadline: Instant,
) -> Lane {
    match alpn {
        Some(name) if HTTP.contains(&name) => return Lane::Http,
        Some(_) => return Lane::Login,
        None if !http => return Lane::Login,
        None => {}
    }
    let mut first = stream.take(CALL_LIMIT as u64);
    let _ = timeout_at(deadline, first.read_buf(buffer)).await;
    match buffer.first() {
        Some(b'A'..=b'Z') => Lane::Http,
        _ => Lane::Login,
    }
}
