//! This process: its host, its core dumps, and becoming another program, where the process stays, so that
//! signals and the exit code are that program's own.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::system::uname;

/// Becomes the program. Comes back only where that failed.
pub(crate) fn become_it(command: &mut Command) -> io::Error {
    command.exec()
}

/// A crash must not leave a session or a password in a file. Being "not dumpable" would say it more
/// firmly, but closes /dev/fd as well, and with it the key that a shell hands over through a pipe.
pub(crate) fn refuse_core_dumps() {
    // lowering one's own limit is always allowed
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// What this host is called.
pub(crate) fn host_name() -> String {
    uname().nodename().to_string_lossy().into_owned()
}
