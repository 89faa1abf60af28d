//! `tsmgated from-socat`: the old line in, a configuration to start from on standard output, and what is
//! left to do on standard error. Nothing is written, run or stopped.

use super::{Exit, complain, say};
use crate::socat::{self, advice::advice, configuration::configuration};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The whole line, in quotes, as it stands in the unit, script or shell history
    #[arg(allow_hyphen_values = true)]
    line: String,
}

pub(super) fn from_socat(arguments: &Arguments) -> Exit {
    match socat::read(&arguments.line) {
        Ok(old) => {
            say(&[configuration(&old).trim_end().to_owned()]);
            for line in advice(&old) {
                complain(&line);
            }
            Exit::Done
        }
        Err(fault) => {
            complain(&fault.to_string());
            Exit::Contents
        }
    }
}
