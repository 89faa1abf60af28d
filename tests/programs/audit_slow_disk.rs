//! A disk that takes seconds for each sync: strace holds the system call.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::SceneOptions;
use tests::peer::{call, cookie_of, timed};
use tests::program::{Gated, have};
use tsmsim::Behaviour;

use crate::stage::{config, peer, stage, verify};

/// Longer than a call waits for its record.
const SYNC: Duration = Duration::from_secs(7);

/// R42: while the disk takes seven seconds for a sync, records go on and no call is refused
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_sync_refuses_nobody() {
    if !have("strace", "strace") {
        return;
    }
    let login = "per_connection = 10000".to_owned();
    let scene = stage(SceneOptions { login, ..SceneOptions::default() }).await;
    scene.tsm.behave(Behaviour::Delay(Duration::from_millis(50)));
    let inject = format!("inject=fdatasync:delay_enter={}", SYNC.as_micros());
    let trace = scene.path("trace").display().to_string();
    // as a grandchild, so that the program is ours to end
    let wrap = ["strace", "-D", "-f", "--seccomp-bpf", "-o", &trace, "-e", "trace=fdatasync"];
    let wrap = [&wrap[..], &["-e", &inject]].concat();
    let mut gated = Gated::start(&config(&scene), &wrap, &[]);
    let mut stream = peer(&scene, &gated, "jump01").connect().await.unwrap();
    let begun = Instant::now();
    let (mut calls, mut longest) = (0, Duration::ZERO);
    while begun.elapsed() < SYNC + Duration::from_secs(2) {
        let (answer, time) = timed(call(&mut stream, 1)).await;
        cookie_of(answer.unwrap());
        (calls, longest) = (calls + 1, longest.max(time));
    }
    assert!(calls > 20, "{calls} calls, the longest took {longest:?}");
    let syncs = std::fs::read_to_string(&trace).unwrap();
    assert!(syncs.contains("fdatasync("), "no sync was held: {syncs}");
    drop(stream);
    gated.signal(Signal::SIGKILL);
    assert_eq!(gated.wait(), None);
    assert_eq!(scene.tsm.counts().calls, calls);
    let (code, out, err) = verify(&scene, &[]);
    assert_eq!(code, 0, "{out}{err}");
}
