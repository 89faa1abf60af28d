//! `tsmgated setup`: becomes `tsmgate-authority setup`. What is on the network cannot make an authority; this is one
//! fixed program beside it, for the person at the command line.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::{Exit, complain};

/// The program that sets up, and its package.
const PROGRAM: &str = "tsmgate-authority";

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(super) struct Arguments {
    /// As `tsmgated setup --help` shows them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    options: Vec<OsString>,
}

/// Comes back only where there is none.
pub(super) fn setup(arguments: &Arguments) -> Exit {
    let beside = match std::env::current_exe() {
        Ok(us) => us.with_file_name(PROGRAM),
        Err(error) => {
            complain(&format!("cannot find out where {PROGRAM} is: {error}"));
            return Exit::System;
        }
    };
    let error = Command::new(&beside).arg("setup").args(&arguments.options).exec();
    complain(&format!("cannot become {}: {error}; is it installed?", beside.display()));
    Exit::File
}
