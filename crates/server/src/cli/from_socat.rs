//! `tsmgated from-socat`.

use super::{Exit, complain};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The whole line, in quotes, as it stands in the unit, script or shell history
    line: String,
}

pub(super) fn from_socat(arguments: &Arguments) -> Exit {
    complain(&format!("{arguments:?}"));
    Exit::Internal
}
