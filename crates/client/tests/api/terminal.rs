//! With a terminal: the password that is typed, colours and bars, and bytes that could steer it. And
//! what an interruption leaves behind, which is nothing.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use tsmsim::JobDrive;

use crate::rig::controller::PASSWORD;
use crate::rig::{Controller, Gate, Reply, SECRET, at};

/// A program on a terminal of its own.
pub(crate) struct Terminal {
    pub(crate) master: File,
    child: Child,
    shown: String,
}

impl Terminal {
    pub(crate) fn of(command: &Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let side = || OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut apart = Command::new("setsid");
        apart.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        apart.env_clear().env("TSMGATE_TIMEOUT", "20s").env("TERM", "xterm");
        apart.stdin(side()).stdout(side()).stderr(side());
        let child = apart.spawn().unwrap();
        Self { master: File::from(master), child, shown: String::new() }
    }

    /// Reads until this is shown; the terminal's end ends it too.
    pub(crate) fn until(&mut self, wanted: &str) {
        let mut bytes = [0; 1024];
        while !self.shown.contains(wanted) {
            let read = self.master.read(&mut bytes).unwrap_or_default();
            assert!(read > 0, "no {wanted:?} in {:?}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    }

    /// Waits until what is typed is not shown: the prompt is there a moment before that.
    pub(crate) fn until_hidden(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        while tcgetattr(&self.master).unwrap().local_modes.contains(LocalModes::ECHO) {
            assert!(Instant::now() < until, "what is typed is shown");
            std::thread::yield_now();
        }
    }

    /// Everything that was shown, and the exit code.
    pub(crate) fn end(mut self) -> (String, Option<i32>) {
        let mut bytes = [0; 1024];
        // the last process's end is an error of the terminal's
        while let Ok(read) = self.master.read(&mut bytes) {
            if read == 0 {
                break;
            }
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        let code = self.child.wait().unwrap().code();
        assert!(!self.shown.contains(SECRET), "a secret on the terminal: {:?}", self.shown);
        (self.shown, code)
    }
}

/// R39: a typed password is not shown.
#[test]
fn a_password_is_asked_for_on_the_terminal_and_not_shown() {
    let controller = Controller::start();
    let mut command = controller.unknown(&["status", "--username", "anna"]);
    let mut terminal = Terminal::of(command.arg("--color=never"));
    terminal.until(&format!("Password of anna at {}: ", controller.url()));
    terminal.until_hidden();
    terminal.master.write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    let (shown, code) = terminal.end();
    assert!(shown.contains("Status: RUNNING\r\nnode1: RUNNING\r\n"), "{shown:?}");
    assert_eq!(code, Some(0));
    controller.is_left_alone();

    let mut terminal = Terminal::of(&controller.unknown(&["status", "--username", "a\u{1b}b"]));
    terminal.until("Password of a\\u{1b}b at ");
    terminal.until_hidden();
    terminal.master.write_all(b"\n").unwrap();
    let (shown, code) = terminal.end();
    assert!(shown.contains("tsmgate: the password is empty"), "{shown:?}");
    assert_eq!(code, Some(65));
}

#[test]
fn a_terminal_gets_no_byte_that_could_steer_it() {
    let body = "a\u{1b}[2J\u{9b}31m\u{7f}\r\u{e9}\tb";
    let gate = Gate::start(move |_| Reply::json(body));
    let terminal = Terminal::of(&at(&gate, &["api", "GET", "/api/0.5/status"]));
    let (shown, code) = terminal.end();
    assert_eq!(
        (shown.as_str(), code),
        ("a\\x1b[2J\\xc2\\x9b31m\\x7f\\x0d\\xc3\\xa9\tb\r\n", Some(0))
    );
}

#[test]
fn waiting_shows_a_bar_that_goes_away_and_health_has_a_colour() {
    let controller = Controller::start();
    let (shown, code) = Terminal::of(&controller.asked(&["stop", "--wait"])).end();
    assert!(shown.contains("[####"), "{shown:?}");
    assert!(shown.contains("job 1 (StopServerJob) succeeded"), "{shown:?}");
    assert_eq!(code, Some(0));
    let (shown, _) = Terminal::of(&controller.asked(&["status"])).end();
    assert!(shown.contains("\u{1b}["), "{shown:?}");
}

/// Who leaves in the middle leaves no session behind, and stops no job.
#[test]
fn an_interruption_ends_the_session_and_not_the_job() {
    for signal in [Signal::INT, Signal::TERM] {
        let controller = Controller::with(|options| options.jobs = JobDrive::ByHand);
        let mut command = controller.asked(&["stop", "--wait"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while controller.targets().len() < 2 {
            assert!(Instant::now() < until, "{:?}", controller.targets());
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let talk = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout), (Some(130), Vec::new()), "{talk}");
        assert!(
            talk.contains("tsmgate: interrupted\nhint: what was begun at TSM goes on"),
            "{talk}"
        );
        controller.is_left_alone();
        assert_eq!(controller.api().jobs().len(), 1);
    }
}
