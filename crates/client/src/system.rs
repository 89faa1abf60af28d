//! What only Unix has, a small function each: folders of one owner, locks, the clock that nobody sets,
//! descriptors for another program, and becoming that program.
//!
//! No unsafe code, and no decision: who calls says what is good enough.

pub(crate) mod clock;
pub(crate) mod descriptor;
pub(crate) mod folder;
pub(crate) mod program;
