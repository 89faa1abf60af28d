//! `tsmgate join` and `tsmgate renew` against a service that follows a script: what is kept, what is refused, and
//! what stays where something fails. The service is a small server in this process, over real TLS.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

mod join;
mod join_broken;
mod join_files;
mod join_trust;
mod lasting;
mod renew;
mod renew_refused;
mod rig;
mod typed;
