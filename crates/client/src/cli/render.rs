//! TSM's answers as text for people: from typed values to a `String`, and nowhere else.
//!
//! What comes from TSM is escaped and cut. The text carries colours; `colour::dress` takes them out.

pub(super) mod command;
pub(super) mod job;
pub(super) mod status;
