//! How lines hang together: each carries its number and the SHA-256 of the line before it.
//!
//! The hash is over the bytes of the line without its line feed. Whoever can write the file can also
//! write a whole new chain; that shows only against a head that was noted elsewhere, which is why the
//! head goes to the log every minute.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::record::Record;
use crate::digest::sha256;

/// The end of a chain: the number and hash of its last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of the last line; 0 where there is none.
    pub sequence: u64,
    /// Its hash; zeros where there is none.
    pub hash: [u8; 32],
}

impl Head {
    /// The head of an empty chain.
    pub const EMPTY: Self = Self { sequence: 0, hash: [0; 32] };

    /// The line that comes next, with its line feed, and the head after it.
    pub fn append(&self, record: &Record, now: OffsetDateTime) -> (String, Self) {
        let sequence = self.sequence + 1;
        let now = now.format(&Rfc3339).unwrap_or_default();
        let previous = HEXLOWER.encode(&self.hash);
        let fields = record.fields();
        let mut line = format!(
            "{{\"@timestamp\":\"{now}\",\"event.sequence\":{sequence},\
             \"tsmgate.audit.previous\":\"{previous}\",{fields}}}"
        );
        let hash = sha256(line.as_bytes());
        line.push('\n');
        (line, Self { sequence, hash })
    }
}

/// Lines that are to follow on a head.
pub(super) struct Lines {
    now: OffsetDateTime,
    head: Head,
    /// All of them, each with its line feed.
    pub(super) text: String,
    /// Of each line: where it ends in the text, and the chain's head after it.
    pub(super) ends: Vec<(usize, Head)>,
}

impl Lines {
    /// None yet.
    pub(super) fn after(head: Head) -> Self {
        Self { now: OffsetDateTime::now_utc(), head, text: String::new(), ends: Vec::new() }
    }

    /// Adds a record's line.
    pub(super) fn put(&mut self, record: &Record) {
        let (line, head) = self.head.append(record, self.now);
        self.head = head;
        self.text.push_str(&line);
        self.ends.push((self.text.len(), head));
    }

    /// Each without its line feed.
    pub(super) fn each(&self) -> impl Iterator<Item = &str> {
        self.text.lines()
    }
}

impl fmt::Display for Head {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.sequence, HEXLOWER.encode(&self.hash))
    }
}

impl FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("`{text}` is not a head; it looks like 42:3f9a… (64 digits)");
        let (sequence, hash) = text.split_once(':').ok_or_else(fault)?;
        let hash = HEXLOWER.decode(hash.as_bytes()).ok();
        Ok(Self {
            sequence: sequence.parse().map_err(|_| fault())?,
            hash: hash.and_then(|hash| hash.try_into().ok()).ok_or_else(fault)?,
        })
    }
}

/// What the chain needs of a line.
#[derive(Debug, Deserialize)]
pub struct Link {
    /// The line's number.
    #[serde(rename = "event.sequence")]
    pub sequence: u64,
    /// The hash of the line before.
    #[serde(rename = "tsmgate.audit.previous")]
    pub previous: String,
    /// What it records.
    #[serde(rename = "event.action")]
    pub action: String,
    /// Of a `recovered` record: how long the torn line before it is, in bytes.
    #[serde(rename = "tsmgate.audit.torn_bytes")]
    pub torn_bytes: Option<u64>,
    /// Of a `recovered` record: the SHA-256 of that line.
    #[serde(rename = "tsmgate.audit.torn_sha256")]
    pub torn_sha256: Option<String>,
}

impl Link {
    /// Reads a line, without its line feed; `None` where it is not one of ours.
    pub fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// The head of a chain that ends with this line.
    pub fn head(&self, line: &[u8]) -> Head {
        Head { sequence: self.sequence, hash: sha256(line) }
    }

    /// Whether this line follows on a head.
    pub fn follows(&self, head: &Head) -> bool {
        self.sequence == head.sequence + 1 && self.previous == HEXLOWER.encode(&head.hash)
    }
}
