//! The operator's log, to standard error: how much of it a variable says.
//!
//! It is for what goes on in the daemon. What was decided is in the audit.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use crate::audit::HEAD_TARGET;

/// Logs from here on, under the name of a program for what is said before; `variable` of the environment holds
/// the filter. To be called once.
pub fn to_stderr(program: &str, variable: &str) {
    let wanted = std::env::var(variable).unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::try_new(&wanted).unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "{program}: {variable}: {error}; it is `info` now");
        EnvFilter::new("info")
    });
    // the head goes to the log whatever else does not: it is what the audit is held against
    let filter = match format!("{HEAD_TARGET}=info").parse() {
        Ok(head) => filter.add_directive(head),
        Err(_) => filter,
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
}
