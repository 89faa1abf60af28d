//! Becoming another program: the process stays, so that signals and the exit code are that program's own.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Becomes the program. Comes back only where that failed.
pub(crate) fn become_it(command: &mut Command) -> io::Error {
    command.exec()
}
