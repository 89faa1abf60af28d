//! The values of the configuration that only a gate has: networks, grants, `"URI:…"`.
//!
//! Each checks itself while the file is read, so that a fault is reported where it stands.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use tsmgate_gate::network::Network;
use tsmgate_gate::permission::Grant;
use tsmgate_gate::policy::Identity;
use tsmgate_settings::values::Parsed;

use crate::identify::normal_serial;

/// A network: `10.20.1.0/24`.
pub type WrittenNetwork = Parsed<Network>;
/// A permission or a prefix of permissions: `security.*`.
pub type WrittenGrant = Parsed<Grant>;
/// An identity: `URI:…`, `DNS:…`, `KEY:…`.
pub type WrittenIdentity = Parsed<WrittenId>;
/// Where metrics are shown: `unix:/run/tsmgate/metrics.sock`, `127.0.0.1:18851`.
pub type WrittenMetricsAddress = Parsed<MetricsAddress>;

/// See [`WrittenMetricsAddress`]. Never an address that other hosts reach: who reads metrics is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsAddress {
    /// A Unix socket.
    Unix(PathBuf),
    /// A port of this host for this host.
    Loopback(SocketAddr),
}

impl FromStr for MetricsAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.starts_with('/') {
                true => Ok(Self::Unix(path.into())),
                false => Err(format!("`{text}`: the socket's path must begin with /")),
            };
        }
        let address: SocketAddr = text.parse().map_err(|_| {
            format!("`{text}` is neither `unix:/path` nor an address such as 127.0.0.1:18851")
        })?;
        if !address.ip().to_canonical().is_loopback() {
            return Err(format!("`{text}` is not a loopback address: other hosts would reach it"));
        }
        Ok(Self::Loopback(address))
    }
}

/// See [`WrittenIdentity`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenId(pub Identity);

impl FromStr for WrittenId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((kind, name)) = text.split_once(':') else {
            return Err(format!("`{text}` is not an identity; it begins with URI:, DNS: or KEY:"));
        };
        if name.is_empty() || name.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(format!(
                "`{text}` is empty or has blanks, control or non-ASCII characters"
            ));
        }
        match kind {
            "URI" => Ok(Self(Identity::Uri(name.to_owned()))),
            "DNS" if name.contains('*') => Err(format!("`{text}`: patterns are not supported")),
            "DNS" => Ok(Self(Identity::Dns(name.to_owned()))),
            "KEY" => key_hash(name).map(|hash| Self(Identity::PublicKey(hash))),
            _ => Err(format!("`{kind}:` is no kind of identity; use URI:, DNS: or KEY:")),
        }
    }
}

/// What the identity of a user of this host begins with; his number follows.
pub const LOCAL_USER: &str = "unix:uid=";

/// The number of a user of this host, where a written identity is one.
pub fn local_user(written: &str) -> Option<u32> {
    written.strip_prefix(LOCAL_USER)?.parse().ok()
}

/// An identity as it is written.
pub fn written(identity: &Identity) -> String {
    match identity {
        Identity::Uri(uri) => format!("URI:{uri}"),
        Identity::Dns(name) => format!("DNS:{name}"),
        Identity::PublicKey(hash) => format!("KEY:{}", data_encoding::BASE64.encode(hash)),
        Identity::User(uid) => format!("{LOCAL_USER}{uid}"),
    }
}

/// The SHA-256 of a public key, as base64 (what `tsmgate pki inspect` prints).
pub fn key_hash(text: &str) -> Result<[u8; 32], String> {
    let hash = text.strip_prefix("KEY:").unwrap_or(text);
    let bytes = data_encoding::BASE64.decode(hash.as_bytes()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| format!("`{text}` is not the base64 of a SHA-256 (44 characters)"))
}

/// A certificate's serial number: hexadecimal, colons allowed; lower-case without leading zeros after.
pub fn serial(text: &str) -> Result<String, String> {
    let digits: String = text.chars().filter(|&c| c != ':').collect();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("`{text}` is not a serial number in hexadecimal"));
    }
    Ok(normal_serial(&digits))
}
