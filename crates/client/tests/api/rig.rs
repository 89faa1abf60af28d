//! What the tests stand on: a gate that follows a script, a controller that is simulated, the program.
//!
//! Each run of the program is checked for what must hold in all of them: no cookie and no password on
//! stdout or stderr, and failures that say what failed and one hint.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};

#[path = "../login/rig/certificates.rs"]
#[allow(dead_code, reason = "what the other target needs is not all needed here")]
pub(crate) mod certificates;
pub(crate) mod controller;
pub(crate) mod gate;

pub(crate) use certificates::{Certificates, Recipe};
pub(crate) use controller::Controller;
pub(crate) use gate::{Gate, Reply};

pub(crate) const TSMGATE: &str = env!("CARGO_BIN_EXE_tsmgate");
/// What every cookie and password of the tests has in it, and no output may have.
pub(crate) const SECRET: &str = "SECRET";

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) talk: String,
}

impl Run {
    /// Runs a prepared command with nothing on stdin.
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::with_input(command, b"")
    }

    /// Runs a prepared command with this on stdin.
    pub(crate) fn with_input(command: &mut Command, input: &[u8]) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // it may have ended without reading
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let run = Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            talk: String::from_utf8(output.stderr).unwrap(),
        };
        let everything = format!("{}{}", run.out, run.talk);
        assert!(!everything.contains(SECRET), "a cookie or a password: {run:?}");
        assert!(!everything.contains('\x1b'), "something that steers a terminal: {run:?}");
        run
    }

    /// The answer of a run that must have worked.
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// Asserts a failure with this code, without an answer, and that its last two lines say this.
    pub(crate) fn says(&self, code: i32, what: &str, hint: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.out, "", "nothing on stdout of a failure: {self:?}");
        self.told(what, hint);
    }

    /// Asserts that the last two lines of the talk say this.
    pub(crate) fn told(&self, what: &str, hint: &str) {
        let lines: Vec<_> = self.talk.lines().collect();
        let [.., said, hinted] = lines[..] else { panic!("two lines, not {self:?}") };
        assert!(said.starts_with("tsmgate: ") && said.contains(what), "{what:?} in {self:?}");
        assert!(hinted.starts_with("hint: ") && hinted.contains(hint), "{hint:?} in {self:?}");
    }
}

/// The program with these arguments, and nothing from our environment.
pub(crate) fn tsmgate<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(TSMGATE);
    command.env_clear().env("TSMGATE_TIMEOUT", "20s").args(arguments);
    command
}

/// The same with the options for this gate.
pub(crate) fn at(gate: &Gate, arguments: &[&str]) -> Command {
    let mut command = tsmgate(arguments);
    command.args(["--gate", &format!("localhost:{}", gate.port())]);
    command.arg("--ca").arg(gate.certificates.path("ca.pem"));
    command.arg("--cert").arg(gate.certificates.path("client.pem"));
    command.arg("--key").arg(gate.certificates.path("client.key"));
    command
}

/// One run against a gate that answers every request so.
pub(crate) fn run_at(reply: Reply, arguments: &[&str]) -> Run {
    let gate = Gate::start(move |_| reply.clone());
    Run::of(&mut at(&gate, arguments))
}
