//! TSM's HTTP API: which operations there are, and which of them a request means.
//!
//! ```text
//! bytes of the caller → find → the row, typed values → the path, built from the row → TSM
//! ```
//!
//! A caller's bytes are compared and parsed, never cleaned and never copied: what could mean one thing
//! here and another at TSM is refused. [`table`] has the rows, [`find`] the way in, [`raw`] the way for
//! what no row describes.

pub mod find;
mod loose;
pub mod operation;
mod path;
pub mod raw;
pub mod refusal;
pub mod table;
pub mod value;

/// What every path of the table begins with. Documentation and all published clients use version 0.5.
pub const PREFIX: &str = "/api/0.5";

/// Longest request target (path and query) that is looked at, in bytes.
pub const TARGET_LIMIT: usize = 2048;
