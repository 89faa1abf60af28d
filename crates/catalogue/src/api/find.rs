//! Which row a request means, and the path that is sent to TSM for it.
//!
//! The comparison is byte for byte; the path upstream is written from the row and its typed values. Who
//! may is decided elsewhere, with [`Match::permission`].

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::PREFIX;
use super::loose;
use super::operation::{Answer, Body, Method, Operation, Segment};
use super::path::Target;
use super::raw::{RAW, RAW_BODY_LIMIT};
use super::refusal::Refusal;
use super::table::OPERATIONS;
use super::value::Value;
use crate::redaction::{self, NotJson};

/// A request that may be sent, if its caller has the permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    operation: Option<&'static Operation>,
    method: Method,
    upstream: String,
    asks_for_secret: bool,
}

/// The row that a request means. `method` is the method of the request line; `target` is its target as it
/// came, not decoded and with query and all.
///
/// # Errors
/// Every [`Refusal`].
pub fn find(method: &[u8], target: &[u8]) -> Result<Match, Refusal> {
    let target = Target::read(target)?;
    match in_table(method, &target) {
        Err(Refusal::UnknownOperation) if target.could_be_session() => Err(Refusal::SessionRoute),
        answer => answer,
    }
}

/// The row of a clean target.
pub(super) fn in_table(method: &[u8], target: &Target<'_>) -> Result<Match, Refusal> {
    let Some(path) = below_prefix(&target.segments) else {
        return Err(unknown(&target.segments));
    };
    let rows: Vec<_> = OPERATIONS.iter().filter(|row| fits(row.path, path)).collect();
    if rows.is_empty() {
        let bad = OPERATIONS.iter().find_map(|row| bad_segment(row.path, path));
        return Err(bad.unwrap_or_else(|| unknown(&target.segments)));
    }
    let method = Method::parse(method);
    let Some(row) = rows.iter().find(|row| Some(row.method) == method) else {
        return Err(Refusal::MethodNotAllowed(rows.iter().map(|row| row.method).collect()));
    };
    let typed = row.path.iter().zip(path).filter(|(part, _)| matches!(part, Segment::Typed(_)));
    let values: Vec<_> = typed.map(|(_, segment)| segment.as_bytes()).collect();
    let mut query = Vec::with_capacity(target.query.len());
    for (key, value) in &target.query {
        // a key without a value is looked up all the same, so that the reason is the right one
        query.push((*key, value.unwrap_or_default()));
    }
    Match::known(row, &values, &query)
}

impl Match {
    /// A request for a row. Written in the order of the row, not of the caller.
    pub(super) fn known(
        row: &'static Operation,
        values: &[&[u8]],
        query: &[(&[u8], &[u8])],
    ) -> Result<Self, Refusal> {
        let mut upstream = PREFIX.to_owned();
        let mut asks_for_secret = false;
        let mut values = values.iter();
        for part in row.path {
            upstream.push('/');
            match part {
                Segment::Literal(literal) => {
                    asks_for_secret |= redaction::is_secret(literal);
                    upstream.push_str(literal);
                }
                Segment::Typed(kind) => {
                    let value = values.next().ok_or(Refusal::UnknownOperation)?;
                    let value = kind.parse(value).ok_or(Refusal::BadSegment(*kind))?;
                    asks_for_secret |=
                        matches!(&value, Value::Text(text) if redaction::is_secret(text));
                    write(&mut upstream, &value);
                }
            }
        }
        if values.next().is_some() {
            return Err(Refusal::UnknownOperation);
        }
        write_query(&mut upstream, row, query)?;
        Ok(Self { operation: Some(row), method: row.method, upstream, asks_for_secret })
    }

    /// A request that no row describes; only [`raw`](super::raw) makes one.
    pub(super) fn raw(method: Method, upstream: String, asks_for_secret: bool) -> Self {
        Self { operation: None, method, upstream, asks_for_secret }
    }

    /// The row; none for what only [`RAW`] covers.
    pub fn operation(&self) -> Option<&'static Operation> {
        self.operation
    }

    /// Its name in the audit.
    pub fn name(&self) -> &'static str {
        self.operation.map_or("raw", |row| row.name)
    }

    /// The permission that it takes.
    pub fn permission(&self) -> &'static str {
        self.operation.map_or(RAW, |row| row.permission)
    }

    /// The method to send.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Path and query to send: written anew, and plain ASCII without anything escaped.
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// What the request may carry.
    pub fn body(&self) -> Body {
        match (self.operation, self.method) {
            (Some(row), _) => row.body,
            (None, Method::Get) => Body::Empty,
            (None, _) => Body::Json { limit: RAW_BODY_LIMIT },
        }
    }

    /// Whether the answer can hold secrets, and goes through [`Match::redact`] unless the caller may have
    /// them. Always so where no row says what the answer is.
    pub fn holds_secrets(&self) -> bool {
        self.operation.is_none_or(|row| row.answer == Answer::Secrets)
    }

    /// The same request with this body, which may name a secret where path and query do not.
    #[must_use]
    pub fn with_body(mut self, body: &[u8]) -> Self {
        self.asks_for_secret |= self.holds_secrets() && redaction::asks_for_secret(body);
        self
    }

    /// Takes the secrets out of the answer to this request, and tells how many there were. Where the
    /// request names one secret key, every text and number of the answer is taken for it.
    pub fn redact(&self, answer: &mut Json) -> usize {
        if self.asks_for_secret { redaction::redact_all(answer) } else { redaction::redact(answer) }
    }

    /// As [`Match::redact`], from text to text: written anew, with members in their order and numbers digit
    /// for digit.
    ///
    /// # Errors
    /// [`NotJson`]: what cannot be looked through is not to be passed on.
    pub fn redact_text(&self, answer: &[u8]) -> Result<(Vec<u8>, usize), NotJson> {
        if self.asks_for_secret {
            redaction::redact_all_text(answer)
        } else {
            redaction::redact_text(answer)
        }
    }
}

fn write_query(
    upstream: &mut String,
    row: &'static Operation,
    query: &[(&[u8], &[u8])],
) -> Result<(), Refusal> {
    let mut values: Vec<Option<Value>> = vec![None; row.query.len()];
    for (key, value) in query {
        let mut slots = row.query.iter().zip(&mut values);
        let slot = slots.find(|(known, _)| known.name.as_bytes() == *key);
        let (known, slot) = slot.ok_or(Refusal::UnknownQueryKey)?;
        if slot.is_some() {
            return Err(Refusal::RepeatedQueryKey);
        }
        *slot = Some(known.kind.parse(value).ok_or(Refusal::BadValue(Some(known.kind)))?);
    }
    let mut before = '?';
    for (known, value) in row.query.iter().zip(&values) {
        if let Some(value) = value {
            upstream.push(before);
            upstream.push_str(known.name);
            upstream.push('=');
            write(upstream, value);
            before = '&';
        }
    }
    Ok(())
}

fn write(upstream: &mut String, value: &Value) {
    // a String takes everything
    let _ = write!(upstream, "{value}");
}

/// Byte for byte, and every value is one.
fn fits(row: &[Segment], path: &[&str]) -> bool {
    row.len() == path.len()
        && row.iter().zip(path).all(|(part, segment)| match part {
            Segment::Literal(literal) => literal == segment,
            Segment::Typed(kind) => kind.parse(segment.as_bytes()).is_some(),
        })
}

/// The first value that is none, where all else is as the row has it.
fn bad_segment(row: &[Segment], path: &[&str]) -> Option<Refusal> {
    let literal = |(part, segment): (&Segment, &&str)| match part {
        Segment::Literal(literal) => literal == segment,
        Segment::Typed(_) => true,
    };
    if row.len() != path.len() || !row.iter().zip(path).all(literal) {
        return None;
    }
    row.iter().zip(path).find_map(|(part, segment)| match part {
        Segment::Typed(kind) if kind.parse(segment.as_bytes()).is_none() => {
            Some(Refusal::BadSegment(*kind))
        }
        _ => None,
    })
}

fn below_prefix<'a, 'b>(segments: &'b [&'a str]) -> Option<&'b [&'a str]> {
    let prefix: Vec<_> = PREFIX.split('/').skip(1).collect();
    segments.strip_prefix(prefix.as_slice())
}

/// No row has the path; a row that could be meant all the same makes it a bad one.
fn unknown(segments: &[&str]) -> Refusal {
    if loose::fits_a_row(segments) { Refusal::BadPath } else { Refusal::UnknownOperation }
}
