//! The pretend `tsm` program, each command against a running simulator.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

mod external_ssl;
mod stage;
