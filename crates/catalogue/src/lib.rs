//! What TSM can be asked for, and nothing else: the closed list that the gate, its runner and its client
//! share.
//!
//! * [`api`]: the operations of TSM's HTTP API, one row each, and the only way from bytes of a caller to
//!   a path that is sent to TSM.
//! * [`command`]: the commands of the official `tsm` program, one row each, and the only way from what a
//!   caller asks for to an argument vector.
//! * [`runner`]: what the gate and its runner say to each other about commands.
//! * [`redaction`]: what is secret in TSM's answers, and how it is taken out.
//!
//! Nothing here does I/O, starts a task, or decides who may: a row names the permission that it takes,
//! and `tsmgate-gate` decides.

pub mod api;
pub mod command;
pub mod redaction;
pub mod runner;
