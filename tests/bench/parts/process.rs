//! A program under test: started with its output in a file, ended by its own process id when dropped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a program may take to end by itself.
const GRACE: Duration = Duration::from_secs(3);
/// Where programs of the system may be beside PATH, which often lacks them.
const SYSTEM: &[&str] = &["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// A running program.
pub struct Process {
    child: Child,
    output: PathBuf,
}

impl Process {
    /// Starts it; `output` is the file for whatever it says.
    pub fn start(command: &mut Command, input: Stdio, output: PathBuf) -> anyhow::Result<Self> {
        let file = File::create(&output)?;
        let child = command
            .stdin(input)
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self { child, output })
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("the kernel's ids fit"))
    }

    /// The end of what it said.
    pub fn last_words(&self) -> String {
        let text = std::fs::read(&self.output).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    /// Whether it has ended already.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it by this signal, or by force where it takes too long.
    pub fn end(&mut self, signal: Signal) {
        let end = Instant::now() + GRACE;
        // until it was waited for, the id is nobody else's
        if !self.has_ended() && kill(self.pid(), signal).is_ok() {
            while !self.has_ended() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        if !self.has_ended() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(Signal::SIGTERM);
    }
}

/// Where a program of the system is.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// The first line with `word` of what a program says when it is called like this.
pub fn line_of(program: &Path, argument: &str, word: &str) -> String {
    let said = Command::new(program).arg(argument).stdin(Stdio::null()).output();
    let said = said.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    let said = String::from_utf8_lossy(&said).into_owned();
    let line = said.lines().find(|line| line.contains(word)).unwrap_or_default();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
