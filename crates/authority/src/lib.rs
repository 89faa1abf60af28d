//! `tsmgate-authority`: the service that holds the authority's key, and enrols hosts.
//!
//! A host gets its first certificate by an invite, the next ones by the one before. The gate cannot make any:
//! this is another program, another user and another port, and the two meet in a folder of files alone.
//!
//! A connection passes these stages in this order, as one of the gate's does, and on the same floor
//! (`tsmgate-server`):
//!
//! ```text
//! accept → admit → handshake → request → order → answer
//! ```
//!
//! | stage | file | hands on |
//! |---|---|---|
//! | accept, admit | `tsmgate-server`, `tsmgate-gate` | a place in the strangers' budget |
//! | handshake | [`handshake`] | a stream, and the certificate that was shown, if any |
//! | request | [`request`] | an [`order::Order`]: what is asked for, bounded and read |
//! | order | [`order`] | a certificate: on record before it is made, and before it is given away |
//! | answer | [`answer`] | the bytes of the answer, or of a refusal |
//!
//! [`connection`] is the one function that calls them in order. [`daemon`] starts and stops it all from what
//! [`config`] says, which `reload` reads anew; [`keeper`] opens the authority and keeps what runs out: the
//! service's own certificate, and the revocation list. What is changed in the authority's folder is
//! `tsmgate-pki`'s business, `enrolment`. [`setup`] makes it all once, on the TSM host; it runs alone, and never
//! in the service.

pub mod answer;
pub mod cli;
pub mod config;
pub mod connection;
pub mod daemon;
pub mod handshake;
pub mod house;
pub mod keeper;
pub mod order;
mod reload;
pub mod request;
pub mod setup;
