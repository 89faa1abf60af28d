//! A runner on a folder of its own, as a user of its own where that can be had, and questions to it.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::program::{built, install_script};
use tests::wait;
use tsmgate_catalogue::runner::{
    Ask, End, Event, How, Id, RefusalCode, Refused, Said, Start, State, Task, What,
};

pub use super::talk::{Conversation, file, flag, start, value};

/// Whom the runner runs as, where the test is root's.
const USER: u32 = 65534;

/// A command that reads, and one that changes; and one that begins a job.
pub const READS: &str = "security external-ssl list";
pub const CHANGES: &str = "security external-ssl disable";
pub const JOB: &str = "security regenerate-internal-tokens";

/// Whether the test may give files away and run as others.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The runner's own user.
pub fn user() -> u32 {
    if is_root() { USER } else { nix::unistd::geteuid().as_raw() }
}

/// A prepared folder, and the runner on it.
pub struct Stage {
    folder: tempfile::TempDir,
    child: Option<Child>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    /// A running runner whose `tsm` is this shell script; `$HAND` in it is [`Self::hand`].
    pub fn with(script: &str) -> Self {
        Self::configured(script, "")
    }

    /// The same, with more lines of configuration.
    pub fn configured(script: &str, more: &str) -> Self {
        let mut stage = Self::prepared(script, more);
        stage.start();
        stage
    }

    /// All but started.
    pub fn prepared(script: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = Arc::default();
        let stage = Self { folder, child: None, log };
        set_mode(stage.folder.path(), 0o755);
        for (name, mode) in [("run", 0o755), ("state", 0o700), ("hand", 0o777), ("bin", 0o755)] {
            let path = stage.path(name);
            std::fs::create_dir(&path).unwrap();
            set_mode(&path, mode);
            if matches!(name, "run" | "state") && is_root() {
                chown(&path, Some(USER), Some(USER)).unwrap();
            }
        }
        stage.script(script);
        stage.configure(more);
        stage
    }

    /// Writes the program anew.
    pub fn script(&self, script: &str) {
        let hand = self.path("hand");
        let text = format!("#!/bin/sh\nHAND={}\n{script}\n", hand.display());
        let program = self.path("bin/tsm");
        let _ = std::fs::remove_file(&program);
        install_script(&text, &program);
    }

    /// Writes the configuration anew.
    pub fn configure(&self, more: &str) {
        let at = |name: &str| self.path(name).display().to_string();
        let us = nix::unistd::geteuid();
        let lines = [
            format!("listen.socket = \"{}\"", at("run/socket")),
            format!("tsm.program = \"{}\"", at("bin/tsm")),
            format!("tsm.program_owners = [\"{us}\"]"),
            format!("tsm.home = \"{}\"", at("state")),
            format!("state.folder = \"{}\"", at("state")),
        ];
        let mut text = lines.join("\n") + "\n" + more + "\n";
        if !more.contains("listen.users") {
            text.push_str(&format!("listen.users = [\"{us}\"]\n"));
        }
        if !more.contains("serve.permissions") {
            text.push_str("serve.permissions = [\"security.*\", \"pending-changes.*\"]\n");
        }
        std::fs::write(self.path("runner.toml"), text).unwrap();
    }

    /// `tsmgate-runner` on this folder, as its own user.
    pub fn command(&self) -> Command {
        let mut command = Command::new(built("tsmgate-runner"));
        if is_root() {
            command.uid(USER).gid(USER);
        }
        command.arg("--config").arg(self.path("runner.toml"));
        command
    }

    /// Starts it, and waits until it answers.
    pub fn start(&mut self) {
        let command = self.command();
        self.start_as(command);
    }

    /// The same by another command.
    pub fn start_as(&mut self, mut command: Command) {
        assert!(self.child.is_none(), "it runs already");
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::clone(&self.log);
        let before = self.log().len();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                log.lock().unwrap().push(line);
            }
        });
        self.child = Some(child);
        wait::until_blocking("the runner", || {
            self.log().iter().skip(before).any(|line| line.contains("INFO ready")).then_some(())
        });
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file by which script and test meet.
    pub fn hand(&self, name: &str) -> PathBuf {
        self.path("hand").join(name)
    }

    /// Lets a script go on that waits for it.
    pub fn give(&self, name: &str) {
        std::fs::write(self.hand(name), "").unwrap();
    }

    /// Waits for a file that the script writes, and reads it.
    pub fn taken(&self, name: &str) -> String {
        wait::until_blocking(name, || {
            std::fs::read_to_string(self.hand(name)).ok().filter(|text| text.ends_with('\n'))
        })
    }

    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub fn line_with(&self, text: &str) -> String {
        wait::until_blocking(text, || self.log().into_iter().find(|line| line.contains(text)))
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.as_ref().unwrap().id()).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// Waits for its end; its exit code.
    pub fn end(&mut self) -> Option<i32> {
        let child = Mutex::new(self.child.take().unwrap());
        let status =
            wait::until_blocking("the runner's end", || child.lock().unwrap().try_wait().unwrap());
        status.code()
    }

    /// `kill -9`, and its next life.
    pub fn killed(&mut self) {
        self.signal(Signal::SIGKILL);
        self.end();
    }

    pub fn connect(&self) -> Conversation {
        Conversation::with(&self.path("run/socket"))
    }

    pub fn ask(&self, ask: &Ask) -> Said {
        let mut conversation = self.connect();
        conversation.say(ask);
        conversation.next().unwrap()
    }

    pub fn begin(&self, start: Start) -> Result<Task, Refused> {
        task(self.ask(&Ask::Start(Box::new(start))))
    }

    /// Takes an order without options.
    pub fn order(&self, command: &str) -> Task {
        self.begin(start(command, vec![])).unwrap()
    }

    pub fn refusal(&self, start: Start) -> RefusalCode {
        self.begin(start).unwrap_err().code
    }

    pub fn show(&self, id: &Id) -> Task {
        task(self.ask(&Ask::Show(id.clone()))).unwrap()
    }

    pub fn list(&self) -> Vec<Task> {
        match self.ask(&Ask::List) {
            Said::Tasks(tasks) => tasks,
            other => panic!("{other:?}"),
        }
    }

    pub fn cancel(&self, id: &Id) -> Result<Task, Refused> {
        task(self.ask(&Ask::Cancel { id: id.clone(), by: "somebody".to_owned() }))
    }

    pub fn output(&self, id: &Id, from: u64) -> Conversation {
        let mut conversation = self.connect();
        conversation.say(&Ask::Output { id: id.clone(), from });
        conversation
    }

    /// All events up to the end.
    pub fn events(&self, id: &Id) -> Vec<Event> {
        self.output(id, 0).events()
    }

    /// Runs an order to its end: its events without numbers.
    pub fn run(&self, start: Start) -> (Vec<What>, End) {
        let task = self.begin(start).unwrap();
        let mut all: Vec<_> = self.events(&task.id).into_iter().map(|event| event.what).collect();
        match all.pop() {
            Some(What::End(end)) => (all, end),
            other => panic!("{other:?}"),
        }
    }

    /// The same: lines of standard output.
    pub fn lines(&self, start: Start) -> Vec<String> {
        let (all, end) = self.run(start);
        assert_eq!((end.how, end.code), (How::Exited, Some(0)), "{all:?} {end:?}");
        stdout(&all)
    }

    pub fn until(&self, id: &Id, state: State) -> Task {
        wait::until_blocking("a state", || {
            let task = self.show(id);
            (task.state == state).then_some(task)
        })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // lets it end what it started; one that does not is killed
            let _ = kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM);
            for _ in 0..1500 {
                if child.try_wait().unwrap().is_some() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn task(said: Said) -> Result<Task, Refused> {
    match said {
        Said::Task(task) => Ok(*task),
        Said::Refused(refused) => Err(refused),
        other => panic!("{other:?}"),
    }
}

pub fn stdout(all: &[What]) -> Vec<String> {
    let line = |what: &What| match what {
        What::Stdout(line) => Some(line.clone()),
        _ => None,
    };
    all.iter().filter_map(line).collect()
}

pub fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Whether a process of that number runs and is no zombie.
pub fn runs(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| {
        let (_, rest) = stat.rsplit_once(')').unwrap();
        !rest.trim_start().starts_with(['Z', 'X'])
    })
}
