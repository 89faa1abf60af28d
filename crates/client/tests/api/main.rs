//! The commands that ask TSM over HTTP, against a scripted gate behind mutual TLS 1.3 and against the
//! simulator's controller: every exit code, hint and shape, and that no cookie and no password is seen.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

mod broken;
mod commands;
mod configuration;
mod direct;
mod direct_trust;
mod jobs;
mod logout;
mod options;
mod own;
mod profiles;
mod raw;
mod refusals;
mod rig;
mod sessions;
mod status;
mod terminal;
