//! `tsmgate login` and the library behind it, against peers that behave and peers that do not: every
//! exit code, every hint, every format. The peers are small servers in this process, with
//! certificates made for the run.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod answers;
mod arguments;
mod files;
mod formats;
mod output;
mod reached;
mod refusals;
mod rig;
mod sockets;
mod spoken;
mod trust;
