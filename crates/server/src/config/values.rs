//! The values of the configuration as they are written: `"5s"`, `"16MiB"`, `"URI:…"`.
//!
//! Each checks itself while the file is read, so that a fault is reported where it stands.

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use tsmgate_gate::network::Network;
use tsmgate_gate::permission::Grant;
use tsmgate_gate::policy::Identity;

use crate::identify::normal_serial;

/// Longer than anything here has to take; what is written with more is a typing error.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// A text that a type reads by its `FromStr`.
#[derive(Debug, Clone)]
pub struct Parsed<T>(pub T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parser(PhantomData))
    }
}

/// Parses while the text is being read: a fault after that would be placed at the list around it.
struct Parser<T>(PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Parser<T> {
    type Value = Parsed<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        text.parse().map(Parsed).map_err(E::custom)
    }
}

/// A network: `10.20.1.0/24`.
pub type WrittenNetwork = Parsed<Network>;
/// A permission or a prefix of permissions: `security.*`.
pub type WrittenGrant = Parsed<Grant>;
/// A length of time: `250ms`, `5s`, `15m`, `1h`.
pub type WrittenDuration = Parsed<Time>;
/// A number of bytes: `512`, `16KiB`, `1MiB`.
pub type WrittenSize = Parsed<Size>;
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

/// See [`WrittenDuration`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault =
            || format!("`{text}` is not a length of time; write it like 250ms, 5s, 15m or 1h");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| fault())?;
        let millis = match unit {
            "ms" => Some(number),
            "s" => number.checked_mul(1000),
            "m" => number.checked_mul(60_000),
            "h" => number.checked_mul(3_600_000),
            _ => return Err(fault()),
        };
        let time = Duration::from_millis(millis.ok_or_else(fault)?);
        if time.is_zero() || time > LONGEST {
            return Err(format!("`{text}` must be more than nothing and at most a week"));
        }
        Ok(Self(time))
    }
}

/// See [`WrittenSize`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("`{text}` is not a size; write it like 512, 16KiB or 1MiB");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| fault())?;
        let factor = match unit {
            "" => 1,
            "KiB" => 1024,
            "MiB" => 1024 * 1024,
            "GiB" => 1024 * 1024 * 1024,
            _ => return Err(fault()),
        };
        number.checked_mul(factor).map(Self).ok_or_else(fault)
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
