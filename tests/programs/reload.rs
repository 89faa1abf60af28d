//! The real program reads everything anew: at SIGHUP, and when `tsmgated reload` asks.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use nix::sys::signal::Signal;
use tests::peer::{answer, call, cookie_of, rest, send};
use tests::program::{Gated, have};
use tests::scene::entry;
use tests::{Scene, SceneOptions, wait};
use tsmgate_wire::encode_call;
use tsmsim::Behaviour;

use crate::stage::{PLAIN, config, peer, proc, run, stage, tsmgated, with_own_tables};

/// The client that goes, and the one that stays.
async fn two() -> Scene {
    let rest = SceneOptions::default().rest + &entry("other", "[\"login\"]");
    stage(SceneOptions { rest, ..SceneOptions::default() }).await
}

/// The scene, with the folder that systemd would make; the daemon, and where it is asked.
async fn with_status(scene: &Scene) -> (Gated, String) {
    let folder: PathBuf = scene.path("run");
    std::fs::create_dir(&folder).unwrap();
    let gated =
        Gated::start(&config(scene), PLAIN, &[("RUNTIME_DIRECTORY", folder.to_str().unwrap())]);
    gated.line_with("listening");
    (gated, folder.join("status.sock").display().to_string())
}

fn last_reload(scene: &Scene) -> Option<(String, String)> {
    let line = scene.records("reload").pop()?;
    let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
    Some((text("event.outcome"), text("error.message")))
}

/// R10, R53: SIGHUP reads everything anew: who was removed is cut, who was added gets in
#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_reads_everything_anew() {
    let scene = two().await;
    let gated = run(&scene);
    let mut open = peer(&scene, &gated, "jump01").connect().await.unwrap();
    let mut stays = peer(&scene, &gated, "other").connect().await.unwrap();
    cookie_of(call(&mut open, 1).await.unwrap());
    cookie_of(call(&mut stays, 1).await.unwrap());
    let (old, new) = (entry("jump01", "[\"login\"]"), entry("jump02", "[\"login\"]"));
    scene.edit(&old, &new);
    gated.signal(Signal::SIGHUP);
    // a second one at once is one more reload at most
    gated.signal(Signal::SIGHUP);
    let (bytes, _) = rest(&mut open).await;
    assert!(bytes.is_empty());
    gated.line_with("an open connection is cut");
    assert!(peer(&scene, &gated, "jump01").login().await.is_err());
    peer(&scene, &gated, "jump02").cookie().await;
    cookie_of(call(&mut stays, 2).await.unwrap());
    let reloads = scene.records("reload");
    assert!((1..=2).contains(&reloads.len()), "{reloads:?}");
    assert_eq!(scene.records("cut").len(), 1);
    assert_eq!(scene.tsm.counts().connections, 4);
    scene.verify();
}

/// R53: a bad configuration changes nothing and is said in the log; the daemon goes on
#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_with_a_bad_configuration_changes_nothing() {
    let scene = two().await;
    let gated = run(&scene);
    let mut open = peer(&scene, &gated, "jump01").connect().await.unwrap();
    cookie_of(call(&mut open, 1).await.unwrap());
    scene.edit(&entry("jump01", "[\"login\"]"), "oops = 1\n");
    gated.signal(Signal::SIGHUP);
    let line = gated.line_with("reload failed: going on with what there was");
    assert!(line.contains("oops"), "{line}");
    cookie_of(call(&mut open, 2).await.unwrap());
    peer(&scene, &gated, "jump01").cookie().await;
    let (outcome, why) = wait::until("the record", || async { last_reload(&scene) }).await;
    assert_eq!(outcome, "failure");
    assert!(why.contains("oops"), "{why}");
}

/// R53: `tsmgated reload` says how it went with its exit code, and `status` shows it
#[tokio::test(flavor = "multi_thread")]
async fn the_command_says_how_it_went() {
    let scene = two().await;
    let (gated, socket) = with_status(&scene).await;
    let reload = || tsmgated(&["reload", "--socket", &socket]);
    let status = || tsmgated(&["status", "--socket", &socket]);
    assert_eq!(reload(), (0, "reloaded\n".to_owned(), String::new()));
    let (code, out, err) = status();
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("last reload: good"), "{out}");

    scene.edit(&entry("jump01", "[\"login\"]"), "oops = 1\n");
    let (code, out, err) = reload();
    assert_eq!((code, out.as_str()), (65, ""), "{err}");
    assert!(err.contains("what was in force before still is") && err.contains("oops"), "{err}");
    peer(&scene, &gated, "jump01").cookie().await;
    let (code, out, _) = status();
    assert_eq!(code, 0, "what goes on is good: {out}");
    assert!(out.contains("last reload: FAILED") && out.contains("oops"), "{out}");

    scene.edit("oops = 1\n", "");
    assert_eq!(reload().0, 0);
    assert!(status().1.contains("last reload: good"));
    assert!(peer(&scene, &gated, "jump01").login().await.is_err());
    scene.edit("127.0.0.1:0", "127.0.0.1:1");
    let (code, _, err) = reload();
    assert_eq!(code, 65);
    assert!(err.contains("restart needed: listen.address changed"), "{err}");
    scene.verify();
}

/// R54: a reload that is asked for while the daemon stops is told so, and changes nothing
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_while_stopping_is_told_so() {
    let scene = two().await;
    let (mut gated, socket) = with_status(&scene).await;
    scene.tsm.behave_next(Behaviour::Delay(std::time::Duration::from_secs(3)));
    let mut open = peer(&scene, &gated, "jump01").connect().await.unwrap();
    send(&mut open, &encode_call(1)).await.unwrap();
    scene.tsm.wait_until(wait::PATIENCE, |counts| counts.calls == 1).await.unwrap();
    gated.signal(Signal::SIGTERM);
    gated.line_with("stopping");
    scene.edit(&entry("jump01", "[\"login\"]"), "");
    let (code, out, err) = tsmgated(&["reload", "--socket", &socket]);
    assert_ne!(code, 0);
    assert!(out.is_empty() && err.contains("stopping"), "{out}{err}");
    gated.signal(Signal::SIGHUP);
    cookie_of(answer(&mut open, 1).await.expect("the call under way was cut"));
    assert_eq!(gated.wait(), Some(0));
    assert!(scene.records("reload").is_empty() && scene.records("cut").is_empty());
    scene.verify();
}

/// Whether SIGHUP is blocked on the program's main thread.
fn blocks_hangup(gated: &Gated) -> bool {
    let status = proc(gated.pid(), "status");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    u64::from_str_radix(mask.unwrap().trim(), 16).unwrap() & 1 == 1
}

/// Sends SIGHUP from the moment on that it is blocked, until the program listens; `false` where it
/// listened before anybody saw that.
fn hammer_the_start(gated: &mut Gated) -> bool {
    let listens = |gated: &Gated| gated.log().iter().any(|line| line.contains("listening"));
    let end = Instant::now() + wait::PATIENCE;
    while !blocks_hangup(gated) {
        if listens(gated) {
            return false;
        }
        assert!(Instant::now() < end, "it neither starts nor blocks the signal");
    }
    loop {
        gated.signal(Signal::SIGHUP);
        if listens(gated) {
            return true;
        }
        assert!(Instant::now() < end, "it does not listen: {:?}", gated.log());
        std::thread::yield_now();
    }
}

/// R53: a SIGHUP that comes while the program starts is no end, and is followed by a reload
#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_during_the_start_is_a_reload_after_it() {
    let scene = two().await;
    // on a busy machine a start may be over before anybody looks
    let gated = (0..20).find_map(|_| {
        let mut gated = run(&scene);
        hammer_the_start(&mut gated).then_some(gated)
    });
    let mut gated = gated.expect("SIGHUP is never blocked during a start");
    gated.line_with("read anew");
    assert!(!blocks_hangup(&gated));
    peer(&scene, &gated, "jump01").cookie().await;
    gated.signal(Signal::SIGTERM);
    assert_eq!(gated.wait(), Some(0));
}

/// R54: whoever starts it with SIGHUP blocked changes nothing: one that waits is one reload
#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_that_waited_is_one_reload() {
    let scene = two().await;
    let wrap = ["env", "--block-signal=HUP", "sh", "-c", "kill -HUP $$; exec \"$@\"", "sh"];
    let gated = Gated::start(&config(&scene), &wrap, &[]);
    gated.line_with("read anew");
    wait::until("its record", || async { last_reload(&scene) }).await;
    assert_eq!(scene.records("reload").len(), 1);
    gated.signal(Signal::SIGHUP);
    wait::until("another", || async { (scene.records("reload").len() == 2).then_some(()) }).await;
}

/// Whether one of the program's threads waits for a file to open.
fn waits_for_a_file(gated: &Gated) -> bool {
    let call = format!("{} ", nix::libc::SYS_openat);
    let mut threads = std::fs::read_dir(format!("/proc/{}/task", gated.pid())).unwrap();
    threads.any(|thread| {
        let text = std::fs::read_to_string(thread.unwrap().path().join("syscall"));
        // a thread may have ended meanwhile
        text.is_ok_and(|text| text.starts_with(&call))
    })
}

/// R56a: a reload whose reading hangs does not keep the program from ending
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_hangs_does_not_delay_the_end() {
    if !have("unshare", "util-linux") {
        return;
    }
    let scene = two().await;
    let mut gated = Gated::start(&config(&scene), &with_own_tables(&scene), &[]);
    gated.line_with("listening");
    // where it looks TSM's user up there is now a pipe that nobody opens to write into
    let pipe = scene.path("pipe");
    let made = Command::new("mkfifo").args(["-m", "644"]).arg(&pipe).status().unwrap();
    assert!(made.success());
    std::fs::rename(pipe, scene.path("etc/passwd")).unwrap();
    gated.signal(Signal::SIGHUP);
    wait::until_blocking("the reload to hang", || waits_for_a_file(&gated).then_some(()));
    let begun = Instant::now();
    gated.signal(Signal::SIGTERM);
    let (status, log) = gated.end();
    assert_eq!(status.code(), Some(0), "{log:?}");
    assert!(begun.elapsed() < wait::PATIENCE / 2, "{:?}", begun.elapsed());
    // and it did hang until then
    assert_eq!(scene.records("reload"), Vec::<serde_json::Value>::new(), "{log:?}");
    assert!(!log.iter().any(|line| line.contains("read anew")), "{log:?}");
    scene.verify();
}
