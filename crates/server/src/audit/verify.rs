//! `tsmgated audit verify`: whether a file's lines are all there, unchanged and in order.
//!
//! Reads line by line and bounded. A torn line, as kill -9 leaves it, is in order only where the next
//! line is the `recovered` record that names it.

use std::fmt;
use std::io::{self, BufRead, Read};

use super::chain::{Head, Link};
use crate::identify::sha256;

/// No line of ours is longer, in bytes.
pub const LINE_LIMIT: usize = 64 * 1024;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The first line's number: 1, unless the file was begun by rotation or older lines were removed.
    pub first: u64,
    /// The end of the chain.
    pub head: Head,
    /// Torn lines that a `recovered` record accounts for.
    pub torn: u64,
}

/// Where the chain breaks.
#[derive(Debug)]
pub enum Broken {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// This line (counted from 1) does not follow on the line before it.
    At {
        /// Which line of the file.
        line: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The chain is whole but does not end where it should.
    Head {
        /// Where it ends.
        found: Head,
        /// Where it should.
        expected: Head,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(formatter, "cannot read: {error}"),
            Self::At { line, what } => write!(formatter, "line {line}: {what}"),
            Self::Head { found, expected } => {
                write!(
                    formatter,
                    "ends at {found}, but {expected} is not in it: lines are missing at the end"
                )
            }
        }
    }
}

/// Checks a whole file. With `expected`, that line must be in it: the head may have moved on since it
/// was noted, but it cannot have moved back.
///
/// # Errors
/// The first place at which the chain breaks.
pub fn verify(mut file: impl BufRead, expected: Option<&Head>) -> Result<Verified, Broken> {
    let mut line = Vec::new();
    let mut number = 0;
    let mut torn: Option<Vec<u8>> = None;
    let mut verified: Option<Verified> = None;
    let mut expected_seen = expected.is_none_or(|head| *head == Head::EMPTY);
    loop {
        line.clear();
        let most = LINE_LIMIT as u64 + 1;
        let read =
            file.by_ref().take(most).read_until(b'\n', &mut line).map_err(Broken::Unreadable)?;
        if read == 0 {
            break;
        }
        number += 1;
        let at = |what| Broken::At { line: number, what };
        if line.pop_if(|last| *last == b'\n').is_none() {
            return Err(at("torn: it has no end; the daemon closes it when it starts again"));
        }
        let Some(link) = Link::read(&line) else {
            if torn.replace(std::mem::take(&mut line)).is_some() {
                return Err(at("not a record"));
            }
            continue;
        };
        if let Some(verified) = &verified
            && !link.follows(&verified.head)
        {
            return Err(at("does not follow on the line before it: lines are missing or changed"));
        }
        check_torn(torn.take(), &link).map_err(|what| Broken::At { line: number - 1, what })?;
        let head = link.head(&line);
        expected_seen |= expected == Some(&head);
        let before = verified.take();
        verified = Some(Verified {
            first: before.as_ref().map_or(link.sequence, |before| before.first),
            torn: before.map_or(0, |before| before.torn) + u64::from(link.torn_bytes.is_some()),
            head,
        });
    }
    if torn.is_some() {
        return Err(Broken::At { line: number, what: "not a record" });
    }
    let verified = verified.unwrap_or(Verified { first: 0, head: Head::EMPTY, torn: 0 });
    match expected {
        Some(expected) if !expected_seen => {
            Err(Broken::Head { found: verified.head, expected: *expected })
        }
        _ => Ok(verified),
    }
}

/// A torn line and the record after it must speak of each other.
fn check_torn(torn: Option<Vec<u8>>, link: &Link) -> Result<(), &'static str> {
    let accounted = link.torn_bytes.zip(link.torn_sha256.as_deref());
    match (torn, accounted) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err("the torn line of the next record is missing"),
        (Some(_), None) => Err("not a record"),
        (Some(torn), Some((bytes, hash))) => {
            let same = data_encoding::HEXLOWER.encode(&sha256(&torn)) == hash;
            let right = link.action == "recovered" && torn.len() as u64 == bytes && same;
            if right { Ok(()) } else { Err("a torn line that is not the one recorded") }
        }
    }
}
