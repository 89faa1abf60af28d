//! The decisions of tsmgate: who may come in, how often, as whom, and what for.
//!
//! Rooms, in the order in which a connection meets them: [`network`] (addresses), [`admission`]
//! (allowlist, bans, rates, the two budgets), [`policy`] (which client a certificate is, and what it
//! may do), [`local`] (the same of a user of this host), [`ledger`] (limits of each client) and [`permit`], the only thing that opens TSM.
//! [`reason`] names every way to be refused.
//!
//! Nothing here does I/O, starts a task or reads the wall clock: addresses come as arguments, the
//! [`clock`] when a thing is built. Nothing here grows with the number of strangers.

pub mod admission;
pub mod bounded;
pub mod clock;
pub mod ledger;
pub mod local;
pub mod network;
pub mod permission;
pub mod permit;
pub mod policy;
pub mod rate;
pub mod reason;
