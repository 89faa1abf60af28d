//! Why a request is none that TSM may see. The reasons carry nothing that the caller wrote.

use super::operation::Method;
use super::value::Kind;

/// Why a request was refused. [`Refusal::code`] is stable; the text is for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Path and query are longer than [`TARGET_LIMIT`](super::TARGET_LIMIT).
    #[error("path and query are too long")]
    TooLong,
    /// The path could be read in two ways: an escape, a dot segment, an empty segment, a slash at the end,
    /// a byte that needs escaping, an absolute form; or a row's path in another case, another version, or
    /// with an ending.
    #[error("the path is not written as the operation has it, byte for byte and without escapes")]
    BadPath,
    /// `login`, `logout` or `bootstrap`, or something that could be taken for it.
    #[error("sessions are the gate's own: this path is never passed on")]
    SessionRoute,
    /// No row has this path.
    #[error("no such operation")]
    UnknownOperation,
    /// A row has this path, but a value in it is none.
    #[error("a part of the path must be {}", .0.wanted())]
    BadSegment(Kind),
    /// Rows have this path, but only with these methods.
    #[error("the operation has another method")]
    MethodNotAllowed(Vec<Method>),
    /// The query has a key that the row has not.
    #[error("the operation has no such query key")]
    UnknownQueryKey,
    /// The query has a key twice.
    #[error("a query key stands twice")]
    RepeatedQueryKey,
    /// The value of a query key is none; what it must be, where a row says so.
    #[error("the value of a query key must be {}", .0.map_or("plain letters and digits", Kind::wanted))]
    BadValue(Option<Kind>),
}

impl Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "target_too_long",
            Self::BadPath => "bad_path",
            Self::SessionRoute => "session_route",
            Self::UnknownOperation => "unknown_operation",
            Self::BadSegment(_) => "bad_segment",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::UnknownQueryKey => "unknown_query_key",
            Self::RepeatedQueryKey => "repeated_query_key",
            Self::BadValue(_) => "bad_value",
        }
    }
}
