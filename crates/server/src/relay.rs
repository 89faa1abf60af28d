//! The lanes: each speaks with the caller itself and takes one call after the other to TSM.
//!
//! Which lane a connection is on is settled by [`lane`]. What a call leaves on record is [`entry`]'s, what
//! its caller is told when it fails is [`told`]'s, in all of them. The stream is [`shared`] with a call that runs
//! beside the audit.

mod entry;
pub mod http;
pub mod lane;
pub mod login;
pub mod opening;
pub mod shared;
mod told;

use rustls_pki_types::CertificateDer;
use tsmgate_gate::permit::Caller;

use crate::audit::record::Record;
use crate::proxy::Origin;
use crate::relay::opening::Opening;

/// Who is at the other end of a connection, past the handshake.
#[derive(Debug, Clone, Copy)]
pub struct Party<'a> {
    /// Who it is.
    pub caller: &'a Caller,
    /// The connection's fields, which each of its records carries.
    pub about: &'a Record,
    /// Its first record, which comes before all others.
    pub opening: &'a Opening<'a>,
    /// The connection's number.
    pub id: &'a str,
    /// What only who comes over the network has; a user of this host has neither.
    pub remote: Option<Remote<'a>>,
}

/// By what a caller from elsewhere is judged again.
#[derive(Debug, Clone, Copy)]
pub struct Remote<'a> {
    /// The certificates it showed, leaf first.
    pub chain: &'a [CertificateDer<'static>],
    /// Whence it comes.
    pub origin: Origin,
}
