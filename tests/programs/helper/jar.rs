//! `cookie-jar`: a file that is fresh as long as the program runs, and gone when its session is.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::program::Gated;
use tests::{SceneOptions, wait};
use tsmsim::Behaviour;

use super::{Helper, Running, files, mode};
use crate::stage::{PLAIN, config, told};

const NAME: &str = "tsm.cookies";

/// A running jar in the scene's folder.
struct Jar<'a> {
    helper: &'a Helper,
    running: Running,
}

impl<'a> Jar<'a> {
    fn start(helper: &'a Helper, more: &[&str]) -> Self {
        let file = helper.scene.path(NAME);
        let mut command = helper.command(&[&["cookie-jar", file.to_str().unwrap()], more].concat());
        Self::of(helper, &mut command)
    }

    fn of(helper: &'a Helper, command: &mut Command) -> Self {
        let log = std::fs::File::create(helper.scene.path("jar.log")).unwrap();
        let running = Running(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        Self { helper, running }
    }

    fn text(&self) -> Option<String> {
        std::fs::read_to_string(self.helper.scene.path(NAME)).ok()
    }

    /// The cookie in the file, once there is another than this.
    fn cookie_after(&self, before: &str) -> String {
        wait::until_blocking("a cookie in the file", || {
            let text = self.text()?;
            // whole at every moment
            let line = text.strip_prefix("# Netscape HTTP Cookie File\n#HttpOnly_127.0.0.1\t");
            let cookie = line.unwrap().trim_end().rsplit('\t').next().unwrap().to_owned();
            (cookie != before).then_some(cookie)
        })
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.running.0.id()).unwrap()), signal).unwrap();
    }

    fn end(&mut self) -> ExitStatus {
        self.running.0.wait().unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.helper.scene.path("jar.log")).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_is_there_until_the_end_and_its_session_too() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let helper = Helper::start().await;
        let mut jar = Jar::start(&helper, &[]);
        let first = jar.cookie_after("");
        assert_eq!(mode(&helper.scene.path(NAME)), 0o600);
        assert!(helper.scene.api().is_open(&first));
        jar.signal(Signal::SIGUSR1);
        let second = jar.cookie_after(&first);
        // who reads the file just before the change can go on with what it read
        assert!(helper.scene.api().is_open(&first) && helper.scene.api().is_open(&second));
        jar.signal(signal);
        assert_eq!(jar.end().code(), Some(0), "{}", jar.log());
        assert_eq!(jar.text(), None, "{signal}");
        assert!(!helper.scene.api().is_open(&second), "{signal}: the session was left behind");
        assert!(!jar.log().contains(&first) && !jar.log().contains(&second));
        assert!(files(&helper.room()).is_empty(), "it has nothing to do with the cache");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_kept_is_kept() {
    let helper = Helper::start().await;
    let mut jar = Jar::start(&helper, &["--keep"]);
    let cookie = jar.cookie_after("");
    jar.signal(Signal::SIGTERM);
    assert_eq!(jar.end().code(), Some(0));
    assert!(jar.text().unwrap().contains(&cookie) && helper.scene.api().is_open(&cookie));
}

/// R64: a new session is there before the old one ends, over and over, also after the gate was away
#[tokio::test(flavor = "multi_thread")]
async fn the_file_is_fresh_again_after_the_gate_was_away() {
    let session_life = Duration::from_secs(3);
    let options = SceneOptions { session_life, ..SceneOptions::api("[\"login\"]") };
    let mut helper = Helper::with(options).await;
    // the same port after the gate's restart
    let address = helper.gated.address().to_string();
    helper.scene.edit("127.0.0.1:0", &address);
    let file = helper.scene.path(NAME);
    let log = std::fs::File::create(helper.scene.path("jar.log")).unwrap();
    let mut command = helper.command(&["cookie-jar", file.to_str().unwrap()]);
    let mut running = Running(command.stderr(log).spawn().unwrap());
    let read = || std::fs::read_to_string(&file).ok();
    let first = wait::until_blocking("the first session", read);
    let second = wait::until_blocking("the second", || read().filter(|text| *text != first));
    helper.gated.signal(Signal::SIGKILL);
    helper.gated.wait();
    wait::until_blocking("the end of a dead session", || read().is_none().then_some(()));
    let log = || std::fs::read_to_string(helper.scene.path("jar.log")).unwrap();
    wait::until_blocking("why, and what became of it", || {
        let log = log();
        (log.contains("cannot reach") && log.contains("the session is over: ")).then_some(())
    });
    assert_eq!(log().matches("cannot reach").count(), 1, "a failure is said once: {}", log());
    let again = Gated::start(&config(&helper.scene), PLAIN, &[]);
    again.line_with("listening");
    let third = wait::until_blocking("a fresh one", read);
    assert!(third != first && third != second);
    kill(Pid::from_raw(i32::try_from(running.0.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}

/// What does not work at the start does not begin: a unit can be told.
#[tokio::test(flavor = "multi_thread")]
async fn what_fails_at_the_start_fails() {
    let helper = Helper::start().await;
    let file = helper.scene.path(NAME);
    let path = file.to_str().unwrap();
    let (code, _, err) = told(&helper.run(&["cookie-jar", path, "--gate", "127.0.0.1:1"]));
    assert!(code == 70 && err.lines().count() == 2, "{err}");
    symlink(helper.scene.path("elsewhere"), &file).unwrap();
    let (code, _, err) = told(&helper.run(&["cookie-jar", path]));
    assert!(code == 66 && err.contains("give FILE a plain file"), "{err}");
    assert!(!helper.scene.path("elsewhere").exists());
    assert_eq!(helper.logins(), 0);
}

/// A login under way at TSM.
fn wait_for_login(helper: &Helper, count: u64) {
    wait::until_blocking("the login at TSM", || {
        (helper.scene.tsm.counts().connections >= count).then_some(())
    });
}

/// A session that the file does not take is written later, and not replaced by one more; and ended at the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_written_is_not_left_lying() {
    let helper = Helper::start().await;
    let file = helper.scene.path(NAME);
    helper.scene.tsm.behave(Behaviour::Delay(Duration::from_millis(800)));
    let mut jar = Jar::start(&helper, &[]);
    wait_for_login(&helper, 1);
    symlink("/dev/null", &file).unwrap();
    assert_eq!(jar.end().code(), Some(66), "{}", jar.log());
    let [given] = &helper.scene.tsm.cookies()[..] else { panic!("no login") };
    assert!(!helper.scene.api().is_open(given), "it was left behind");
    std::fs::remove_file(&file).unwrap();

    helper.scene.tsm.behave(Behaviour::Honest);
    let mut jar = Jar::start(&helper, &[]);
    jar.cookie_after("");
    std::fs::remove_file(&file).unwrap();
    symlink("/dev/null", &file).unwrap();
    jar.signal(Signal::SIGUSR1);
    wait::until_blocking("the failure", || jar.log().contains("cannot write").then_some(()));
    std::fs::remove_file(&file).unwrap();
    let cookie = jar.cookie_after("");
    assert_eq!(helper.scene.tsm.cookies().last(), Some(&cookie));
    assert_eq!(helper.logins(), 3, "one login for each try to write");
    jar.signal(Signal::SIGTERM);
    assert_eq!(jar.end().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_before_the_first_session_is_no_success() {
    let helper = Helper::start().await;
    helper.scene.tsm.behave(Behaviour::Delay(Duration::from_secs(5)));
    let mut jar = Jar::start(&helper, &[]);
    wait_for_login(&helper, 1);
    jar.signal(Signal::SIGTERM);
    assert_eq!(jar.end().code(), Some(130), "{}", jar.log());
    assert_eq!(jar.text(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_when_the_file_is_there() {
    let helper = Helper::start().await;
    let socket = UnixDatagram::bind(helper.scene.path("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let file = helper.scene.path(NAME);
    let mut command = helper.command(&["cookie-jar", file.to_str().unwrap()]);
    command.env("NOTIFY_SOCKET", helper.scene.path("notify"));
    let mut jar = Jar::of(&helper, &mut command);
    let mut message = [0; 1024];
    let length = socket.recv(&mut message).unwrap();
    let text = String::from_utf8_lossy(&message[..length]).into_owned();
    assert!(text.contains("READY=1\n") && text.contains("STATUS=session of "), "{text}");
    let cookie = jar.cookie_after("");
    assert!(!text.contains(&cookie));
    jar.signal(Signal::SIGTERM);
    let length = socket.recv(&mut message).unwrap();
    assert!(String::from_utf8_lossy(&message[..length]).contains("STOPPING=1"));
    assert_eq!(jar.end().code(), Some(0));
}
