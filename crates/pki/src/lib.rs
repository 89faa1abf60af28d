//! The small certificate authority of tsmgate: a folder, and what may be done in it.
//!
//! An authority issues server and client certificates, signs requests, revokes, and shows what a
//! file holds. It does file I/O only: no network, no process, no thread. It runs where the operator
//! keeps the authority's key; the daemon never does, and cannot create keys.
//!
//! ```text
//! DIR/                0700
//!   ca.pem            the authority, ten years
//!   ca.key      0600  its key, PKCS#8, encrypted when asked
//!   index.json        all that was issued and revoked, and the number of the last list
//!   clients.crl       the revocation list, 90 days
//!   servers/NAME.pem  NAME.key 0600
//!   clients/NAME.pem  NAME.key 0600
//! ```
//!
//! Rooms: [`authority`] holds the folder and its key, with `issue` and `revocation` as its two
//! trades; `profile` says what certificates look like, `request` what is taken from a CSR, `name`
//! and `serial` what they are called by; `register` is the folder without its key, `index` remembers, `store`
//! writes files, which are [`staged`] until they are whole, `key` keeps secrets; [`inspect`] reads what others wrote,
//! [`import`] judges it as the gate would.
//! [`enrolment`] is how hosts get theirs without a person who copies files: invites, and what the service does
//! that answers them; `holder` is the side of whoever asks.

pub mod authority;
pub mod enrolment;
pub mod import;
pub mod inspect;
pub mod staged;

mod error;
mod holder;
mod index;
mod issue;
mod key;
mod name;
mod passphrase;
mod profile;
mod register;
mod renewal;
mod request;
mod revocation;
mod serial;
mod store;

pub use authority::{Authority, InitOptions};
pub use error::{Fault, PkiError};
pub use holder::HolderKey;
pub use index::{Entry, Kind, Reason, Revoked, State};
pub use issue::{InMemory, IssueOptions, Issued};
pub use key::{Opened, open_encrypted};
pub use name::{CLIENT_NAME_MOST, ClientName, ServerName};
pub use passphrase::{PASSPHRASE_LEAST, Passphrase};
pub use profile::{AUTHORITY_DAYS, BACKDATED, CLIENT_DAYS, CRL_DAYS, DAYS_MOST, SERVER_DAYS};
pub use renewal::{Renewal, renewal};
pub use request::read_request;
pub use revocation::{Cut, LIST, Revocation, RevocationList, Revokee, cut};
pub use serial::Serial;

/// A time as people and JSON read it: RFC 3339, UTC, whole seconds.
pub fn time_text(time: ::time::OffsetDateTime) -> String {
    let time = time.to_offset(::time::UtcOffset::UTC);
    let seconds = time.replace_nanosecond(0).unwrap_or(time);
    // A year outside of 0 to 9999 has no such form; certificates cannot say one either.
    seconds.format(&::time::format_description::well_known::Rfc3339).unwrap_or_else(|_| "-".into())
}

/// An answer of the system as people read it. Rust's own words for a missing file are "entity not
/// found".
pub fn kind_text(kind: std::io::ErrorKind) -> String {
    match kind {
        std::io::ErrorKind::NotFound => "no such file or folder".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        other => other.to_string(),
    }
}
