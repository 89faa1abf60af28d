//! `tsmgated completions` and `tsmgated manual`: the command line for shells, and its manual pages.
//!
//! What the pages have beyond the command line is the table below.

use std::io;

use tsmgate_manual::{Shown, Surroundings};

use super::{Exit, LOG_FILTER, command, complain};
use crate::config::raw::{AUDIT_FILE, CONFIG_FILE};
use crate::status::SOCKET;

const AROUND: Surroundings<'_> = Surroundings {
    environment: &[
        (LOG_FILTER, "How much the log says: error, warn, info, debug or trace."),
        ("CREDENTIALS_DIRECTORY", "Where systemd hands over server.key, the private key."),
        ("RUNTIME_DIRECTORY", "Where the status socket is made; without it there is none."),
    ],
    files: &[
        (CONFIG_FILE, "The configuration."),
        ("/etc/tsmgate/clients.d/*.toml", "More [[client]] entries."),
        (AUDIT_FILE, "The audit."),
        (SOCKET, "Where tsmgated status and tsmgated reload ask."),
    ],
    see_also: &["tsmgate(1)", "tsmgate-runner(1)"],
};

pub(super) fn manual(shown: Shown) -> Exit {
    match shown.perform(command(), &AROUND, &mut io::stdout().lock()) {
        Ok(()) => Exit::Done,
        Err(unwritten) => {
            complain(&unwritten.to_string());
            Exit::System
        }
    }
}
