//! The built programs, as an administrator runs them.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait;

/// Where a program of the workspace was built, beside this program or above this test.
///
/// # Panics
/// Where it was not: `cargo build --workspace` makes all of them.
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let mut folders = test.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    let found = folders.find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: cargo build --workspace"))
}

/// A command of the workspace's.
pub fn command(name: &str) -> Command {
    Command::new(built(name))
}

/// Puts a program somewhere else, for anybody to run.
///
/// Another process writes it: what is open for writing here, each child of another thread has open too until
/// it becomes the program that it is to be, and for so long the kernel runs it for nobody (`ETXTBSY`).
pub fn install(from: &Path, to: &Path) {
    let status = Command::new("install").args(["-m", "755"]).arg(from).arg(to).status();
    assert!(status.unwrap().success(), "{} is not where it is to be", to.display());
}

/// The same of a script.
pub fn install_script(text: &str, to: &Path) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, text).unwrap();
    install(file.path(), to);
}

/// Whether a tool of the system is there. Under `REQUIRE_ALL` a missing one is a failure.
pub fn have(tool: &str, package: &str) -> bool {
    let found = std::env::var_os("PATH").is_some_and(|paths| {
        std::env::split_paths(&paths).any(|folder| folder.join(tool).is_file())
    });
    if !found {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "{tool} is missing ({package})");
        eprintln!("LEFT OUT: {tool} is missing (Debian: {package})");
    }
    found
}

/// A tool that `tests/run` puts into `target/tools`, or that is there already.
pub fn tool(name: &str) -> Option<PathBuf> {
    let ours = built("tsmgated").ancestors().nth(2).unwrap().join("tools/bin").join(name);
    if ours.exists() {
        return Some(ours);
    }
    have(name, "none: tests/run installs it into target/tools").then(|| name.into())
}

/// The text of a command's standard output and standard error.
pub fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// A running `tsmgated`, or another program that is run as it is; killed when dropped.
pub struct Gated {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Gated {
    /// Starts `tsmgated run` with this configuration; `wrap` may put another program in front
    /// (`["faketime", …]`), `environment` is added.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn start<S: AsRef<OsStr>>(config: &Path, wrap: &[S], environment: &[(&str, &str)]) -> Self {
        Self::start_with(config, wrap, environment, Stdio::null())
    }

    /// The same with something at its standard input, which a program in front may pass on.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn start_with<S: AsRef<OsStr>>(
        config: &Path,
        wrap: &[S],
        environment: &[(&str, &str)],
        input: Stdio,
    ) -> Self {
        Self::start_program("tsmgated", config, wrap, environment, input)
    }

    /// The same of another program of the workspace.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn start_program<S: AsRef<OsStr>>(
        program: &str,
        config: &Path,
        wrap: &[S],
        environment: &[(&str, &str)],
        input: Stdio,
    ) -> Self {
        let daemon = built(program);
        let mut command = match wrap.split_first() {
            None => Command::new(&daemon),
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(&daemon);
                command
            }
        };
        let mut child = command
            .args(["run", "--config"])
            .arg(config)
            .envs(environment.iter().copied())
            .stdin(input)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().unwrap());
        let kept = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        Self { child, log, reader: Some(reader) }
    }

    /// The log's lines so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits for a line with this text.
    pub fn line_with(&self, text: &str) -> String {
        wait::until_blocking(&format!("the log line `{text}`"), || {
            self.log().into_iter().find(|line| line.contains(text))
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        let line = self.line_with("listening");
        let address = line.split("address=").nth(1).unwrap();
        address.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Its process id. Behind a wrapper that stays, the wrapper's.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.pid()).unwrap()), signal).unwrap();
    }

    /// Waits for its end; the exit code, `None` where a signal ended it.
    pub fn wait(&mut self) -> Option<i32> {
        self.status().code()
    }

    /// Waits for its end: how it ended, and its whole log.
    ///
    /// # Panics
    /// Where it goes on.
    pub fn end(&mut self) -> (ExitStatus, Vec<String>) {
        let status = self.status();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        (status, self.log())
    }

    fn status(&mut self) -> ExitStatus {
        let child = Mutex::new(&mut self.child);
        wait::until_blocking("the end of the program", || child.lock().unwrap().try_wait().unwrap())
    }
}

impl Drop for Gated {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
