//! `tsmgated audit verify`: whether the lines are all there, unchanged and in order.
//!
//! Reads line by line and bounded, over one file or several that were rotated away, as one chain. A
//! torn line, as kill -9 leaves it, is in order only where the next line is the `recovered` record that
//! names it.

use std::fmt;
use std::io::{self, BufRead, Read};

use data_encoding::HEXLOWER;

use super::chain::{Head, Link};
use crate::digest::sha256;

/// No line of ours is longer, in bytes.
pub const LINE_LIMIT: usize = 64 * 1024;

/// What was found: nothing is missing between the first line and the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The first line's number: 1, unless older lines are in another file or gone; 0 where there is
    /// none.
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
    /// The last line has no end: it is just being written, or the daemon was killed.
    Unfinished {
        /// Which line of the file.
        line: u64,
    },
    /// The chain is in order but does not lead to the line that was expected.
    Head {
        /// Where it ends.
        found: Head,
        /// What should be in it.
        expected: Head,
    },
    /// The line of the expected number is another one.
    OtherLine {
        /// Which number.
        sequence: u64,
    },
    /// The expected line is older than the first line there is.
    HeadBefore {
        /// The first line's number.
        first: u64,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(formatter, "cannot read: {error}"),
            Self::At { line, what } => write!(formatter, "line {line}: {what}"),
            Self::Unfinished { line } => write!(
                formatter,
                "line {line}: torn, it has no end; the daemon closes it when it starts again"
            ),
            Self::Head { found, expected } => write!(
                formatter,
                "ends at {found}, but {expected} is not in it: lines are missing at the end"
            ),
            Self::OtherLine { sequence } => write!(
                formatter,
                "line number {sequence} is not the expected one: the file was written anew, or the \
                 head is of another"
            ),
            Self::HeadBefore { first } => write!(
                formatter,
                "begins at line {first}, after the expected head: give the earlier files too"
            ),
        }
    }
}

/// A check under way, over one file after the other.
#[derive(Debug)]
pub struct Check<'a> {
    expected: Option<&'a Head>,
    expected_seen: bool,
    other_seen: bool,
    verified: Option<Verified>,
    torn: Option<Vec<u8>>,
    line: u64,
}

impl<'a> Check<'a> {
    /// Begins. With `expected`, that line must be in one of the files, or be the one before the first:
    /// the head may have moved on since it was noted, but it cannot have moved back.
    pub fn new(expected: Option<&'a Head>) -> Self {
        let expected_seen = expected.is_none_or(|head| *head == Head::EMPTY);
        Self { expected, expected_seen, other_seen: false, verified: None, torn: None, line: 0 }
    }

    /// Reads one file to its end.
    ///
    /// # Errors
    /// The first place at which the chain breaks.
    pub fn read(&mut self, mut file: impl BufRead) -> Result<(), Broken> {
        let mut line = Vec::new();
        self.line = 0;
        loop {
            line.clear();
            let most = LINE_LIMIT as u64 + 1;
            let mut bounded = file.by_ref().take(most);
            if bounded.read_until(b'\n', &mut line).map_err(Broken::Unreadable)? == 0 {
                return Ok(());
            }
            self.line += 1;
            if line.pop_if(|last| *last == b'\n').is_none() {
                return Err(match line.len() {
                    0..=LINE_LIMIT => Broken::Unfinished { line: self.line },
                    _ => self.at("longer than any record"),
                });
            }
            self.line(&line)?;
        }
    }

    /// What was found in all files.
    ///
    /// # Errors
    /// They end with what is no record, or without the expected head.
    pub fn end(self) -> Result<Verified, Broken> {
        if self.torn.is_some() {
            return Err(self.at("not a record"));
        }
        let verified = self.verified.unwrap_or(Verified { first: 0, head: Head::EMPTY, torn: 0 });
        match self.expected {
            Some(expected) if !self.expected_seen && self.other_seen => {
                Err(Broken::OtherLine { sequence: expected.sequence })
            }
            Some(expected) if !self.expected_seen && expected.sequence < verified.first => {
                Err(Broken::HeadBefore { first: verified.first })
            }
            Some(expected) if !self.expected_seen => {
                Err(Broken::Head { found: verified.head, expected: *expected })
            }
            _ => Ok(verified),
        }
    }

    /// Takes one line, without its line feed.
    fn line(&mut self, line: &[u8]) -> Result<(), Broken> {
        let Some(link) = Link::read(line) else {
            return match self.torn.replace(line.to_vec()) {
                None => Ok(()),
                Some(_) => Err(self.at("not a record")),
            };
        };
        match &self.verified {
            Some(verified) if !link.follows(&verified.head) => {
                let what = "does not follow on the line before it: lines are missing or changed";
                return Err(self.at(what));
            }
            None if link.sequence == 1 && !link.follows(&Head::EMPTY) => {
                return Err(self.at("number 1, but lines before it are missing"));
            }
            _ => {}
        }
        let torn = self.torn.take();
        check_torn(torn, &link).map_err(|what| Broken::At { line: self.line - 1, what })?;
        let before = self.verified.take();
        if before.is_none() && self.expected.is_some_and(|head| link.follows(head)) {
            self.expected_seen = true;
        }
        let head = link.head(line);
        match self.expected {
            Some(expected) if *expected == head => self.expected_seen = true,
            Some(expected) => self.other_seen |= expected.sequence == head.sequence,
            None => {}
        }
        self.verified = Some(Verified {
            first: before.as_ref().map_or(link.sequence, |before| before.first),
            torn: before.map_or(0, |before| before.torn) + u64::from(link.torn_bytes.is_some()),
            head,
        });
        Ok(())
    }

    fn at(&self, what: &'static str) -> Broken {
        Broken::At { line: self.line, what }
    }
}

/// Checks one file.
///
/// # Errors
/// As [`Check::read`] and [`Check::end`].
pub fn verify(file: impl BufRead, expected: Option<&Head>) -> Result<Verified, Broken> {
    let mut check = Check::new(expected);
    check.read(file)?;
    check.end()
}

/// A torn line and the record after it must speak of each other.
pub(super) fn check_torn(torn: Option<Vec<u8>>, link: &Link) -> Result<(), &'static str> {
    let accounted = link.torn_bytes.zip(link.torn_sha256.as_deref());
    match (torn, accounted) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err("the torn line of the next record is missing"),
        (Some(_), None) => Err("not a record"),
        (Some(torn), Some((bytes, hash))) => {
            let same = HEXLOWER.encode(&sha256(&torn)) == hash;
            let right = link.action == "recovered" && torn.len() as u64 == bytes && same;
            if right { Ok(()) } else { Err("a torn line that is not the one recorded") }
        }
    }
}
