//! Many reloads at once are few, and no caller notices one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tests::peer::{answer, call, cookie_of, send};
use tests::{Scene, wait};
use tokio::task::JoinSet;
use tsmgate_wire::encode_call;
use tsmsim::Behaviour;

use crate::judged::two;
use crate::support::{calls_at_tsm, clients};

/// Reloads that are asked for.
const STORM: usize = 200;
/// Those who log in meanwhile, again and again.
const CALLERS: usize = 3;

/// R54: a storm of reloads collapses, and of the logins meanwhile none is refused and none fails
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_reloads_costs_no_login() {
    let mut scene = Scene::with(two("")).await;
    let mut open = scene.peer("other").connect().await.unwrap();
    cookie_of(call(&mut open, 1).await.unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (peer, over) = (scene.peer("jump01"), Arc::clone(&over));
        callers.spawn(async move {
            let mut logins = 0;
            while !over.load(Ordering::Relaxed) {
                peer.cookie().await;
                logins += 1;
            }
            logins
        });
    }
    let daemon = Arc::new(scene.daemon.take().unwrap());
    let mut storm = JoinSet::new();
    for _ in 0..STORM {
        let daemon = Arc::clone(&daemon);
        storm.spawn(async move { daemon.reload().await });
    }
    while let Some(outcome) = storm.join_next().await {
        outcome.unwrap().unwrap();
    }
    over.store(true, Ordering::Relaxed);
    let mut logins = 0;
    while let Some(count) = callers.join_next().await {
        logins += count.expect("a login that failed or was refused");
    }
    let reloads = daemon.status().reloads;
    scene.daemon = Some(Arc::into_inner(daemon).unwrap());
    cookie_of(call(&mut open, 2).await.expect("an open connection was cut"));
    assert!(logins > 0, "nobody logged in meanwhile");
    assert!((1..=STORM as u64 / 4).contains(&reloads), "{reloads} reloads for {STORM} requests");
    assert_eq!(scene.records("reload").len() as u64, reloads);
    assert!(scene.records("refused").is_empty(), "{:?}", scene.records("refused"));
    assert_eq!(scene.tsm.counts().cookies, logins + 2);
    scene.verify();
}

/// R54: a request that comes while everything is read is not forgotten: what it is about counts
#[tokio::test(flavor = "multi_thread")]
async fn the_last_request_of_a_storm_counts() {
    let scene = Scene::start().await;
    let reload = scene.daemon.as_ref().unwrap().reloader();
    for _ in 0..STORM {
        reload();
    }
    scene.edit("[audit]", &(clients(["second"]) + "[audit]"));
    reload();
    let second = scene.peer("second");
    wait::until("the added client", || async { second.login().await.ok() }).await;
}

/// R54, R56a: a reload that is asked for while the daemon stops changes nothing, and keeps nobody waiting
#[tokio::test]
async fn a_reload_while_stopping_changes_nothing() {
    let mut scene = Scene::with(two("")).await;
    let peer = scene.peer("jump01");
    scene.tsm.behave_next(Behaviour::Delay(std::time::Duration::from_millis(1500)));
    let mut open = peer.connect().await.unwrap();
    send(&mut open, &encode_call(1)).await.unwrap();
    calls_at_tsm(&scene, 1).await;
    let daemon = scene.daemon.take().unwrap();
    let reload = daemon.reloader();
    let stopping = tokio::spawn(daemon.stop());
    wait::until("the listener's end", || async { peer.tcp().await.is_err().then_some(()) }).await;
    scene.edit(&clients(["jump01"]), "");
    for _ in 0..STORM {
        reload();
    }
    cookie_of(answer(&mut open, 1).await.expect("the call under way was cut"));
    assert!(stopping.await.unwrap());
    assert!(scene.records("reload").is_empty());
    assert!(scene.records("cut").is_empty());
    assert_eq!(scene.audit().last().unwrap()["event.action"], "stop");
    scene.verify();
}
