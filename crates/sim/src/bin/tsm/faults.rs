//! What a test has the program do wrong: `TSM_SIM_FAULT`, several joined by commas.
//!
//! Whatever waits here ends by itself after ten minutes, so that nothing is left behind by a runner that does
//! not end it.

use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, raise};
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;
use crate::output::Output;

/// The variable that names them.
const VARIABLE: &str = "TSM_SIM_FAULT";
/// The longest wait.
const WAIT_MOST: Duration = Duration::from_secs(600);
/// How much a flood is, in MiB.
const FLOOD_MIB: u64 = 64;

/// Name, and what it does; for the help.
pub(crate) const FAULTS: &[(&str, &str)] = &[
    ("hang[=N]", "prints N lines (1) and then nothing, for ten minutes"),
    ("flood[=N]", "prints N MiB (64) before anything else"),
    ("fork", "leaves a child that keeps the outputs open and sleeps, for ten minutes"),
    ("daemonize", "the same in a session of its own"),
    ("escapes", "prints what a terminal would obey"),
    ("exit=N", "ends with this code, whatever came of the command"),
    ("signal=N", "ends by this signal, whatever came of the command"),
    ("echo-secrets", "prints its own arguments on both outputs"),
    ("partial-line", "ends its output in the middle of a line"),
    ("ignore-term", "is not ended by SIGTERM"),
    ("lists-apart", "lists show key and value on lines of their own"),
];

/// What this run does wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(String, Option<u64>)>);

impl Faults {
    pub(crate) fn of_environment() -> Result<Self, Failure> {
        let wanted = std::env::var(VARIABLE).unwrap_or_default();
        let mut faults = Vec::new();
        for one in wanted.split(',').filter(|one| !one.is_empty()) {
            let (name, value) = match one.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (one, None),
            };
            let number = value.map(str::parse).transpose();
            let number = number.map_err(|_| unknown(one))?;
            let documented = FAULTS.iter().any(|(form, _)| match form.split_once(['[', '=']) {
                Some((own, _)) => own == name && (form.contains('[') || number.is_some()),
                None => *form == name && number.is_none(),
            });
            if !documented && !matches!(name, "linger" | "own-session") {
                return Err(unknown(one));
            }
            faults.push((name.to_owned(), number));
        }
        Ok(Self(faults))
    }

    pub(crate) fn hangs_after(&self) -> Option<u64> {
        self.find("hang").map(|lines| lines.unwrap_or(1))
    }

    pub(crate) fn lists_apart(&self) -> bool {
        self.has("lists-apart")
    }

    /// Whether this is the child of one that left a child.
    pub(crate) fn lingers(&self) -> bool {
        self.has("linger")
    }

    /// Sleeps, and keeps its outputs open.
    pub(crate) fn linger(&self) -> ExitCode {
        if self.has("own-session") && rustix::process::setsid().is_err() {
            return ExitCode::FAILURE;
        }
        Self::hang()
    }

    /// Does nothing for as long as any fault lasts, and ends the program.
    pub(crate) fn hang() -> ! {
        let end = Instant::now() + WAIT_MOST;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            std::thread::park_timeout(left);
        }
        std::process::exit(1)
    }

    /// What goes wrong before the command.
    pub(crate) fn before(&self, output: &mut Output, given: &[OsString]) -> Result<(), Failure> {
        if self.has("ignore-term") {
            // whoever listens is not ended; nobody looks at what came
            let listening = signal(SignalKind::terminate());
            drop(listening.map_err(|error| Failure::failed(error.to_string()))?);
        }
        if self.has("echo-secrets") {
            let all: Vec<_> = given.iter().map(|one| one.to_string_lossy()).collect();
            let all = all.join(" ");
            output.line(&format!("Running: tsm {all}"));
            let _ = writeln!(std::io::stderr(), "Running: tsm {all}");
        }
        if self.has("escapes") {
            output.line(
                "\x1b]0;taken over\x07\x1b[2J\x1b[31mred\x1b[0m\u{9b}5n\rback\x08\u{202e}txet",
            );
            let _ = writeln!(std::io::stderr(), "\x1b[5;1H\x1b[8mhidden\x1b[0m");
        }
        for (name, session) in [("fork", "linger"), ("daemonize", "linger,own-session")] {
            if self.has(name) {
                leave_a_child(session).map_err(|error| Failure::failed(error.to_string()))?;
            }
        }
        if let Some(mebibytes) = self.find("flood") {
            flood(output, mebibytes.unwrap_or(FLOOD_MIB));
        }
        Ok(())
    }

    /// What goes wrong after it; the exit code, where that is it.
    pub(crate) fn after(&self, output: &mut Output) -> Option<ExitCode> {
        if self.has("hang") {
            Self::hang();
        }
        if self.has("partial-line") {
            output.bytes(b"and in the middle of a");
        }
        let number = |name: &str| i32::try_from(self.find(name)??).ok();
        if let Some(signal) = number("signal").and_then(|number| Signal::try_from(number).ok()) {
            // one that does not end a program leaves the code as it was
            let _ = raise(signal);
        }
        number("exit").and_then(|code| u8::try_from(code).ok()).map(ExitCode::from)
    }

    fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn find(&self, name: &str) -> Option<Option<u64>> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, number)| *number)
    }
}

fn unknown(fault: &str) -> Failure {
    Failure::Usage(format!("{VARIABLE}: there is no fault '{fault}'."))
}

/// Starts this program again, as one that sleeps and holds the outputs.
fn leave_a_child(fault: &str) -> std::io::Result<()> {
    let mut child = Command::new(std::env::current_exe()?);
    child.env(VARIABLE, fault).stdin(Stdio::null());
    child.spawn().map(drop)
}

fn flood(output: &mut Output, mebibytes: u64) {
    let line = format!("{}\n", "flood".repeat(51)).repeat(4096);
    for _ in 0..mebibytes {
        output.bytes(line.as_bytes());
    }
}
