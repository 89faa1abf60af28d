//! A folder with an authority in it, and the program run there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const TSMGATE: &str = env!("CARGO_BIN_EXE_tsmgate");

pub(crate) struct Place(pub(crate) TempDir);

impl Place {
    pub(crate) fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        place.good(&["init"]);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(TSMGATE);
        command.arg("pki").args(args).current_dir(self.0.path());
        command.env_remove("TSMGATE_PKI_DIR").stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must work; its answer.
    pub(crate) fn good(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs a command that must fail: its exit code and its talk, one error and one hint.
    pub(crate) fn bad(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        let talk = text(&output.stderr);
        assert_eq!(text(&output.stdout), "", "{args:?}");
        let lines: Vec<_> = talk.lines().collect();
        assert!(
            matches!(lines[..], [error, hint]
                if error.starts_with("tsmgate: ") && hint.starts_with("hint: ") && hint.len() > 12),
            "{args:?}: {talk}"
        );
        (output.status.code().unwrap(), talk)
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.good(&[args, &["--json"]].concat())).unwrap()
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o7777
}

pub(crate) fn write_secret(path: &Path, contents: &str) {
    fs::write(path, contents).unwrap();
    fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}

/// Starts a command whose exit code alone counts.
pub(crate) fn quiet(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// All files below a folder, with their modes.
pub(crate) fn modes(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        found.push((path.clone(), mode(&path)));
        if path.is_dir() {
            found.extend(modes(&path));
        }
    }
    found
}
