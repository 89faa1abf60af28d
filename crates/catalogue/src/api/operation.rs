//! What a row of the table says: the shape of an operation of TSM's HTTP API.
//!
//! A row is only a description. It knows nothing of callers, and cannot say that something is merely
//! assumed: what has no source has no row.

use super::find::Match;
use super::refusal::Refusal;
use super::table::OPERATIONS;
use super::value::Kind;

/// The methods that TSM's API is known to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Starts something.
    Post,
    /// Changes something.
    Put,
    /// Removes something.
    Delete,
}

impl Method {
    /// Every one of them.
    pub const ALL: &'static [Self] = &[Self::Get, Self::Post, Self::Put, Self::Delete];

    /// As a request line has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// The method of a request line, byte for byte; others (`HEAD`, `get`, `PATCH`) are none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|method| method.name().as_bytes() == bytes)
    }
}

/// One part of a path, between two slashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this.
    Literal(&'static str),
    /// A value of this kind.
    Typed(Kind),
}

/// A key that the query may have, at most once; none is obligatory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryKey {
    /// The key, byte for byte.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
}

/// What the request may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// No body at all.
    Empty,
    /// None, or one JSON document of at most so many bytes (a stricter limit of the gate still holds).
    Json {
        /// The limit, in bytes.
        limit: usize,
    },
}

/// Whether the answer can hold secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// No secret is known to be in it.
    Plain,
    /// It can: it goes through [`Match::redact`] unless the caller may have secrets.
    Secrets,
}

/// How a row is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// D: documented by Tableau.
    Documented,
    /// C: seen in the code of a client that is in use, or in a captured request.
    Client,
    /// L: seen in something that a real server wrote.
    Artefact,
}

/// One operation of TSM's HTTP API.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its name in the audit, such as `cancel-job`; never changed.
    pub name: &'static str,
    /// The permission that it takes, as `tsmgate-gate` names it.
    pub permission: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path below [`PREFIX`](super::PREFIX).
    pub path: &'static [Segment],
    /// The keys that its query may have, in the order in which they are written.
    pub query: &'static [QueryKey],
    /// What the request may carry.
    pub body: Body,
    /// Whether the answer can hold secrets.
    pub answer: Answer,
    /// How it is known.
    pub marks: &'static [Mark],
    /// From where it is known.
    pub source: &'static str,
}

impl Operation {
    /// The row of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        OPERATIONS.iter().find(|operation| operation.name == name)
    }

    /// A request for this operation: `values` for the placeholders of its path in their order, and keys
    /// and values of its query. What comes of it is what [`find`](super::find::find) makes of the same
    /// bytes.
    ///
    /// # Errors
    /// [`Refusal::UnknownOperation`] when the number of values is not that of the placeholders;
    /// [`Refusal::BadSegment`] and the refusals of queries.
    pub fn request(
        &'static self,
        values: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Match, Refusal> {
        let values: Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
        let query: Vec<_> =
            query.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes())).collect();
        Match::known(self, &values, &query)
    }
}
