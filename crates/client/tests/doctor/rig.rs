//! What the tests stand on: the peers of the other targets, and the program's report, read.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tsmgate_wire::{Answer, Cookie, Login, Secret};

#[path = "../login/rig/certificates.rs"]
#[allow(dead_code, reason = "what the other target needs is not all needed here")]
pub(crate) mod certificates;
#[path = "../login/rig/gate.rs"]
#[allow(dead_code, reason = "what the other target needs is not all needed here")]
pub(crate) mod gate;
#[path = "../api/rig/gate.rs"]
#[allow(dead_code, reason = "what the other target needs is not all needed here")]
pub(crate) mod http;
#[path = "../login/rig/play.rs"]
#[allow(dead_code, reason = "what the other target needs is not all needed here")]
pub(crate) mod play;

pub(crate) use certificates::{Certificates, Recipe};
pub(crate) use gate::FakeGate;
pub(crate) use http::{Gate, Reply};
pub(crate) use play::Play;

/// The session of every good answer.
const COOKIE: &str = "kZ7-SECRET-q1/w2+e3=";
/// The sequence number the client counts from.
pub(crate) const SEQUENCE: i32 = 1;

/// A good answer of the login lane.
pub(crate) fn granted() -> Vec<u8> {
    let cookie = Cookie::new("AUTH_COOKIE".into(), Secret::new(COOKIE.into()), 7200).unwrap();
    let login = Login { username: "tsmsvc".into(), cookie };
    tsmgate_wire::encode_reply(SEQUENCE, &Answer::Granted(login)).to_vec()
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) talk: String,
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.stdin(Stdio::null()).output().unwrap();
        let run = Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            talk: String::from_utf8(output.stderr).unwrap(),
        };
        let everything = format!("{}{}", run.out, run.talk);
        assert!(!everything.contains("SECRET"), "a cookie: {run:?}");
        assert!(!everything.contains("PRIVATE KEY"), "a key: {run:?}");
        run
    }

    /// The report, of a run with --json.
    pub(crate) fn report(&self) -> Report {
        assert_eq!(self.talk, "", "{self:?}");
        let json: Value = serde_json::from_str(&self.out).unwrap();
        assert_eq!(json["exit"].as_i64(), self.code.map(i64::from), "{self:?}");
        Report { json }
    }
}

/// A report.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) json: Value,
}

impl Report {
    pub(crate) fn step(&self, name: &str) -> &Value {
        let steps = self.json["steps"].as_array().unwrap();
        steps.iter().find(|step| step["name"] == name).unwrap()
    }

    /// The names of the steps with this verdict.
    pub(crate) fn with(&self, verdict: &str) -> Vec<&str> {
        let steps = self.json["steps"].as_array().unwrap();
        let found = steps.iter().filter(|step| step["verdict"] == verdict);
        found.map(|step| step["name"].as_str().unwrap()).collect()
    }

    /// Asserts that this step, and no other, failed: with this code, on this side, in these words; and that
    /// all after it was not tried.
    pub(crate) fn ends_at(&self, name: &str, code: i64, side: &str, what: &str, hint: &str) {
        assert_eq!(self.with("failed"), [name], "{self:#?}");
        assert_eq!(self.json["exit"], code, "{self:#?}");
        self.says(name, side, what, hint);
        let steps = self.json["steps"].as_array().unwrap();
        let after = steps.iter().skip_while(|step| step["name"] != name).skip(1);
        for step in after {
            assert_eq!(step["verdict"], "not_tried", "{self:#?}");
            assert_ne!(step["says"], "", "why not: {self:#?}");
        }
    }

    /// Asserts what a warning or a failure says.
    pub(crate) fn says(&self, name: &str, side: &str, what: &str, hint: &str) {
        let step = self.step(name);
        assert_eq!(step["side"], side, "{step:#?}");
        assert!(step["what"].as_str().unwrap().contains(what), "{what:?} in {step:#?}");
        assert!(step["hint"].as_str().unwrap().contains(hint), "{hint:?} in {step:#?}");
    }
}

/// `tsmgate doctor` with these arguments and nothing from our environment.
pub(crate) fn doctor<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tsmgate"));
    command.env_clear().env("TSMGATE_TIMEOUT", "20s").arg("doctor").args(arguments);
    command
}

/// The same, with the options for this address and the client of `certificates`.
pub(crate) fn doctor_of(address: &str, certificates: &Certificates) -> Command {
    doctor_with(address, certificates.folder())
}

/// The same, with the files of a folder.
pub(crate) fn doctor_with(address: &str, folder: &Path) -> Command {
    let mut command = doctor(["--json", "--server-name", "localhost", "--gate", address]);
    command.arg("--ca").arg(folder.join("ca.pem"));
    command.arg("--cert").arg(folder.join("client.pem"));
    command.arg("--key").arg(folder.join("client.key"));
    command
}

/// The report of a walk to a peer on the loopback.
pub(crate) fn report_of(port: u16, certificates: &Certificates) -> Report {
    Run::of(&mut doctor_of(&format!("127.0.0.1:{port}"), certificates)).report()
}
