//! `tsmgate pki` as people and scripts use it: the program itself, its streams, its exit codes, the
//! modes of its files, and the page that shows how to use it.
#![allow(clippy::unwrap_used, reason = "in a test a failed unwrap is a failed test")]

mod import_refusals;
mod importing;
mod inviting;
mod issuer;
mod issuing;
mod revoking;
mod rig;
mod secrets;
mod showing;
