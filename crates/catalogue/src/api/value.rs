//! Typed values of paths and queries: which bytes are one, and how it is written.
//!
//! No kind has a byte that an URL would have to escape, so that `%` is in none of them: a value is
//! written as it was parsed and means the same to everybody who reads it.

use std::fmt;

/// What a placeholder of a path, or the value of a query key, may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A job's id: a whole number of at most 2^63-1, without leading zeros.
    JobId,
    /// The version of a configuration or topology: a number as that of a job.
    Version,
    /// A node's id, such as `node1`: letters, digits, `_`, `-`; at most 64.
    NodeId,
    /// A configuration key, such as `ssl.cert.file_name`: words of letters, digits, `_` and `-`, joined
    /// by single dots; at most 256.
    ConfigurationKey,
    /// The plain name of a file in a folder that TSM chooses: letters, digits, `_`, `-`, single dots
    /// inside, no `-` in front; at most 128.
    FileName,
    /// Seconds: a whole number of at most 2^31-1.
    Seconds,
    /// `true` or `false`.
    Flag,
    /// A job's status, of those by which the list can be filtered.
    JobStatus,
}

/// A value that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number, written in decimal.
    Number(u64),
    /// A word of a fixed list.
    Listed(&'static str),
    /// A text that has only the bytes that its kind allows.
    Text(String),
}

/// The documented list: by other statuses TSM is not known to filter.
const JOB_STATUSES: &[&str] = &["Succeeded", "Failed", "Created", "Running"];
const FLAGS: &[&str] = &["true", "false"];

const NODE_LIMIT: usize = 64;
const KEY_LIMIT: usize = 256;
const FILE_NAME_LIMIT: usize = 128;

impl Kind {
    /// The value, when all of `bytes` are one of this kind.
    pub fn parse(self, bytes: &[u8]) -> Option<Value> {
        match self {
            Self::JobId | Self::Version => number(bytes, i64::MAX.unsigned_abs()),
            Self::Seconds => number(bytes, i32::MAX.unsigned_abs().into()),
            Self::Flag => listed(bytes, FLAGS),
            Self::JobStatus => listed(bytes, JOB_STATUSES),
            Self::NodeId => text(bytes, NODE_LIMIT).filter(|_| !bytes.contains(&b'.')),
            Self::ConfigurationKey => text(bytes, KEY_LIMIT),
            Self::FileName => text(bytes, FILE_NAME_LIMIT),
        }
    }

    /// What it has to be, for a message.
    pub fn wanted(self) -> &'static str {
        match self {
            Self::JobId => "a job's number",
            Self::Version => "a version's number",
            Self::NodeId => "a node's id, such as node1",
            Self::ConfigurationKey => "a configuration key, such as ssl.enabled",
            Self::FileName => "the plain name of a file: letters, digits, dots, - and _",
            Self::Seconds => "a whole number of seconds",
            Self::Flag => "true or false",
            Self::JobStatus => "Succeeded, Failed, Created or Running",
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Listed(word) => formatter.write_str(word),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

fn number(bytes: &[u8], most: u64) -> Option<Value> {
    // one way to write each number: `+1`, `01` and blanks are left to those who guess
    let canonical =
        bytes == b"0" || bytes.first().is_some_and(|first| (b'1'..=b'9').contains(first));
    if !canonical || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    (number <= most).then_some(Value::Number(number))
}

fn listed(bytes: &[u8], words: &'static [&'static str]) -> Option<Value> {
    words.iter().find(|word| word.as_bytes() == bytes).map(|word| Value::Listed(word))
}

fn text(bytes: &[u8], limit: usize) -> Option<Value> {
    let begins = bytes.first().is_some_and(|first| *first != b'-');
    let text = clean(bytes).filter(|text| begins && text.len() <= limit)?;
    Some(Value::Text(text.to_owned()))
}

/// The text, when it can be a segment of a path that everybody reads alike: letters, digits, `_`, `-`, and
/// dots that are neither first, last nor doubled.
pub(super) fn clean(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let word = |word: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        !word.is_empty() && word.bytes().all(plain)
    };
    text.split('.').all(word).then_some(text)
}
