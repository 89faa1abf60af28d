//! What the tests stand on: certificates of one run, peers that play a part, and the program itself.
//!
//! A peer is a thread that serves until the test's process ends. Each run of the program is checked
//! for what must hold in all of them: no cookie on stderr, and failures of two lines.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tsmgate_wire::{Answer, Cookie, ExceptionKind, Login, RemoteException, Secret};

pub(crate) mod certificates;
pub(crate) mod gate;
pub(crate) mod play;

pub(crate) use certificates::Certificates;
pub(crate) use gate::FakeGate;
pub(crate) use play::{FakeSocket, Play};

pub(crate) const TSMGATE: &str = env!("CARGO_BIN_EXE_tsmgate");
/// The session of every good answer.
pub(crate) const COOKIE: &str = "kZ7-SECRET-q1/w2+e3=";

/// The sequence number the client counts from.
pub(crate) const SEQUENCE: i32 = 1;

/// A good answer with this cookie value.
pub(crate) fn granted_with(username: &str, value: &str) -> Vec<u8> {
    let cookie = Cookie::new("AUTH_COOKIE".into(), Secret::new(value.into()), 7200).unwrap();
    answer(&Answer::Granted(Login { username: username.into(), cookie }))
}

pub(crate) fn granted() -> Vec<u8> {
    granted_with("tsmsvc", COOKIE)
}

pub(crate) fn answer(answer: &Answer) -> Vec<u8> {
    tsmgate_wire::encode_reply(SEQUENCE, answer).to_vec()
}

pub(crate) fn exception(kind: ExceptionKind, message: &str) -> Vec<u8> {
    answer(&Answer::Exception(RemoteException { kind, message: message.into() }))
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) talk: String,
}

impl Run {
    /// Runs a prepared command.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.stdin(Stdio::null()).output().unwrap();
        let run = Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            talk: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!run.talk.contains("SECRET"), "a cookie on stderr: {run:?}");
        run
    }

    /// The answer of a run that must have worked.
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// What failed and the hint, of a run that must have failed with this code.
    pub(crate) fn failed(&self, code: i32) -> (&str, &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.out, "", "nothing on stdout of a failure: {self:?}");
        assert!(self.talk.ends_with('\n'), "{self:?}");
        let lines: Vec<_> = self.talk.lines().collect();
        let [what, hint] = lines[..] else { panic!("two lines, not {self:?}") };
        let what = what.strip_prefix("tsmgate: ").unwrap();
        (what, hint.strip_prefix("hint: ").unwrap())
    }

    /// Asserts the code, and that both lines say this.
    pub(crate) fn says(&self, code: i32, what: &str, hint: &str) {
        let (said, hinted) = self.failed(code);
        assert!(said.contains(what), "{what:?} in {self:?}");
        assert!(hinted.contains(hint), "{hint:?} in {self:?}");
    }
}

/// `tsmgate login` with these arguments and nothing from our environment.
pub(crate) fn login<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(TSMGATE);
    command.env_clear().arg("login").args(arguments);
    command
}

/// A login at a fake gate, with the client of `certificates`.
pub(crate) fn login_at(gate: &FakeGate, certificates: &Certificates) -> Command {
    login_to(&format!("localhost:{}", gate.port()), certificates)
}

pub(crate) fn login_to(address: &str, certificates: &Certificates) -> Command {
    let mut command = login(["--gate", address, "--timeout", "20s"]);
    command.arg("--ca").arg(certificates.path("ca.pem"));
    command.arg("--cert").arg(certificates.path("client.pem"));
    command.arg("--key").arg(certificates.path("client.key"));
    command
}

/// A login at a fake socket.
pub(crate) fn login_at_socket(path: &Path) -> Command {
    let mut command = login(["--timeout", "20s", "--socket"]);
    command.arg(path);
    command
}

/// One run against a gate that plays this part.
pub(crate) fn run_at_gate(play: Play) -> Run {
    let certificates = Certificates::new();
    let gate = FakeGate::start(&certificates, play);
    Run::of(&mut login_at(&gate, &certificates))
}

/// One run against a socket that plays this part.
pub(crate) fn run_at_socket(play: Play) -> Run {
    let socket = FakeSocket::start(play);
    Run::of(&mut login_at_socket(socket.path()))
}

/// The gate of a library test.
pub(crate) fn library_gate(gate: &FakeGate, certificates: &Certificates) -> tsmgate_client::Gate {
    tsmgate_client::Gate {
        address: format!("localhost:{}", gate.port()).parse().unwrap(),
        server_name: "localhost".into(),
        authority: certificates.path("ca.pem"),
        certificate: certificates.path("client.pem"),
        private_key: certificates.path("client.key"),
        bind: None,
        proxy: None,
        timeout: tsmgate_client::Gate::TIMEOUT,
    }
}

/// Runs a library call to its end.
pub(crate) fn wait<T>(call: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(call)
}

/// The files of a folder, by name.
pub(crate) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
