//! kill -9 in the middle of calls: the audit stays a chain, and says of every cookie that left.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use tests::peer::{call, cookie_of};
use tests::{Peer, SceneOptions, wait};
use tsmsim::Behaviour;

use crate::stage::{peer, run, stage, verify};

const ROUNDS: u64 = 5;
const CALLERS: u64 = 8;

/// Calls until the gate is gone; how many cookies came.
async fn call_on(client: Peer, cookies: Arc<AtomicU64>) {
    while let Ok(mut stream) = client.connect().await {
        for sequence in 0..50 {
            match call(&mut stream, sequence).await {
                Ok(answer) => drop(cookie_of(answer)),
                Err(_) => return,
            }
            cookies.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// R56a: after kill -9 the next start continues the chain; no cookie left without a record of it
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_leaves_a_chain_that_goes_on() {
    let scene = stage(SceneOptions::default()).await;
    scene.tsm.behave(Behaviour::Delay(Duration::from_millis(2)));
    let cookies = Arc::new(AtomicU64::new(0));
    for round in 1..=ROUNDS {
        let mut gated = run(&scene);
        let client = peer(&scene, &gated, "jump01");
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| tokio::spawn(call_on(client.clone(), Arc::clone(&cookies))))
            .collect();
        let before = scene.tsm.counts().calls;
        let enough = |counts: &tsmsim::Counts| counts.calls >= before + 30 + 7 * round;
        scene.tsm.wait_until(wait::PATIENCE, enough).await.unwrap();
        gated.signal(Signal::SIGKILL);
        assert_eq!(gated.wait(), None);
        for caller in callers {
            caller.await.unwrap();
        }
    }
    let mut gated = run(&scene);
    gated.line_with("listening");
    gated.signal(Signal::SIGTERM);
    assert_eq!(gated.wait(), Some(0));

    let (code, out, err) = verify(&scene, &[]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(scene.records("start").len() as u64, ROUNDS + 1);
    let calls = scene.records("login");
    let of_phase =
        |phase: &str| calls.iter().filter(|line| line["tsmgate.phase"] == phase).count() as u64;
    let (intents, outcomes) = (of_phase("intent"), of_phase("outcome"));
    assert!(intents >= outcomes, "{outcomes} outcomes of {intents} calls");
    assert!(intents - outcomes <= ROUNDS * CALLERS, "{intents} intents, {outcomes} outcomes");
    let left = cookies.load(Ordering::Relaxed);
    let granted = calls.iter().filter(|line| line["event.outcome"] == "success").count() as u64;
    assert!(left > 0 && granted >= left, "{left} cookies left, {granted} are recorded");
    let fingerprints: HashSet<_> =
        calls.iter().filter_map(|line| line["tsmgate.cookie.fingerprint"].as_str()).collect();
    assert_eq!(fingerprints.len() as u64, granted, "each cookie has a name of its own");
}
