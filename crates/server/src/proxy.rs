//! Whose connection it is: behind a listed balancer, the PROXY protocol (version 2) says so.
//!
//! Only listed balancers are believed, and they must say it. Whoever else sends such a header sends
//! something that is not TLS, and is cut for that.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use proxy_header::{ParseConfig, Protocol, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tsmgate_gate::network::{Networks, canonical};
use tsmgate_gate::reason::Reason;

use crate::audit::record::Record;

/// Of the fixed part: signature, version and command, family, length (the specification's § 2.2).
const FIXED: usize = 16;
/// The specification's signature of version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// How long a header may take: a balancer sends it as soon as it is connected.
const HEADER_TIME: Duration = Duration::from_secs(1);
/// Headers that may be on their way at once; fewer than the places that are kept beside those of clients.
const HEADERS: usize = 48;
/// Version 2, command LOCAL.
const LOCAL: u8 = 0x20;
/// Addresses take 36 bytes at most; the rest is what balancers like to add, and we do not read.
const LONGEST: usize = 2048;

/// The two ends of a connection, as far as we believe them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Whose it is.
    pub address: IpAddr,
    /// From which port.
    pub port: u16,
    /// Through which balancer it came.
    pub balancer: Option<SocketAddr>,
}

/// Why nobody can say whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// The balancer connected and closed: it looked whether we are there.
    Nobody,
    /// There was no header of version 2, or not within its time, or too many have not come yet.
    NoHeader,
    /// The daemon stops.
    Stopping,
}

impl Unknown {
    /// What it is refused for; a look is no refusal.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Nobody => None,
            Self::NoHeader => Some(Reason::ProxyHeaderMissing),
            Self::Stopping => Some(Reason::GateStopping),
        }
    }
}

impl Origin {
    /// Adds both ends to a record.
    pub fn about(&self, record: Record) -> Record {
        let record = record.source(self.address, self.port);
        match self.balancer {
            None => record,
            Some(balancer) => record
                .text("tsmgate.proxy.ip", &canonical(balancer.ip()).to_string())
                .number("tsmgate.proxy.port", balancer.port().into()),
        }
    }

    /// Whether its address is still to be believed, with these balancers.
    pub fn is_believed(&self, balancers: &Networks) -> bool {
        self.balancer.is_none_or(|peer| balancers.find(canonical(peer.ip())).is_some())
    }

    /// Where `peer` itself comes from.
    pub fn direct(peer: SocketAddr) -> Self {
        Self { address: canonical(peer.ip()), port: peer.port(), balancer: None }
    }
}

/// Those that have not said yet for whom they speak. They are in nobody's budget, since nobody knows
/// whose; so they are few and have little time.
#[derive(Debug)]
pub struct Balancers(Semaphore);

impl Default for Balancers {
    fn default() -> Self {
        Self(Semaphore::new(HEADERS))
    }
}

impl Balancers {
    /// Whose connection this is, which was accepted `at` that time. From a listed balancer the header
    /// is read, and nothing behind it.
    ///
    /// # Errors
    /// The balancer did not say, within its time.
    pub async fn origin(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        peer: SocketAddr,
        listed: &Networks,
        at: Instant,
    ) -> Result<Origin, Unknown> {
        let direct = Origin::direct(peer);
        if listed.find(direct.address).is_none() {
            return Ok(direct);
        }
        let _place = self.0.try_acquire().map_err(|_| Unknown::NoHeader)?;
        said(stream, peer, at + HEADER_TIME).await
    }
}

/// For whom the balancer at `peer` says that it speaks.
async fn said(
    stream: &mut (impl AsyncRead + Unpin),
    peer: SocketAddr,
    deadline: Instant,
) -> Result<Origin, Unknown> {
    let direct = Origin::direct(peer);
    let header = timeout_at(deadline, read(stream)).await.map_err(|_| Unknown::NoHeader)?;
    let bytes = header.map_err(|_| Unknown::NoHeader)?.ok_or(Unknown::Nobody)?;
    let config = ParseConfig { include_tlvs: false, allow_v1: false, allow_v2: true };
    let (header, _) = ProxyHeader::parse(&bytes, config).map_err(|_| Unknown::NoHeader)?;
    match header.proxied_address() {
        // the balancer speaks for itself, as its health checks do
        None if bytes.get(SIGNATURE.len()) == Some(&LOCAL) => Ok(direct),
        // for somebody, and does not say for whom
        None => Err(Unknown::NoHeader),
        Some(proxied) if proxied.protocol == Protocol::Stream => Ok(Origin {
            address: canonical(proxied.source.ip()),
            port: proxied.source.port(),
            balancer: Some(peer),
        }),
        Some(_) => Err(Unknown::NoHeader),
    }
}

/// One whole header; `None` where the peer closed before its first byte.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut header = vec![0; FIXED];
    let mut have = 0;
    while have < FIXED {
        let room = header.get_mut(have..).unwrap_or_default();
        match stream.read(room).await? {
            0 if have == 0 => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => have += count,
        }
        // what cannot become a header is not waited for
        let begun = header.get(..have.min(SIGNATURE.len())).unwrap_or_default();
        if !SIGNATURE.starts_with(begun) {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let &[.., high, low] = header.as_slice() else { return Err(io::ErrorKind::InvalidData.into()) };
    let rest = usize::from(u16::from_be_bytes([high, low]));
    if rest > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    header.resize(FIXED + rest, 0);
    stream.read_exact(header.get_mut(FIXED..).unwrap_or_default()).await?;
    Ok(Some(header))
}
