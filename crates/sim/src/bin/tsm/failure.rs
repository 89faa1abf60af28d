//! Why a command failed, and the exit code that goes with it.
//!
//! Seen: 0 is success and all else is failure. That wrong usage is 2, all else 1, and that complaints go to
//! standard error are guesses.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

/// A server-side or local failure. A guess.
const FAILED: u8 = 1;
/// The command line was wrong. A guess.
const USAGE: u8 = 2;

#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line was wrong.
    Usage(String),
    /// The controller said no: its status, and its reason.
    Refused(u16, String),
    /// Nobody answered.
    Unreachable(String),
    /// Anything else.
    Failed(String),
}

impl Failure {
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }

    /// Whether it may pass by itself while a job goes on: the controller restarts, or its cookies' key changed.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Refused(401 | 502..=504, _))
    }

    /// Tells it to the caller.
    pub(crate) fn report(&self) -> ExitCode {
        // nobody left to tell changes nothing about the code
        let _ = writeln!(std::io::stderr(), "{self}");
        ExitCode::from(if matches!(self, Self::Usage(_)) { USAGE } else { FAILED })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) => write!(formatter, "{text}\nSee 'tsm help'."),
            Self::Refused(status, detail) if detail.is_empty() => {
                write!(formatter, "The controller answered with status {status}.")
            }
            Self::Refused(_, detail) => formatter.write_str(detail),
            Self::Unreachable(text) | Self::Failed(text) => formatter.write_str(text),
        }
    }
}
