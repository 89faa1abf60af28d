//! The one place that starts a process: an argument vector, never a shell; a group of its own; an environment that
//! is configured and nothing of ours; no input, and no descriptor but its two pipes.
//!
//! The process is not reaped before its group is ended, so that the group's number is nobody else's.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};
use tokio::net::unix::pipe::Receiver;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};
use zeroize::Zeroizing;

use crate::family::{self, Leader};
use crate::program::Program;

/// The longest time between two looks at whether it is over, should a signal be lost.
const LOOK: Duration = Duration::from_secs(1);

/// A process of ours, the first of its group.
#[derive(Debug)]
pub struct Started {
    child: Child,
    pid: Pid,
    ends: Signals,
    reaped: bool,
    // counts as ours until it is reaped
    _leader: Leader,
}

/// What it prints.
#[derive(Debug)]
pub struct Pipes {
    /// Standard output.
    pub out: Receiver,
    /// Standard error.
    pub err: Receiver,
}

impl Started {
    /// Starts `program` in `folder`, by which it is known as ours later. Its arguments are wiped afterwards, as far as they are ours.
    ///
    /// # Errors
    /// As the system's.
    pub fn start(
        program: &Program,
        arguments: &Zeroizing<Vec<String>>,
        environment: &[(String, String)],
        folder: &Path,
    ) -> io::Result<(Self, Pipes)> {
        // before: no end is missed
        let ends = signal(SignalKind::child())?;
        let mut command = Command::new(program.path());
        command.args(arguments.iter()).env_clear().current_dir(folder).process_group(0);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let pid = Pid::from_child(&child);
        let pipes =
            (child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from));
        let started = Self { child, pid, ends, reaped: false, _leader: Leader::of(pid) };
        let (Some(out), Some(err)) = pipes else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let pipes =
            Pipes { out: Receiver::from_owned_fd(out)?, err: Receiver::from_owned_fd(err)? };
        Ok((started, pipes))
    }

    /// Waits until it is over. It is not reaped by that.
    pub async fn over(&mut self) {
        while !self.is_over() {
            let _ = tokio::time::timeout(LOOK, self.ends.recv()).await;
            family::reap_orphans();
        }
    }

    fn is_over(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // a fault here would be that it is no child of ours
        !matches!(waitid(WaitId::Pid(self.pid), look), Ok(None))
    }

    /// Sends a signal to all of its group, and to itself should it have left that. What is gone takes none.
    pub fn signal(&self, signal: Signal) {
        if !self.reaped {
            let _ = kill_process_group(self.pid, signal);
            let _ = kill_process(self.pid, signal);
        }
    }

    /// Ends what is left of its group, and takes its status; `None` where it is not over.
    pub fn reap(mut self) -> Option<ExitStatus> {
        self.signal(Signal::KILL);
        let status = self.child.try_wait().ok().flatten();
        self.reaped = status.is_some();
        status
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // without waiting: whoever is no leader any more is reaped with the strays
        self.signal(Signal::KILL);
    }
}
