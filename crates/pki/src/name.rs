//! The names that certificates may carry. A client's name ends up in a URI, in a file name and in
//! the daemon's configuration, so it is refused here unless it is harmless in all three. Server
//! names are DNS names or IP addresses; wildcards are refused: one certificate, known hosts.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Serialize;

use crate::error::PkiError;
use tsmgate_text::escape;

/// The longest client name, in bytes.
pub const CLIENT_NAME_MOST: usize = 64;
/// The longest DNS name and label, in bytes (RFC 1035 § 2.3.4, without the root).
const DNS_NAME_MOST: usize = 253;
const DNS_LABEL_MOST: usize = 63;

/// A client's name: 1 to 64 of `a-z`, `0-9`, `.`, `-`; the first is a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ClientName(String);

impl ClientName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The one URI SAN of this client's certificates, `tsmgate://client/NAME`.
    pub fn uri(&self) -> String {
        format!("tsmgate://client/{}", self.0)
    }
}

impl FromStr for ClientName {
    type Err = PkiError;

    fn from_str(text: &str) -> Result<ClientName, PkiError> {
        let starts_well =
            text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let all_good = text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-');
        if starts_well && all_good && text.len() <= CLIENT_NAME_MOST {
            Ok(ClientName(text.to_owned()))
        } else {
            Err(PkiError::BadClientName(escape(text.as_bytes())))
        }
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name a server is reached by: a DNS name in lowercase, or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerName {
    /// A DNS name without wildcard and final dot.
    Dns(String),
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
}

impl ServerName {
    /// The name as a file is called: DNS names and IPv4 as they are, IPv6 without colons.
    pub fn file_stem(&self) -> String {
        match self {
            ServerName::Dns(name) => name.clone(),
            ServerName::Ip(IpAddr::V4(addr)) => addr.to_string(),
            ServerName::Ip(IpAddr::V6(addr)) => {
                let groups = addr.segments().map(|group| format!("{group:x}"));
                format!("ipv6-{}", groups.join("-"))
            }
        }
    }
}

impl FromStr for ServerName {
    type Err = PkiError;

    fn from_str(text: &str) -> Result<ServerName, PkiError> {
        if let Ok(addr) = text.parse::<IpAddr>() {
            return Ok(ServerName::Ip(addr.to_canonical()));
        }
        let name = text.to_ascii_lowercase();
        let labels_good = name.split('.').all(is_dns_label);
        // A numeric last label reads as an address to some parsers and as a name to others.
        let reads_as_address =
            name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if labels_good && !reads_as_address && name.len() <= DNS_NAME_MOST {
            Ok(ServerName::Dns(name))
        } else {
            Err(PkiError::BadServerName(escape(text.as_bytes())))
        }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerName::Dns(name) => f.write_str(name),
            ServerName::Ip(addr) => addr.fmt(f),
        }
    }
}

fn is_dns_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= DNS_LABEL_MOST
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests;
