//! Getting to know TSM's HTTPS controller: what certificate it shows, in words that an administrator can
//! compare, and the line of the configuration that pins it.
//!
//! This is for a person's eyes and used by `tsmgated trust-tsm` alone, and the look by `tsmgated doctor`. The daemon believes nobody by it:
//! it has its own check ([`crate::credentials`]), and that has no way to look first.

pub mod look;
pub mod shown;
pub mod write;
