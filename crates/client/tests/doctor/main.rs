//! `tsmgate doctor` against peers that behave and peers that do not: which step fails, in which words, on which
//! side, with which exit code, and what is not tried after it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

mod answers;
mod files;
mod manners;
mod network;
mod rig;
mod trust;
