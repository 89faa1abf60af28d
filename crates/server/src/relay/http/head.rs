//! A request's header, from bytes: the one place that reads it.
//!
//! What two readers could read in two ways is refused here, not mended: request smuggling lives from one
//! reader that mends and another that does not. RFC 9112 lets a server refuse each of these. What is left
//! needs no second reader, and there is none.

use std::fmt;

use memchr::{memchr_iter, memmem};

/// The longest header, in bytes, request line included.
pub const HEAD_LIMIT: usize = 16 * 1024;
/// The most fields of a header.
pub const FIELDS_LIMIT: usize = 64;

const END: &[u8] = b"\r\n\r\n";
const NEITHER: &str = "it is neither HTTP/1.1 nor HTTP/1.0";

/// A header that can be read in one way only.
#[derive(Clone, PartialEq, Eq)]
pub struct Head {
    /// A token.
    pub method: Vec<u8>,
    /// Visible ASCII; not looked at any further.
    pub target: Vec<u8>,
    /// What its body is like.
    pub framing: Framing,
    /// Whether the peer wants, and its version lets, another request follow.
    pub keep_alive: bool,
    /// HTTP/1.0 knows no chunks.
    pub old: bool,
    /// Names in lower case, in the order in which they came.
    fields: Vec<(String, Vec<u8>)>,
    /// How many bytes it took.
    pub length: usize,
}

/// How the body's end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// It has so many bytes, at least one.
    Length(u64),
    /// By a last chunk.
    Chunked,
}

/// Why bytes are no header that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadFault {
    /// Not HTTP, or in more than one way; what is wrong with it.
    Bad(&'static str),
    /// More than [`HEAD_LIMIT`] or [`FIELDS_LIMIT`].
    TooLarge,
    /// The peer waits for a consent (`Expect`).
    Expectation,
}

use HeadFault::Bad;

impl fmt::Debug for Head {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // a target's query and a field's value may be secrets
        let names: Vec<_> = self.fields.iter().map(|(name, _)| name).collect();
        let mut shown = formatter.debug_struct("Head");
        shown.field("method", &self.method.escape_ascii().to_string());
        shown.field("framing", &self.framing).field("fields", &names).finish_non_exhaustive()
    }
}

impl Head {
    /// The header that `bytes` begin with; `None` where its end is not there yet.
    ///
    /// # Errors
    /// As soon as the bytes cannot become one that is taken.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, HeadFault> {
        // also of one that is not whole yet: who speaks another language, or ends lines in another way,
        // would have us wait for more
        if bytes.first().is_some_and(|byte| !is_token(&[*byte])) {
            return Err(Bad("it does not begin with a method"));
        }
        let seen = bytes.get(..HEAD_LIMIT.min(bytes.len())).unwrap_or_default();
        let end = memmem::find(seen, END);
        // with the end of its last line
        let head = end.and_then(|end| seen.get(..end + 2)).unwrap_or(seen);
        if memchr_iter(b'\n', head).any(|at| at == 0 || head.get(at - 1) != Some(&b'\r')) {
            return Err(Bad("a line does not end in CR LF"));
        }
        match end {
            Some(end) => Self::parse(head, end + END.len()).map(Some),
            None if bytes.len() >= HEAD_LIMIT => Err(HeadFault::TooLarge),
            None => Ok(None),
        }
    }

    fn parse(head: &[u8], length: usize) -> Result<Self, HeadFault> {
        let mut lines = split_lines(head);
        let first = lines.next().unwrap_or_default();
        let mut words = first.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Bad("the first line is not METHOD TARGET VERSION"));
        };
        if !is_token(method) || target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
            return Err(Bad("method or target have bytes that cannot be there"));
        }
        let old = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            _ => return Err(Bad(NEITHER)),
        };
        let mut fields = Vec::with_capacity(16);
        for line in lines {
            if fields.len() >= FIELDS_LIMIT {
                return Err(HeadFault::TooLarge);
            }
            fields.push(field(line)?);
        }
        let mut head = Self {
            method: method.to_vec(),
            target: target.to_vec(),
            framing: Framing::None,
            keep_alive: false,
            old,
            fields,
            length,
        };
        head.framing = head.framing()?;
        head.keep_alive = !old && !head.lists("connection", b"close");
        head.refuse_what_is_not_spoken()?;
        Ok(head)
    }

    /// The value of the only field of this name (in lower case).
    pub fn only<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        let mut all = self.all(name);
        all.next().filter(|_| all.next().is_none())
    }

    /// Whether there is a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value.as_slice())
    }

    /// Whether a list of words has this one.
    fn lists(&self, name: &str, word: &[u8]) -> bool {
        self.all(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .any(|one| trim(one).eq_ignore_ascii_case(word))
    }

    fn framing(&self) -> Result<Framing, HeadFault> {
        let mut lengths = self.all("content-length");
        let length = lengths.next();
        if lengths.next().is_some() {
            return Err(Bad("Content-Length stands twice"));
        }
        let mut codings = self.all("transfer-encoding");
        let coding = codings.next();
        match (length, coding) {
            (Some(_), Some(_)) => Err(Bad("Content-Length and Transfer-Encoding stand together")),
            (None, Some(_)) if self.old => Err(Bad("Transfer-Encoding in HTTP/1.0")),
            (None, Some(coding)) => {
                let chunked = coding.eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
                chunked
                    .then_some(Framing::Chunked)
                    .ok_or(Bad("a Transfer-Encoding other than chunked"))
            }
            (Some(length), None) => match number(length) {
                Some(0) => Ok(Framing::None),
                Some(length) => Ok(Framing::Length(length)),
                None => Err(Bad("a Content-Length that is not a number")),
            },
            (None, None) => Ok(Framing::None),
        }
    }

    fn refuse_what_is_not_spoken(&self) -> Result<(), HeadFault> {
        match (self.all("host").count(), self.old) {
            (1, _) | (0, true) => {}
            _ => return Err(Bad("there has to be one Host")),
        }
        if self.has("upgrade") || self.lists("connection", b"upgrade") {
            return Err(Bad("there is nothing to upgrade to"));
        }
        if self.has("expect") {
            return Err(HeadFault::Expectation);
        }
        Ok(())
    }
}

/// Lines without their ends, of which each has one. A CR that is not of an end stays in its line, and is
/// refused with it.
fn split_lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split_inclusive(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r\n").unwrap_or(line))
}

/// `name: value`, without a blank in front of the colon. A line that goes on from the one before
/// (obs-fold) begins with a blank, and so has no name.
fn field(line: &[u8]) -> Result<(String, Vec<u8>), HeadFault> {
    let colon = line.iter().position(|byte| *byte == b':');
    let (name, value) =
        colon.and_then(|at| line.split_at_checked(at)).ok_or(Bad("a line without a colon"))?;
    let name = std::str::from_utf8(name).ok().filter(|name| is_token(name.as_bytes()));
    let name = name.ok_or(Bad("the name of a field has bytes that cannot be there"))?;
    let value = trim(value.strip_prefix(b":").unwrap_or(value));
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(Bad("the value of a field has control bytes"));
    }
    Ok((name.to_ascii_lowercase(), value.to_vec()))
}

/// Without the blanks and tabs around it. Nothing else is one: a form feed or a CR is part of the value,
/// and refused there.
fn trim(value: &[u8]) -> &[u8] {
    let inside = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let begin = value.iter().position(inside).unwrap_or(value.len());
    let end = value.iter().rposition(inside).map_or(begin, |last| last + 1);
    value.get(begin..end).unwrap_or_default()
}

/// Digits alone, and no more of them than any body has.
fn number(bytes: &[u8]) -> Option<u64> {
    let digits = (1..=15).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(bytes).ok().filter(|_| digits)?.parse().ok()
}

/// RFC 9110 § 5.6.2.
fn is_token(bytes: &[u8]) -> bool {
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(token)
}

#[cfg(test)]
mod tests;
