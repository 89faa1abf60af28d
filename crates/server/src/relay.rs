//! The lanes: each speaks with the caller itself and takes one call after the other to TSM.
//!
//! Only the login lane is here yet; which lane a connection is on is settled by ALPN, and one without
//! ALPN is on this one.

pub mod login;
