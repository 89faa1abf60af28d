//! The pretend `tsm` program, each command against a running simulator.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

mod arguments;
mod authentication;
mod custom_cert;
mod external_ssl;
mod extsvc;
mod faults;
mod jobs;
mod login;
mod pending;
mod repository_ssl;
mod stage;
mod tokens;
