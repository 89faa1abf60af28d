//! `tsmgated print-ip-dropin`.

use super::{Configuration, Exit, complain};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
}

pub(super) fn print(arguments: &Arguments) -> Exit {
    complain(&format!("{arguments:?}"));
    Exit::Internal
}
