//! What TSM can be asked for, and nothing else: the closed list that the gate, its runner and its client
//! share.
//!
//! * [`api`]: the operations of TSM's HTTP API, one row each, and the only way from bytes of a caller to
//!   a path that is sent to TSM.
//! * [`redaction`]: what is secret in TSM's answers, and how it is taken out.
//!
//! Nothing here does I/O, starts a task, or decides who may: a row names the permission that it takes,
//! and `tsmgate-gate` decides.

pub mod api;
pub mod redaction;
