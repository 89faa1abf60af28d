//! `tsmgate` as a helper for other programs, at the real gate: the session cache, `exec` and `logout`.
//!
//! One client with one certificate, a runtime folder of its own, and nothing else of our environment.

mod cached;
mod direct;
mod exec;
mod jar;
mod room;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

use tests::program::{Gated, command};
use tests::{Scene, SceneOptions};

use crate::stage::{run, stage, told};

/// A gate, and a client that keeps sessions.
pub struct Helper {
    pub scene: Scene,
    pub gated: Gated,
}

impl Helper {
    pub async fn with(options: SceneOptions) -> Self {
        let scene = stage(options).await;
        let gated = run(&scene);
        let helper = Self { scene, gated };
        helper.become_client("jump01");
        helper
    }

    /// A gate whose client may log in and end what it got.
    pub async fn start() -> Self {
        Self::with(SceneOptions::api("[\"login\", \"monitor\"]")).await
    }

    /// Gives the client a new certificate.
    pub fn become_client(&self, name: &str) {
        let identity = self.scene.authority.client(name);
        self.scene.install(&identity);
    }

    /// The program, asked for this.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.in_front(&[], arguments)
    }

    /// The same with another program in front.
    pub fn in_front(&self, wrap: &[&str], arguments: &[&str]) -> Command {
        let mut command = match wrap.split_first() {
            None => command("tsmgate"),
            Some((program, rest)) => {
                let mut command = Command::new(program);
                command.args(rest).arg(tests::program::built("tsmgate"));
                command
            }
        };
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs(self.scene.environment(self.gated.address()))
            .env("TSMGATE_RUNTIME_DIR", self.room());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The cookie of a `login --cache`, which has to work; and what was said.
    pub fn login(&self, more: &[&str]) -> (String, String) {
        let (code, out, err) = told(&self.run(&[&["login", "--cache"][..], more].concat()));
        assert_eq!(code, 0, "{err}");
        assert!(!err.contains(out.trim()), "a cookie on stderr: {err}");
        (out.trim().to_owned(), err)
    }

    /// The runtime folder.
    pub fn room(&self) -> PathBuf {
        self.scene.path("runtime")
    }

    /// The sessions that are kept.
    pub fn kept(&self) -> Vec<PathBuf> {
        let mut files = files(&self.room());
        files.retain(|file| file.extension().is_none());
        files
    }

    /// How many logins TSM gave.
    pub fn logins(&self) -> u64 {
        self.scene.tsm.counts().cookies
    }

    /// Makes the one kept session look so many hundredths of its time old.
    pub fn age(&self, hundredths: u64) {
        let [file] = &self.kept()[..] else { panic!("{:?}", self.kept()) };
        let text = std::fs::read_to_string(file).unwrap();
        let mut kept: serde_json::Value = serde_json::from_str(&text).unwrap();
        let asked = kept["asked_ns"].as_u64().unwrap();
        kept["max_age"] = 100.into();
        kept["asked_ns"] = (asked - hundredths * 1_000_000_000).into();
        std::fs::write(file, kept.to_string()).unwrap();
    }

    /// Stops the gate.
    pub fn stop_gate(&mut self) {
        self.gated.signal(nix::sys::signal::Signal::SIGTERM);
        assert_eq!(self.gated.wait(), Some(0));
    }
}

/// The files of a folder, by name.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

pub fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().mode() & 0o7777
}

/// A process that does not outlive the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
