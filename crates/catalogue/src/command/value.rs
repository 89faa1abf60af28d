//! What the values of each kind are. Strict: what is not plainly of its kind is not passed on, and none can be
//! read as an option.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use super::Kind;
use super::option::VALUE_LIMIT;

/// The longest name of a host, in bytes.
const HOST_LIMIT: usize = 253;
/// The longest part of one, between dots.
const LABEL_LIMIT: usize = 63;
/// The longest name of a file, in bytes.
const FILE_NAME_LIMIT: usize = 255;
/// What an option says of itself that takes no value.
const NO_VALUE: &str = "takes no value";

impl Kind {
    /// Whether its options take a value: flags take none, and files go another way.
    pub fn takes_value(&self) -> bool {
        !matches!(self, Self::Flag | Self::SendFile(_) | Self::FetchFile)
    }

    /// Whether a value is one of this kind.
    ///
    /// # Errors
    /// What it should be, to be read after the option's name: `is a port, 1 to 65535`. The value itself is
    /// not in it.
    pub fn judge(&self, value: &str) -> Result<(), Cow<'static, str>> {
        if value.len() > VALUE_LIMIT {
            return Err(format!("is longer than {VALUE_LIMIT} bytes").into());
        }
        let (good, should): (bool, Cow<'static, str>) = match self {
            Self::Flag | Self::SendFile(_) | Self::FetchFile => (false, NO_VALUE.into()),
            Self::Boolean => (matches!(value, "true" | "false"), "is `true` or `false`".into()),
            Self::Choice(words) => {
                let should = || format!("is one of {}", words.join(", "));
                return words.iter().any(|word| word == value).then_some(()).ok_or(should().into());
            }
            Self::Text => (is_text(value), "is one line of text that begins with no dash".into()),
            Self::FileName => (
                is_text(value) && is_component(value),
                "is the name of a file without folders".into(),
            ),
            Self::Host => (is_host(value), "is the name of a host or an IP address".into()),
            Self::Port => (number::<u16>(value, 1), "is a port, 1 to 65535".into()),
            Self::Seconds => (number::<u32>(value, 1), "is a whole number of seconds".into()),
            Self::Milliseconds => {
                (number::<u32>(value, 0), "is a whole number of milliseconds".into())
            }
            Self::Protocols => (is_protocols(value), "is a list as `all -SSLv2 -SSLv3`".into()),
            Self::Secret => (is_line(value), "is one line of text".into()),
        };
        if good { Ok(()) } else { Err(should) }
    }
}

fn is_line(value: &str) -> bool {
    !value.is_empty() && !value.contains(char::is_control)
}

fn is_text(value: &str) -> bool {
    is_line(value) && !value.starts_with('-')
}

/// Whether a text is the name of a file in whatever folder, and of none elsewhere.
pub(super) fn is_component(name: &str) -> bool {
    (1..=FILE_NAME_LIMIT).contains(&name.len())
        && !matches!(name, "." | "..")
        && !name.contains(|c: char| c == '/' || c.is_control())
}

/// Digits as they are written: no sign, no zero in front.
fn number<N: std::str::FromStr + Into<u32>>(value: &str, least: u32) -> bool {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (value == "0" || !value.starts_with('0'));
    canonical && value.parse::<N>().is_ok_and(|number| number.into() >= least)
}

fn is_host(value: &str) -> bool {
    if value.contains(':') {
        return value.parse::<IpAddr>().is_ok();
    }
    let name = value.strip_suffix('.').unwrap_or(value);
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=LABEL_LIMIT).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // `10.1` and `10.1.1.256` are addresses to some and names to nobody
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= HOST_LIMIT
        && name.split('.').all(label)
        && (!numeric || value.parse::<Ipv4Addr>().is_ok())
}

/// As Apache's `SSLProtocol` takes it, and with the commas of the vendor's own page.
fn is_protocols(value: &str) -> bool {
    let words: Vec<&str> = value.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let word = |word: &&str| {
        let name = word.strip_prefix(['+', '-']).unwrap_or(word);
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    };
    !words.is_empty() && words.iter().all(word)
}
