//! The values of the configuration that only this service has: lives, and a host with its port.
//!
//! Each checks itself while the file is read, so that a fault is reported where it stands.

use std::str::FromStr;

use time::Duration;
use tsmgate_pki::ServerName;
use tsmgate_pki::enrolment::LIFE_MOST;

/// The life of a certificate as it is written: `30d`, `24h`, `20s`. At least a second, at most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life(pub Duration);

impl FromStr for Life {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("`{text}` is not a life; write it like 30d, 24h, 90m or 20s");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: i64 = number.parse().map_err(|_| fault())?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(fault()),
        };
        let life = number.checked_mul(seconds).map(Duration::seconds).ok_or_else(fault)?;
        if !(Duration::SECOND..=LIFE_MOST).contains(&life) {
            let most = LIFE_MOST.whole_days();
            return Err(format!("`{text}` must be a second at least and {most} days at most"));
        }
        Ok(Self(life))
    }
}

/// A name or an address with a port, `tsm.example.com:18850`, as it goes into profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAndPort(pub String);

impl FromStr for HostAndPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("`{text}` is not a host and a port, such as tsm.example.com:18850");
        let (host, port) = text.rsplit_once(':').ok_or_else(fault)?;
        // no sign and no zeros before it
        let as_written = |number: &u16| *number > 0 && port == number.to_string();
        port.parse().ok().filter(as_written).ok_or_else(fault)?;
        let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        // an IPv6 address has brackets, and nothing else has
        if inside.is_some() != inside.unwrap_or(host).contains(':') {
            return Err(fault());
        }
        let _: ServerName = inside.unwrap_or(host).parse().map_err(|_| fault())?;
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
