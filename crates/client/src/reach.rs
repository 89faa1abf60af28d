//! From a name to a TCP connection: resolve, then try each address within the whole time.
//!
//! An address that swallows packets gets its share of the time that is left and no more, so that a
//! dead first address never costs the living second one. Nothing is sent here.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};

use crate::address::Address;
use crate::failure::{Stage, Unreached};

/// Connects to `address`, from the source address `bind` where one is given.
pub(crate) async fn reach(
    address: &Address,
    bind: Option<IpAddr>,
    deadline: Instant,
) -> Result<TcpStream, Unreached> {
    connect(&resolve(address, deadline).await?, bind, deadline).await
}

/// All addresses of a name, in the system's order.
pub(crate) async fn resolve(
    address: &Address,
    deadline: Instant,
) -> Result<Vec<SocketAddr>, Unreached> {
    let found = timeout_at(deadline, lookup_host((address.host(), address.port())))
        .await
        .map_err(|_| Unreached::TimedOut(Stage::Resolve))?
        .map_err(|_| Unreached::NameUnknown)?;
    Ok(found.collect())
}

/// Tries the addresses in turn; where none answers, the last one's failure is the answer.
async fn connect(
    addresses: &[SocketAddr],
    bind: Option<IpAddr>,
    deadline: Instant,
) -> Result<TcpStream, Unreached> {
    let usable = |to: &&SocketAddr| bind.is_none_or(|from| from.is_ipv4() == to.is_ipv4());
    let mut left = u32::try_from(addresses.iter().filter(usable).count()).unwrap_or(u32::MAX);
    let mut last = bind.map_or(Unreached::NameUnknown, Unreached::NoAddressFor);
    for to in addresses.iter().filter(usable) {
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        match timeout_at(Instant::now() + share, connect_one(*to, bind)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(cause)) => last = cause,
            Err(_) => last = Unreached::TimedOut(Stage::Connect),
        }
        left = left.saturating_sub(1).max(1);
    }
    Err(last)
}

/// Connects to one address; the caller has the deadline.
pub(crate) async fn connect_one(
    to: SocketAddr,
    bind: Option<IpAddr>,
) -> Result<TcpStream, Unreached> {
    let network = |error: io::Error| match error.kind() {
        io::ErrorKind::ConnectionRefused => Unreached::Refused,
        kind => Unreached::Network(kind),
    };
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.map_err(network)?;
    if let Some(from) = bind {
        let any_port = SocketAddr::new(from, 0);
        socket.bind(any_port).map_err(|error| Unreached::Source(from, error.kind()))?;
    }
    let stream = socket.connect(to).await.map_err(network)?;
    // the call is one small write: it must not wait for the acknowledgement of the handshake
    stream.set_nodelay(true).map_err(network)?;
    Ok(stream)
}

#[cfg(test)]
mod tests;
