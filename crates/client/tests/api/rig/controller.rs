//! The simulator's controller, in this process, and the program run against it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use tsmsim::{
    Account, Api, ApiAccount, ApiOptions, Directory, JobDrive, Policy, Simulator, SimulatorOptions,
};

use super::{Run, SECRET, tsmgate};

pub(crate) const PASSWORD: &str = "a SECRET pässword\"\\";

/// A controller that listens.
pub(crate) struct Controller {
    folder: TempDir,
    pub(crate) tsm: Simulator,
    // last: it ends after what runs on it
    pub(crate) runtime: Runtime,
}

impl Controller {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    /// One with other options. `anna` may log in, `otto` is in none of the right groups.
    pub(crate) fn with(change: impl FnOnce(&mut ApiOptions)) -> Self {
        assert!(PASSWORD.contains(SECRET));
        let folder = tempfile::tempdir().unwrap();
        let account = |name: &str, in_group| ApiAccount {
            name: name.to_owned(),
            password: PASSWORD.to_owned(),
            in_group,
        };
        let mut api = ApiOptions {
            accounts: vec![account("anna", true), account("otto", false)],
            jobs: JobDrive::Every(Duration::from_millis(20)),
            ..ApiOptions::default()
        };
        change(&mut api);
        let mut options = SimulatorOptions::new(folder.path().join("login"));
        let table = vec![Account::of_this_process("gate", &["tsmadmin"])];
        options.policy = Policy { directory: Directory::Table(table), ..Policy::default() };
        options.api = Some(api);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let tsm = runtime.block_on(Simulator::start(options)).unwrap();
        let made = Self { folder, tsm, runtime };
        fs::write(made.path("tsm.pem"), made.api().certificate()).unwrap();
        fs::write(made.path("password"), format!("{PASSWORD}\n")).unwrap();
        fs::set_permissions(made.path("password"), PermissionsExt::from_mode(0o600)).unwrap();
        made
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn api(&self) -> &Api {
        self.tsm.api().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.api().address().port())
    }

    /// The program, asking this controller, trusting its certificate; without a way to a session.
    pub(crate) fn unknown(&self, arguments: &[&str]) -> Command {
        let mut command = tsmgate(arguments);
        command.args(["--direct", &self.url()]);
        command.arg("--direct-ca").arg(self.path("tsm.pem"));
        command
    }

    /// The same as this user.
    pub(crate) fn user(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = self.unknown(arguments);
        command.args(["--username", name]).arg("--password-file").arg(self.path("password"));
        command
    }

    /// The same as one who may.
    pub(crate) fn asked(&self, arguments: &[&str]) -> Command {
        self.user("anna", arguments)
    }

    /// Runs the program against it; no cookie that it gave is seen anywhere.
    pub(crate) fn run(&self, command: &mut Command) -> Run {
        let run = Run::of(command);
        let everything = format!("{}{}", run.out, run.talk);
        for cookie in self.tsm.cookies() {
            assert!(!everything.contains(&cookie), "a cookie: {run:?}");
        }
        run
    }

    /// One run as `anna`.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Run {
        self.run(&mut self.asked(arguments))
    }

    /// What was asked after the login and before the logout: `GET /api/0.5/status`.
    pub(crate) fn targets(&self) -> Vec<String> {
        let requests = self.api().requests();
        let all = requests.iter().map(|request| format!("{} {}", request.method, request.target));
        all.filter(|line| !line.ends_with("/login") && !line.ends_with("/logout")).collect()
    }

    /// Asserts that every session that was opened is ended.
    pub(crate) fn is_left_alone(&self) {
        let cookies = self.tsm.cookies();
        assert!(cookies.iter().all(|cookie| !self.api().is_open(cookie)), "a session is open");
    }
}
