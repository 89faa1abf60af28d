//! The service that enrols hosts, as it is built and as it runs: on loopback, with real TLS, and a record that
//! is checked afterwards.

mod disk;
mod guessing;
mod joining;
mod killed;
mod load;
mod records;
mod renewing;
mod starting;
mod support;
mod wire;
