//! `tsmgated` as it is built and as an administrator runs it: files, signals, limits, descriptors,
//! users, clocks. `cargo build --workspace` comes first.

mod audit_verify;
mod clock;
mod closed;
mod command_line;
mod configuration;
mod core_dumps;
mod credentials;
mod descriptors;
mod explain;
mod files;
mod flood;
mod killed;
mod life;
mod notify;
mod passed;
mod reload;
mod secrets;
mod stage;
mod users;
mod watchdog;
