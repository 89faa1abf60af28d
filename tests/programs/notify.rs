//! What systemd is told, and when: ready, reloading, stopping, a line for people.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::peer::{call, cookie_of};
use tests::program::Gated;
use tests::wait::PATIENCE;
use tests::{Scene, SceneOptions};
use tsmgate_server::systemd::{LINE_LIMIT, bounded};

use crate::stage::{PLAIN, config, peer, run, stage};

/// The manager's end.
pub struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    /// All messages so far, with their times.
    seen: Mutex<Vec<(Instant, String)>>,
}

impl Manager {
    pub fn of(scene: &Scene) -> Self {
        let path = scene.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        Self { socket, path, seen: Mutex::default() }
    }

    /// What the daemon's environment needs.
    pub fn environment(&self) -> (&str, &str) {
        ("NOTIFY_SOCKET", self.path.to_str().unwrap())
    }

    /// The next message, where one comes soon.
    fn next(&self) -> Option<String> {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).ok()?;
        let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
        self.seen.lock().unwrap().push((Instant::now(), text.clone()));
        Some(text)
    }

    /// Waits for a message with this text; what comes before it is kept.
    pub fn message(&self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.next() {
                Some(message) if message.contains(text) => return message,
                _ => assert!(Instant::now() < end, "no `{text}`: {:?}", self.all()),
            }
        }
    }

    /// Takes what is said until then.
    pub fn listen_until(&self, end: Instant) {
        while Instant::now() < end {
            self.next();
        }
    }

    /// Forgets what was said so far.
    pub fn forget(&self) {
        while self.next().is_some() {}
        self.seen.lock().unwrap().clear();
    }

    /// All messages so far.
    pub fn all(&self) -> Vec<String> {
        while self.next().is_some() {}
        self.seen.lock().unwrap().iter().map(|(_, text)| text.clone()).collect()
    }

    /// The longest time between two messages with this text, or since the last of them.
    pub fn longest_gap(&self, text: &str) -> Duration {
        while self.next().is_some() {}
        let seen = self.seen.lock().unwrap();
        let times = seen.iter().filter(|(_, seen)| seen.contains(text)).map(|(time, _)| *time);
        let times: Vec<_> = times.chain([Instant::now()]).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }
}

/// The program, with a manager.
fn started(scene: &Scene, manager: &Manager) -> Gated {
    Gated::start(&config(scene), PLAIN, &[manager.environment()])
}

fn lines(message: &str) -> Vec<&str> {
    message.lines().collect()
}

/// R52: ready once it serves, and not before; the line for people follows what happens
#[tokio::test(flavor = "multi_thread")]
async fn ready_when_it_serves_with_a_line_for_people() {
    let scene = stage(SceneOptions::default()).await;
    let manager = Manager::of(&scene);
    let gated = started(&scene, &manager);
    let ready = manager.message("READY=1");
    assert_eq!(manager.all().len(), 1, "something before READY=1: {:?}", manager.all());
    let status = "STATUS=0 clients connected; next to end: server in 59 days";
    assert_eq!(lines(&ready), ["READY=1", status]);
    let mut open = peer(&scene, &gated, "jump01").connect().await.unwrap();
    cookie_of(call(&mut open, 1).await.unwrap());
    let line = manager.message("1 client connected");
    assert!(line.starts_with("STATUS=1 client connected; last login jump01 at 2"), "{line}");
    drop(open);
    manager.message("STATUS=0 clients connected; last login jump01");
}

/// What is wrong, the exit code, and how it is done.
type Bad = (&'static str, i32, fn(&Scene));

/// R55: a start that fails never says that it is ready
#[tokio::test]
async fn a_bad_start_is_never_ready() {
    let bad: [Bad; 4] = [
        ("syntax", 65, |scene| scene.edit("[listen]", "[listen")),
        ("another's key", 65, |scene| {
            scene.write("server.key", &scene.authority.server(|_| {}).key, 0o600);
        }),
        ("no folder for the audit", 66, |scene| {
            std::fs::remove_dir(scene.path("log")).unwrap();
        }),
        ("no such address", 71, |scene| scene.edit("127.0.0.1:0", "192.0.2.1:1")),
    ];
    for (case, code, spoil) in bad {
        let scene = stage(SceneOptions::default()).await;
        let manager = Manager::of(&scene);
        spoil(&scene);
        let (status, log) = started(&scene, &manager).end();
        assert_eq!(status.code(), Some(code), "{case}: {log:?}");
        assert_eq!(manager.all(), Vec::<String>::new(), "{case}");
    }
}

/// R53: a reload is announced with its time in the same message, and its end; a bad one shows in the line
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_is_announced() {
    let scene = stage(SceneOptions::default()).await;
    let manager = Manager::of(&scene);
    let gated = started(&scene, &manager);
    manager.message("READY=1");
    for (good, line) in
        [(true, "STATUS=0 clients"), (false, "LAST RELOAD FAILED"), (true, "STATUS=0")]
    {
        let (from, to) = if good { ("[listen x", "[listen]") } else { ("[listen]", "[listen x") };
        if std::fs::read_to_string(config(&scene)).unwrap().contains(from) {
            scene.edit(from, to);
        }
        let before = monotonic();
        gated.signal(Signal::SIGHUP);
        let announced = manager.message("RELOADING=1");
        let ["RELOADING=1", time] = lines(&announced)[..] else { panic!("{announced}") };
        let time: u64 = time.strip_prefix("MONOTONIC_USEC=").unwrap().parse().unwrap();
        assert!((before..=monotonic()).contains(&time), "{before} {time}");
        let ready = manager.message("READY=1");
        assert!(ready.contains(line), "{ready}");
        assert_eq!(ready.contains("FAILED"), !good, "{ready}");
    }
    gated.line_with("reload failed: going on with what there was");
}

/// CLOCK_MONOTONIC in microseconds.
fn monotonic() -> u64 {
    let now = nix::time::ClockId::CLOCK_MONOTONIC.now().unwrap();
    u64::try_from(Duration::from(now).as_micros()).unwrap()
}

/// R43: a path with a line feed in it is no second message, and a long one no long line
#[tokio::test(flavor = "multi_thread")]
async fn a_path_cannot_speak_to_the_manager() {
    let scene = stage(SceneOptions::default()).await;
    let hostile = format!("\"tsm/{}\\nSTOPPING=1\\nREADY=0é\"", "é".repeat(50));
    scene.edit("\"tsm/login\"", &hostile);
    let manager = Manager::of(&scene);
    let gated = started(&scene, &manager);
    let ready = manager.message("READY=1");
    let ["READY=1", line] = lines(&ready)[..] else { panic!("{ready:?}") };
    assert!(line.starts_with("STATUS=TSM cannot be asked: "), "{line}");
    assert!(line.ends_with("next to end: server in 59 days"), "{line}");
    gated.line_with("listening");
}

/// R43: whatever the line for people is made of, it is one line of a bounded length
#[test]
fn the_line_for_people_is_bounded() {
    let long = "é".repeat(LINE_LIMIT);
    assert_eq!(bounded(&long).len(), LINE_LIMIT);
    assert_eq!(bounded(&format!("x{long}")), format!("x{}", "é".repeat(LINE_LIMIT / 2 - 1)));
    assert_eq!(bounded("ready\nSTOPPING=1"), "ready");
    assert_eq!(bounded("ready"), "ready");
    assert_eq!(bounded(""), "");
}

/// R56a: the stop is announced, and nothing is ready after it
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_announced() {
    let scene = stage(SceneOptions::default()).await;
    let manager = Manager::of(&scene);
    let mut gated = started(&scene, &manager);
    manager.message("READY=1");
    gated.signal(Signal::SIGTERM);
    assert_eq!(gated.wait(), Some(0));
    let all = manager.all();
    let last = all.last().unwrap();
    assert_eq!(lines(last), ["STOPPING=1", "STATUS=stopping: calls under way may finish"]);
}

/// A manager whose socket is a name without a file is told as well
#[tokio::test(flavor = "multi_thread")]
async fn a_manager_without_a_file_is_told() {
    use std::os::linux::net::SocketAddrExt;
    let scene = stage(SceneOptions::default()).await;
    let name = format!("tsmgate-test-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let place = format!("@{name}");
    let _gated = Gated::start(&config(&scene), PLAIN, &[("NOTIFY_SOCKET", &place)]);
    let mut bytes = [0; 4096];
    let length = socket.recv(&mut bytes).expect("nothing was said");
    assert!(bytes[..length].starts_with(b"READY=1"));
}

/// Without systemd nothing is said and all works
#[tokio::test(flavor = "multi_thread")]
async fn without_a_manager_it_serves() {
    let scene = stage(SceneOptions::default()).await;
    let gated = run(&scene);
    peer(&scene, &gated, "jump01").cookie().await;
    gated.signal(Signal::SIGHUP);
    gated.line_with("read anew");
    assert!(!gated.log().iter().any(|line| line.contains("systemd cannot be told")));
}
