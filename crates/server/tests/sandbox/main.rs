//! What a thread in the sandbox can still do, and what it cannot: landlock binds the thread that enters,
//! so that each test sends one of its own in and stays outside itself.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]
#![allow(clippy::print_stderr, reason = "what is left out is said")]

mod files;
mod renewal;
mod room;
mod system;
