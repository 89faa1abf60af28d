//! Where a gate is: `HOST`, `HOST:PORT`, `[IPV6]:PORT`. Nothing is resolved here.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::failure::LoginFailure;

/// The longest host name there is, in bytes (RFC 1035 § 2.3.4).
const HOST_MOST: usize = 253;

/// A gate's host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// The port of a gate where none is named.
    pub const PORT: u16 = 18850;

    /// The name or address, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Address {
    type Err = LoginFailure;

    /// Reads `HOST`, `HOST:PORT`, `[IPV6]`, `[IPV6]:PORT` or a bare IPv6 address.
    ///
    /// # Errors
    /// [`LoginFailure::BadAddress`] where it is none of these, or the port is 0.
    fn from_str(text: &str) -> Result<Self, LoginFailure> {
        Self::with_port(text, Self::PORT)
    }
}

impl Address {
    /// The same, with another port where none is named.
    pub(crate) fn with_port(text: &str, unless_named: u16) -> Result<Self, LoginFailure> {
        let bad = || LoginFailure::BadAddress(text.to_owned());
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) if host.parse::<Ipv6Addr>().is_ok() => match port {
                "" => (host, None),
                _ => (host, Some(port.strip_prefix(':').ok_or_else(bad)?)),
            },
            Some(_) => return Err(bad()),
            None if text.parse::<Ipv6Addr>().is_ok() => (text, None),
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = match port {
            None => unless_named,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse().ok().filter(|&port| port != 0).ok_or_else(bad)?
            }
            Some(_) => return Err(bad()),
        };
        if is_host(host) { Ok(Self { host: host.to_owned(), port }) } else { Err(bad()) }
    }
}

/// Whether it has the length and the characters of a host name or an address.
pub(crate) fn is_host(text: &str) -> bool {
    let in_hosts = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    (1..=HOST_MOST).contains(&text.len()) && text.bytes().all(in_hosts)
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}
