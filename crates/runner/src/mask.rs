//! The secrets of an order, wherever a command prints them again: each is replaced before a line is cut, kept or
//! passed on, also where it comes in several pieces.
//!
//! What is found is what was given, byte for byte, and as it stands in JSON. A program that prints a secret in
//! another shape (encoded, backwards) is not caught here.

use std::fmt;
use std::sync::Arc;

use memchr::memmem;
use tsmgate_catalogue::command::{Checked, FileKind, Given, Kind, MASK};
use zeroize::Zeroizing;

/// Lines of a private key that are shorter are none that tells anything.
const KEY_LINE: usize = 16;
/// A larger file is no private key, nor one with its chain.
const KEY_FILE: usize = 64 * 1024;
/// Shorter values are not looked for, in bytes.
const SHORTEST: usize = 4;

/// What is secret in one order.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Vec<Zeroizing<Vec<u8>>>>);

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} secrets", self.0.len())
    }
}

impl Secrets {
    /// Its secret values, and the lines of its private keys.
    pub fn of(checked: &Checked<'_>) -> Self {
        let mut found = Vec::new();
        for (option, given) in &checked.given {
            match given {
                Given::Secret(text) => {
                    let plain = text.expose();
                    found.push(Zeroizing::new(plain.as_bytes().to_vec()));
                    let quoted = Zeroizing::new(serde_json::to_string(plain).unwrap_or_default());
                    let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                    if let Some(inner) = inner.filter(|inner| *inner != plain) {
                        found.push(Zeroizing::new(inner.as_bytes().to_vec()));
                    }
                }
                Given::Sent(_, bytes)
                    if option.kind == Kind::SendFile(FileKind::PrivateKey)
                        && bytes.len() <= KEY_FILE =>
                {
                    let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r'));
                    let telling =
                        |line: &&[u8]| line.len() >= KEY_LINE && !line.starts_with(b"-----");
                    found.extend(lines.filter(telling).map(|line| Zeroizing::new(line.to_vec())));
                }
                _ => {}
            }
        }
        Self::from(found)
    }
}

impl From<Vec<Zeroizing<Vec<u8>>>> for Secrets {
    fn from(mut secrets: Vec<Zeroizing<Vec<u8>>>) -> Self {
        // in what is shorter than that too much else would be taken for it
        secrets.retain(|secret| secret.len() >= SHORTEST);
        Self(Arc::new(secrets))
    }
}

/// One stream of bytes, with the secrets replaced.
pub struct Mask {
    secrets: Secrets,
    held: Zeroizing<Vec<u8>>,
    /// How many of the held bytes are the end of a secret that has been replaced already.
    covered: usize,
}

impl fmt::Debug for Mask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // what is held may be half a secret
        write!(formatter, "Mask of {:?}", self.secrets)
    }
}

impl Mask {
    /// For one stream of a command.
    pub fn new(secrets: Secrets) -> Self {
        Self { secrets, held: Zeroizing::default(), covered: 0 }
    }

    /// What is known to be harmless of all bytes so far. What could be the beginning of a secret is held back
    /// until more is known.
    pub fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.secrets.0.is_empty() {
            return bytes.to_vec();
        }
        self.held.extend_from_slice(bytes);
        self.release(self.held.len() - self.beginning_at_the_end())
    }

    /// What was held back, where nothing follows.
    pub fn end(&mut self) -> Vec<u8> {
        self.release(self.held.len())
    }

    /// The first `end` bytes that are held, with secrets replaced.
    fn release(&mut self, end: usize) -> Vec<u8> {
        let mut harmless = Vec::with_capacity(end);
        let (mut at, mut covered) = (0, 0);
        for (start, after) in self.found() {
            // what was covered has its mask already
            let masked = start == 0 && self.covered > 0;
            if start >= end && !masked {
                break;
            }
            harmless.extend_from_slice(self.held.get(at..start).unwrap_or_default());
            if !masked {
                harmless.extend_from_slice(MASK.as_bytes());
            }
            at = after.min(end);
            covered = after.saturating_sub(end);
        }
        harmless.extend_from_slice(self.held.get(at..end).unwrap_or_default());
        self.covered = covered;
        self.held = Zeroizing::new(self.held.get(end..).unwrap_or_default().to_vec());
        harmless
    }

    /// Where secrets stand, from beginning to end; those that touch are one.
    fn found(&self) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        if self.covered > 0 {
            found.push((0, self.covered));
        }
        for secret in self.secrets.0.iter() {
            // also where one overlaps itself
            let mut from = 0;
            while let Some(place) =
                self.held.get(from..).and_then(|rest| memmem::find(rest, secret.as_slice()))
            {
                found.push((from + place, from + place + secret.len()));
                from += place + 1;
            }
        }
        found.sort_unstable();
        found.dedup_by(|next, last| {
            let touch = next.0 <= last.1;
            if touch {
                last.1 = last.1.max(next.1);
            }
            touch
        });
        found
    }

    /// How many bytes at the end could be the beginning of a secret.
    fn beginning_at_the_end(&self) -> usize {
        let begins = |secret: &Zeroizing<Vec<u8>>| {
            let most = self.held.len().min(secret.len() - 1);
            (1..=most).rev().find(|&length| {
                self.held.get(self.held.len() - length..).is_some_and(|end| secret.starts_with(end))
            })
        };
        self.secrets.0.iter().filter_map(begins).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
