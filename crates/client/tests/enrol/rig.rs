//! What the tests stand on: an authority of one run, a service and gate that follow a script, a home of its own for
//! the program. Each run is checked for what must hold in all of them: no secret is shown.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use tsmgate_pki::enrolment::Token;

pub(crate) mod authority;
pub(crate) mod service;

pub(crate) use authority::Authority;
pub(crate) use service::{Asked, Grant, Reply, Service};

pub(crate) const TSMGATE: &str = env!("CARGO_BIN_EXE_tsmgate");
/// What the gate says of a client.
pub(crate) const WHO: &str = r#"{"client":"jump01","permissions":["status.read","login"],
    "certificate":{"serial":"0a","not_after":"2026-01-01T00:00:00Z"}}"#;

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) talk: String,
}

impl Run {
    /// The answer of a run that must have worked.
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// Asserts the code, and that the last two lines of the talk say this.
    pub(crate) fn says(&self, code: i32, what: &str, hint: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let lines: Vec<_> = self.talk.lines().collect();
        let [.., said, hinted] = lines[..] else { panic!("two lines, not {self:?}") };
        assert!(said.starts_with("tsmgate: ") && said.contains(what), "{what:?} in {self:?}");
        assert!(hinted.starts_with("hint: ") && hinted.contains(hint), "{hint:?} in {self:?}");
    }
}

/// A person's home on a host.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The folder of the configuration.
    pub(crate) fn folder(&self) -> PathBuf {
        self.0.path().join(".config/tsmgate")
    }

    /// A file of the client's.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder().join("jump01").join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    pub(crate) fn configuration(&self) -> String {
        fs::read_to_string(self.folder().join("config.toml")).unwrap()
    }

    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(TSMGATE);
        command.env_clear().env("HOME", self.0.path()).env("TSMGATE_TIMEOUT", "20s");
        command.args(arguments);
        command
    }

    /// Runs it with nothing on stdin.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments), "")
    }

    /// `tsmgate join`, the token on stdin as a person pipes it.
    pub(crate) fn join(&self, token: &Token, more: &[&str]) -> Run {
        let token = token.to_string();
        let ran = run(self.command(["join"]).args(more), &format!("{token}\n"));
        let secret = token.strip_prefix("tsmgate-join-").unwrap();
        for part in [&secret[..20], &secret[60..80], &secret[secret.len() - 20..]] {
            assert!(!format!("{ran:?}").contains(part), "a part of the token: {ran:?}");
        }
        ran
    }

    /// Puts what a host that has joined has: a certificate of this life, in hours from now.
    pub(crate) fn joined(&self, service: &Service, hours: std::ops::Range<i64>) {
        let key = rcgen::KeyPair::generate().unwrap();
        self.put("key.pem", &key.serialize_pem(), 0o600);
        let pem = service.authority.client("jump01", &key, life(hours));
        self.put("cert.pem", &pem, 0o644);
        self.put("ca.pem", &service.authority.pem, 0o644);
        self.put("authority.pem", &service.authority.pem, 0o644);
        let address = service.address();
        let text = format!(
            "current = 'jump01'\n[profile.jump01]\ngate = '{address}'\nauthority = '{address}'\n\
             ca = 'jump01/ca.pem'\ncert = 'jump01/cert.pem'\nkey = 'jump01/key.pem'\n\
             authority_ca = 'jump01/authority.pem'\n"
        );
        self.write(&self.folder().join("config.toml"), &text, 0o600);
    }

    pub(crate) fn put(&self, name: &str, text: &str, mode: u32) {
        self.write(&self.file(name), text, mode);
    }

    fn write(&self, path: &Path, text: &str, mode: u32) {
        let folder = path.parent().unwrap();
        fs::create_dir_all(folder).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// A life in hours from now.
pub(crate) fn life(hours: std::ops::Range<i64>) -> (OffsetDateTime, OffsetDateTime) {
    let now = OffsetDateTime::now_utc();
    (now + Duration::hours(hours.start), now + Duration::hours(hours.end))
}

/// Runs a prepared command with this on stdin.
pub(crate) fn run(command: &mut Command, input: &str) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // it may have ended without reading
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let run = Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        talk: String::from_utf8(output.stderr).unwrap(),
    };
    let all = format!("{}{}", run.out, run.talk);
    assert!(!all.contains("PRIVATE KEY"), "{run:?}");
    assert!(!all.contains('\x1b'), "something that steers a terminal: {run:?}");
    run
}

/// The mode's twelve bits.
pub(crate) fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o7777
}
