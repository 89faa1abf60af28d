//! `tsmgated`: the gate itself, everything live on the network.
//!
//! A connection passes these stages in this order and never another. Each is a file, and hands the
//! next a value that only it can make:
//!
//! ```text
//! accept → admit → handshake → identify → authorize → relay → audit
//! ```
//!
//! | stage | file | hands on |
//! |---|---|---|
//! | accept | [`accept`] | an `Arrival`: socket, address, time |
//! | | [`proxy`] | whose it is, where a balancer stands in front |
//! | admit | `tsmgate-gate`, `admission.rs` | an `Unproven` place in the strangers' budget |
//! | handshake | [`handshake`] | a `Handshaken` stream |
//! | identify | [`identify`] reads the leaf, `tsmgate-gate` decides | a `Caller` |
//! | authorize | `tsmgate-gate`, `permit.rs` | a `Permit`, for one call |
//! | relay | [`relay`] speaks with the caller, a lane each; [`backend`] with TSM, under the gate's own [`session`] where the lane keeps the cookie, and with the runner, which alone starts programs | an answer |
//! | audit | [`audit`]; a login runs beside it, where its records are written | the record, before the answer leaves |
//!
//! [`connection`] is the one function that calls them in order. Callers on this host come through a door of their
//! own, [`local`], without a handshake; all that follows is the same. [`daemon`] starts and stops it all from
//! what [`config`], [`enrolled`] and [`credentials`] have loaded and checked, with the [`sockets`] that
//! systemd or it opened, inside the [`sandbox`].
//!
//! A command outlives the connection that started it: `notices` has its beginning and its end on record,
//! `standing` takes it back while it waits and its caller may no longer.
//!
//! While it runs, [`reload`] reads everything anew and swaps it whole; every open connection then asks
//! [`judge`] whether it may stay. [`systemd`] is told how it goes; [`status`] is the picture for people,
//! [`metrics`] the one for machines, [`observe`] the doors at which both are shown.
//!
//! [`doctor`] is no part of what runs: it looks at the host for an administrator.
//!
//! The decisions are in `tsmgate-gate`, which does no I/O; the bytes of the conversation in
//! `tsmgate-wire`. This crate has no code that makes keys, and none that writes to TSM without a
//! `Permit`.

pub mod accept;
pub mod audit;
pub mod backend;
pub mod cli;
pub mod config;
pub mod connection;
pub mod credentials;
pub mod daemon;
pub mod digest;
pub mod doctor;
pub mod drain;
pub mod enrolled;
pub mod handshake;
pub mod house;
pub mod identify;
pub mod ip_dropin;
pub mod judge;
pub mod local;
pub mod log;
pub mod metrics;
mod notices;
pub mod observe;
pub mod pinning;
pub mod process;
pub mod proxy;
pub mod relay;
pub mod reload;
pub mod sandbox;
pub mod session;
pub mod signals;
pub mod socat;
pub mod sockets;
mod standing;
pub mod status;
pub mod systemd;
