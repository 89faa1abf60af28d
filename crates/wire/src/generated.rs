//! What the Thrift compiler (Debian's 0.17.0) writes from `idl/passwordless_login.thrift`, committed
//! unchanged so that a build needs no compiler. Regenerate from the root of the workspace with
//!
//! ```sh
//! thrift --gen rs -out crates/wire/src/generated crates/wire/idl/passwordless_login.thrift
//! ```
//!
//! `tests/generated.rs` fails when the two differ.
//!
//! The codec takes the return codes from here; the simulator and the tests speak through it, so
//! that our codec is checked against a peer which is not ours. The daemon and the client do not use
//! its readers: they ignore a field's wire type, take absent strings for empty ones, and their result
//! struct prints the cookie in its `Debug`.

#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::allow_attributes_without_reason,
    reason = "written by the Thrift compiler, not by us"
)]
#[rustfmt::skip]
pub mod passwordless_login;
