//! How the program stops: at once where nothing is under way, after the calls that are, and never later
//! than the grace period.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::peer::{call, cookie_of, rest};
use tests::program::Gated;
use tests::{Scene, SceneOptions, wait};
use tsmsim::Behaviour;

use crate::stage::{open_files, peer, run, stage, verify};

/// Waits for the end, which must be a good one; how long it took from the signal.
fn ends_well(gated: &mut Gated, since: Instant) -> Duration {
    let (status, log) = gated.end();
    let took = since.elapsed();
    assert_eq!(status.code(), Some(0), "{log:?}");
    assert!(log.last().unwrap().contains("stopped"), "{log:?}");
    took
}

fn chain_is_whole(scene: &Scene) {
    let (code, out, err) = verify(scene, &[]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(scene.audit().last().unwrap()["event.action"], "stop");
}

/// Stops with a call under way at TSM, an idle connection and one that has said nothing.
async fn stops_after_the_call(signal: Signal) {
    let scene = stage(SceneOptions::default()).await;
    let mut gated = run(&scene);
    let client = peer(&scene, &gated, "jump01");
    let mut idle = client.connect().await.unwrap();
    cookie_of(call(&mut idle, 1).await.unwrap());
    let silent = client.tcp().await.unwrap();
    scene.tsm.behave(Behaviour::Delay(Duration::from_secs(3)));
    let under_way = tokio::spawn({
        let client = client.clone();
        async move { client.login().await }
    });
    scene.tsm.wait_until(wait::PATIENCE, |counts| counts.calls == 2).await.unwrap();

    let begun = Instant::now();
    gated.signal(signal);
    gated.line_with("stopping");
    wait::until("the end of listening", || async {
        TcpStream::connect(client.gate).is_err().then_some(())
    })
    .await;
    let (bytes, _) = rest(&mut idle).await;
    assert!(bytes.is_empty());
    assert!(begun.elapsed() < Duration::from_secs(2), "the idle connection was not cut at once");
    assert!(!under_way.is_finished());
    cookie_of(under_way.await.unwrap().expect("the call that was under way"));
    let took = ends_well(&mut gated, begun);
    assert!(took < Duration::from_secs(8), "{took:?}, though the call took 3 s");
    drop(silent);
    assert_eq!(scene.tsm.counts().cookies, 2);
    chain_is_whole(&scene);
}

/// R56a: SIGTERM ends listening and idle connections at once, lets the call finish, and exits with 0
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_the_call_under_way_finish() {
    stops_after_the_call(Signal::SIGTERM).await;
}

/// R56a: SIGINT does the same
#[tokio::test(flavor = "multi_thread")]
async fn sigint_lets_the_call_under_way_finish() {
    stops_after_the_call(Signal::SIGINT).await;
}

/// R56a: with nothing under way it ends at once, and a second signal changes nothing
#[tokio::test(flavor = "multi_thread")]
async fn with_idle_connections_it_ends_at_once() {
    let scene = stage(SceneOptions::default()).await;
    let mut gated = run(&scene);
    let client = peer(&scene, &gated, "jump01");
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.push(client.connect().await.unwrap());
        idle.push(client.connect().await.unwrap());
        cookie_of(call(idle.last_mut().unwrap(), 1).await.unwrap());
    }
    let begun = Instant::now();
    gated.signal(Signal::SIGTERM);
    gated.signal(Signal::SIGTERM);
    let took = ends_well(&mut gated, begun);
    assert!(took < Duration::from_secs(4), "{took:?}");
    chain_is_whole(&scene);
}

/// R56a: a TSM that hangs does not keep it: after the grace period the call is aborted and recorded so
#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_tsm_does_not_outlast_the_grace_period() {
    let rest = SceneOptions::default().rest + "[stop]\ngrace = \"1s\"\n";
    let options = SceneOptions { rest, login: "call = \"60s\"".into(), ..SceneOptions::default() };
    let scene = stage(options).await;
    scene.tsm.behave(Behaviour::Silent);
    let mut gated = run(&scene);
    let client = peer(&scene, &gated, "jump01");
    let hanging = tokio::spawn(async move { client.login().await });
    scene.tsm.wait_until(wait::PATIENCE, |counts| counts.open == 1).await.unwrap();

    let begun = Instant::now();
    gated.signal(Signal::SIGTERM);
    let took = ends_well(&mut gated, begun);
    assert!((1..5).contains(&took.as_secs()), "{took:?}");
    assert!(hanging.await.unwrap().is_err());
    chain_is_whole(&scene);
    let calls = scene.records("login");
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert_eq!(calls[1]["event.reason"], "call_aborted");
    assert_eq!(calls[1]["event.outcome"], "failure");
}

/// R56a: a signal at any moment of the start ends it, and the next start finds all in order
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_while_it_starts_ends_it() {
    let scene = stage(SceneOptions::default()).await;
    // each file it opens is another moment of the start
    for files in 0..16 {
        let mut gated = run(&scene);
        let listens = |gated: &Gated| gated.log().iter().any(|line| line.contains("listening"));
        while open_files(&gated).is_some_and(|open| open < files) && !listens(&gated) {}
        gated.signal(Signal::SIGTERM);
        let (status, log) = gated.end();
        // before it can take signals, the system's own answer to them ends it
        assert!(matches!(status.code(), None | Some(0)), "{status:?} {log:?}");
    }
    let mut gated = run(&scene);
    peer(&scene, &gated, "jump01").cookie().await;
    gated.signal(Signal::SIGTERM);
    ends_well(&mut gated, Instant::now());
    chain_is_whole(&scene);
}
