//! What of this client is particular to Unix, a small function each, so that another system's can stand in its
//! place.
//!
//! No unsafe code, and no decision: who calls says what is good enough.

pub(crate) mod clock;
pub(crate) mod descriptor;
pub(crate) mod folder;
pub(crate) mod mode;
pub(crate) mod owner;
pub(crate) mod peer;
pub(crate) mod program;
pub(crate) mod service;
pub(crate) mod signal;
pub(crate) mod socket;
pub(crate) mod standing;
pub(crate) mod terminal;
