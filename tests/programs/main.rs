//! `tsmgated` as it is built and as an administrator runs it: files, signals, limits, descriptors,
//! users, clocks. `cargo build --workspace` comes first.

mod api;
mod audit_journal;
mod audit_logrotate;
mod audit_slow_disk;
mod audit_verify;
mod client;
mod clock;
mod closed;
mod command_line;
mod configuration;
mod core_dumps;
mod credentials;
mod descriptors;
mod every_command;
mod explain;
mod files;
mod flood;
mod from_socat;
mod ip_dropin;
mod killed;
mod life;
mod monitor;
mod notify;
mod passed;
mod reload;
mod report;
mod runner;
mod sandbox;
mod scripts;
mod secrets;
mod simulator;
mod stage;
mod trust_tsm;
mod users;
mod watchdog;
