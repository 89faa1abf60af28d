//! What breaks while it runs: the network, memory, the processes themselves. The programs are the built ones,
//! the networks are namespaces that the tests make, and what is asked afterwards is always the same: is the
//! record whole, does it say what happened, is nothing left behind, and does it go on by itself.
//!
//! Faults of the disk, of TSM, of descriptors and of the clock are in `flow` (`audit_failing`,
//! `audit_hanging`, `backend`, `reach`) and `programs` (`audit_slow_disk`, `runner::disk`, `descriptors`,
//! `clock`), beside what they break.
//!
//! `cargo build --workspace && FAULTS_ROUNDS=500 cargo test -p tests --test faults` is the long form; a round is about a second. A run
//! prints its seed, and `FAULTS_SEED` repeats its choices.

mod killed;
mod memory;
mod network;
mod stage;
