//! `tsmgated status` and `tsmgated reload`: asking the running gate, on its status socket.

use std::path::PathBuf;

use super::{Exit, complain};
use crate::status::SOCKET;

#[derive(Debug, clap::Args)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    gate: Gate,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReloadArguments {
    #[command(flatten)]
    gate: Gate,
}

#[derive(Debug, clap::Args)]
struct Gate {
    /// The gate's status socket
    #[arg(long, default_value = SOCKET)]
    socket: PathBuf,
}

pub(super) fn status(arguments: &StatusArguments) -> Exit {
    complain(&format!("{arguments:?}"));
    Exit::Internal
}

pub(super) fn reload(arguments: &ReloadArguments) -> Exit {
    complain(&format!("{arguments:?}"));
    Exit::Internal
}
