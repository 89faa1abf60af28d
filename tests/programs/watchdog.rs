//! The watchdog's food: it comes as long as the accept loop turns, and from nowhere else.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::SceneOptions;
use tests::peer::{call, cookie_of};
use tests::program::{Gated, have};
use tests::scene::entry;

use crate::notify::Manager;
use crate::stage::{PLAIN, config, peer, stage};

/// How long the watchdog waits; it is fed three times in that.
const WATCHDOG: (&str, &str) = ("WATCHDOG_USEC", "900000");
const FOOD: &str = "WATCHDOG=1";
/// What no gap may reach while all is well, on a busy machine too.
const HUNGRY: Duration = Duration::from_millis(2500);

/// R56: the watchdog is fed again and again, also while nobody comes, and not where nobody asked for it
#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_is_fed() {
    let scene = stage(SceneOptions::default()).await;
    let manager = Manager::of(&scene);
    let gated = Gated::start(&config(&scene), PLAIN, &[manager.environment(), WATCHDOG]);
    for _ in 0..6 {
        manager.message(FOOD);
    }
    peer(&scene, &gated, "jump01").cookie().await;
    assert!(manager.longest_gap(FOOD) < HUNGRY);
    drop(gated);

    let scene = stage(SceneOptions::default()).await;
    let manager = Manager::of(&scene);
    let mut gated = Gated::start(&config(&scene), PLAIN, &[manager.environment()]);
    peer(&scene, &gated, "jump01").cookie().await;
    manager.message("last login");
    gated.signal(Signal::SIGTERM);
    gated.wait();
    assert!(!manager.all().iter().any(|message| message.contains(FOOD)));
}

/// How long the accept loop is held, in microseconds.
const HELD: &str = "inject=accept4:delay_enter=5000000:when=1";

/// R56: it starves as long as the accept loop is held, and what came meanwhile is served afterwards
#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_accept_loop_starves_the_watchdog() {
    if !have("strace", "strace") {
        return;
    }
    let scene = stage(SceneOptions::default()).await;
    let manager = Manager::of(&scene);
    let gated = Gated::start(&config(&scene), PLAIN, &[manager.environment(), WATCHDOG]);
    let client = peer(&scene, &gated, "jump01");
    let mut open = client.connect().await.unwrap();
    cookie_of(call(&mut open, 1).await.unwrap());
    let strace = Held::by_strace(&gated);
    manager.message(FOOD);

    let begun = Instant::now();
    let knock = client.tcp().await.unwrap();
    // one that was due meanwhile may just have been sent
    manager.listen_until(begun + Duration::from_secs(1));
    manager.forget();
    manager.listen_until(begun + Duration::from_secs(4));
    let said = manager.all();
    assert!(!said.iter().any(|message| message.contains(FOOD)), "fed though stuck");
    manager.message(FOOD);
    assert!(begun.elapsed() > Duration::from_secs(4), "fed though stuck: {:?}", begun.elapsed());
    drop((knock, strace));
    cookie_of(call(&mut open, 2).await.unwrap());
    client.cookie().await;
}

/// A program whose next accept is held; let go when dropped.
struct Held {
    strace: Child,
    /// What it says of threads that come later; with nobody there to read, it would end.
    _said: Lines<BufReader<ChildStderr>>,
}

impl Held {
    fn by_strace(gated: &Gated) -> Self {
        let pid = gated.pid().to_string();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-o", "/dev/null", "-e", "trace=accept4", "-e", HELD, "-p", &pid]);
        let mut strace = strace.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(strace.stderr.take().unwrap()).lines();
        let line = said.next().expect("strace ended").unwrap();
        assert!(line.contains("attached"), "{line}");
        Self { strace, _said: said }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

/// R27, R56: without a descriptor left the watchdog is fed all the same, reloads change nothing, and
/// with room again all goes on
#[tokio::test(flavor = "multi_thread")]
async fn without_descriptors_it_is_fed_and_reloads_nothing() {
    if !have("prlimit", "util-linux") {
        return;
    }
    let rest = SceneOptions::default().rest + &entry("other", "[\"login\"]");
    let scene = stage(SceneOptions { rest, ..SceneOptions::default() }).await;
    let manager = Manager::of(&scene);
    let gated = Gated::start(&config(&scene), PLAIN, &[manager.environment(), WATCHDOG]);
    let client = peer(&scene, &gated, "jump01");
    let mut open = client.connect().await.unwrap();
    cookie_of(call(&mut open, 1).await.unwrap());
    // the first food may come before it
    manager.message("READY=1");
    manager.message(FOOD);
    limit(&gated, "3");
    scene.edit(&entry("jump01", "[\"login\"]"), "");
    gated.signal(Signal::SIGHUP);
    gated.line_with("Too many open files");
    let told = manager.message("READY=1");
    assert!(told.contains("LAST RELOAD FAILED"), "{told}");
    for _ in 0..4 {
        manager.message(FOOD);
    }
    assert!(manager.longest_gap(FOOD) < HUNGRY);
    assert!(scene.records("cut").is_empty());

    limit(&gated, "1000");
    gated.signal(Signal::SIGHUP);
    let (bytes, _) = tests::peer::rest(&mut open).await;
    assert!(bytes.is_empty());
    peer(&scene, &gated, "other").cookie().await;
    assert!(!manager.message("READY=1").contains("FAILED"));
    assert_eq!(scene.records("cut").len(), 1);
}

fn limit(gated: &Gated, files: &str) {
    let pid = format!("--pid={}", gated.pid());
    let mut prlimit = Command::new("prlimit");
    assert!(prlimit.args([&pid, &format!("--nofile={files}:")]).status().unwrap().success());
}
