//! Which permissions are served at all: a list of the runner's own, beside the gate's. What is not on it is
//! not run, whoever asks.

use std::fmt;
use std::str::FromStr;

/// One line of the list: a permission, or a prefix of permissions that ends with `.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Served {
    /// This one.
    Exactly(String),
    /// All that begin so; with the dot at its end.
    Prefix(String),
}

impl FromStr for Served {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, prefix) = match text.strip_suffix(".*") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = |part: &str| !part.is_empty() && part.bytes().all(plain);
        if !name.split('.').all(is_name) {
            return Err(format!(
                "`{text}` is no permission; write one as `security.external-ssl.list`, or a prefix as \
                 `security.*`"
            ));
        }
        Ok(match prefix {
            true => Self::Prefix(format!("{name}.")),
            false => Self::Exactly(name.to_owned()),
        })
    }
}

impl fmt::Display for Served {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(name) => formatter.write_str(name),
            Self::Prefix(prefix) => write!(formatter, "{prefix}*"),
        }
    }
}

/// Whether a permission is on the list.
pub fn serves(list: &[Served], permission: &str) -> bool {
    list.iter().any(|served| match served {
        Served::Exactly(name) => name == permission,
        Served::Prefix(prefix) => {
            permission.strip_prefix(prefix.as_str()).is_some_and(|rest| !rest.is_empty())
        }
    })
}

#[cfg(test)]
mod tests;
