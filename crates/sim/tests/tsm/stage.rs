//! A simulator, the program beside it, and files to give it.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcgen::{CertificateParams, KeyPair};
use tsmsim::{Account, Api, ApiOptions, Directory, JobDrive, Policy, Simulator, SimulatorOptions};

pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// Jobs go by themselves, as fast as they can.
pub(crate) const FAST: JobDrive = JobDrive::Every(Duration::from_millis(1));

/// A simulator that knows the user of this test.
pub(crate) struct Stage {
    pub(crate) tsm: Simulator,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) fault: &'static str,
    pub(crate) environment: [(&'static str, String); 3],
}

/// A run of the program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A run of the program that has not.
pub(crate) struct Running(Option<Child>);

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|api| api.jobs = FAST).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ApiOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = SimulatorOptions::new(folder.path().join("login"));
        let table = vec![Account::of_this_process("runner", &["tsmadmin"])];
        options.policy = Policy { directory: Directory::Table(table), ..Policy::default() };
        let mut api = ApiOptions { assumed_routes: true, ..ApiOptions::default() };
        change(&mut api);
        options.api = Some(api);
        let tsm = Simulator::start(options).await.unwrap();
        let environment = tsm.tsm_environment(&folder.path().join("controller.pem")).unwrap();
        Self { tsm, folder, fault: "", environment }
    }

    pub(crate) fn api(&self) -> &Api {
        self.tsm.api().unwrap()
    }

    /// Runs the program to its end; a word is a word, `'…'` one with blanks.
    pub(crate) async fn run(&self, line: &str) -> Ended {
        self.start(line).ended().await
    }

    /// The same, where it has to go well.
    pub(crate) async fn good(&self, line: &str) -> String {
        let ended = self.run(line).await;
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{line}: {}", ended.out);
        ended.out
    }

    /// Starts the program.
    pub(crate) fn start(&self, line: &str) -> Running {
        let child = self.command(line).spawn().unwrap();
        Running(Some(child))
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tsm"));
        command.env_clear().envs(self.environment.clone()).current_dir(self.folder.path());
        command.env("TSM_SIM_FAULT", self.fault).args(words(line));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `server.crt` and `server.key`, and gives what is in them.
    pub(crate) fn certificate(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names = vec!["tableau.example.com".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let (certificate, key) = (certificate.pem(), key.serialize_pem());
        fs::write(self.path("server.crt"), &certificate).unwrap();
        fs::write(self.path("server.key"), &key).unwrap();
        (certificate, key)
    }

    /// What is staged, key and value.
    pub(crate) fn pending(&self) -> Vec<(String, Option<String>)> {
        self.api().pending().into_iter().map(|change| (change.key, change.pending)).collect()
    }

    /// What one key will be.
    pub(crate) fn staged(&self, key: &str) -> Option<String> {
        self.pending().into_iter().find(|(own, _)| own == key).and_then(|(_, value)| value)
    }
}

impl Running {
    pub(crate) fn of(child: Child) -> Self {
        Self(Some(child))
    }

    pub(crate) fn id(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.as_ref().unwrap().id()).unwrap())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.id(), signal).unwrap();
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ended {
        let id = self.id();
        let mut child = self.0.take().unwrap();
        let waiting = tokio::task::spawn_blocking(move || {
            let mut err = child.stderr.take().unwrap();
            let errors = std::thread::spawn(move || {
                let mut text = Vec::new();
                err.read_to_end(&mut text).unwrap();
                text
            });
            let mut out = Vec::new();
            child.stdout.take().unwrap().read_to_end(&mut out).unwrap();
            (child.wait().unwrap(), out, errors.join().unwrap())
        });
        let Ok(ended) = tokio::time::timeout(DEADLINE, waiting).await else {
            kill(id, Signal::SIGKILL).unwrap();
            panic!("the program does not end");
        };
        let (status, out, err) = ended.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: status.code(), out: text(out), err: text(err) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::task::yield_now().await;
    }
}

/// The words of a line, as a shell would have them.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(place, part)| {
            if place % 2 == 1 {
                vec![part.to_owned()]
            } else {
                part.split_whitespace().map(str::to_owned).collect()
            }
        })
        .collect()
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
