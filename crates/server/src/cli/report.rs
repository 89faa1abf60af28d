//! `tsmgated audit report`.

use std::path::PathBuf;

use super::{Exit, complain};
use crate::config::raw::AUDIT_FILE;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The audit file; several, oldest first, are read as one chain
    #[arg(default_value = AUDIT_FILE)]
    files: Vec<PathBuf>,
    /// How far back, as 12h, 7d or 4w; everything without it
    #[arg(long)]
    since: Option<String>,
    /// Write a page for people to this file
    #[arg(long)]
    html: Option<PathBuf>,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
}

pub(super) fn report(arguments: &Arguments) -> Exit {
    complain(&format!("{arguments:?}"));
    Exit::Internal
}
