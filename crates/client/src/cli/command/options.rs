//! What every command that runs on the gate's host can be told, beside what `tsm` itself takes.

use clap::Args;

use crate::cli::colour::When;
use crate::cli::gate_options::GateOptions;

/// How a command is run and shown.
#[derive(Debug, Args)]
pub(crate) struct CommandOptions {
    /// Print what would run on the host, secrets masked, and whether it may; run nothing
    #[arg(long, conflicts_with = "detach")]
    pub(super) dry_run: bool,
    /// Print the command's number and leave; `tsmgate commands attach` comes back to it
    #[arg(long)]
    pub(super) detach: bool,
    /// Send certificates, keys and settings without looking at them first
    #[arg(long)]
    pub(super) no_check: bool,
    /// Do not ask whether to go on
    #[arg(long)]
    pub(super) yes: bool,
    /// Write what happens as JSON, one object a line
    #[arg(long)]
    pub(super) json: bool,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    pub(super) color: When,
    #[command(flatten)]
    pub(super) gate: GateOptions,
}

/// Whether what was staged is applied.
#[derive(Debug, Default, Args)]
pub(crate) struct ApplyOptions {
    /// Run `pending-changes apply` afterwards, which may restart Tableau Server; asks first
    #[arg(long, conflicts_with = "detach")]
    pub(super) apply: bool,
    /// Have that pass over warnings
    #[arg(long, requires = "apply")]
    pub(super) ignore_warnings: bool,
}
