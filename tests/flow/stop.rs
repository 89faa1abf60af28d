//! The end: of the daemon, and of one connection by a panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tests::peer::{answer, call, cookie_of, send, timed, within};
use tests::{Scene, SceneOptions, wait};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tsmgate_server::accept::accept;
use tsmgate_server::systemd::Watchdog;
use tsmgate_wire::encode_call;
use tsmsim::Behaviour;

use crate::support::{SOON, calls_at_tsm, clients, in_words, outcomes, phase, until_closed};

fn grace(time: &str) -> SceneOptions {
    let rest = format!("{}\n[stop]\ngrace = \"{time}\"\n", clients(["jump01"]));
    SceneOptions { rest, ..SceneOptions::default() }
}

/// R56a: an idle connection is cut at once, and one that was just made and says nothing soon after
#[tokio::test]
async fn idle_connections_are_cut() {
    let mut scene = Scene::start().await;
    let peer = scene.peer("jump01");
    let mut idle = peer.connect().await.unwrap();
    cookie_of(call(&mut idle, 1).await.unwrap());
    let mut silent = peer.connect().await.unwrap();
    let mut stranger = peer.tcp().await.unwrap();
    wait::until("three connections", || async {
        (scene.daemon.as_ref().unwrap().occupancy() == (1, 2)).then_some(())
    })
    .await;
    let ((), time) = timed(scene.stop()).await;
    assert!(time < SOON, "stopping took {time:?}");
    assert!(until_closed(&mut idle).await.0.is_empty());
    assert!(until_closed(&mut silent).await.0.is_empty());
    let ended = within(stranger.read(&mut [0])).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    // the silent stranger's: whoever was let in is not refused by being cut
    let refused = scene.records("refused");
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["event.reason"], "gate_stopping");
    assert_eq!(scene.audit().last().unwrap()["event.action"], "stop");
    scene.verify();
}

/// R56a: a call under way is finished and answered; nobody new comes in meanwhile
#[tokio::test]
async fn a_call_under_way_is_answered() {
    let mut scene = Scene::start().await;
    scene.tsm.behave_next(Behaviour::Delay(Duration::from_millis(700)));
    let peer = scene.peer("jump01");
    let mut stream = peer.connect().await.unwrap();
    // the second call is not under way yet, and never will be
    send(&mut stream, &[encode_call(1), encode_call(2)].concat()).await.unwrap();
    calls_at_tsm(&scene, 1).await;

    let daemon = scene.daemon.take().unwrap();
    let stopping = tokio::spawn(daemon.stop());
    wait::until("the listener's end", || async { peer.tcp().await.is_err().then_some(()) }).await;
    assert!(!stopping.is_finished());
    cookie_of(answer(&mut stream, 1).await.unwrap());
    // the second one is told why, and does not take it for a refusal
    let told = in_words(answer(&mut stream, 2).await.unwrap());
    assert_eq!(told, "gate_stopping");
    assert!(until_closed(&mut stream).await.0.is_empty());
    stopping.await.unwrap();
    assert_eq!(scene.tsm.counts().connections, 1);
    assert_eq!(outcomes(&scene), ["success"]);
    assert_eq!(scene.audit().last().unwrap()["event.action"], "stop");
    scene.verify();

    scene.start_again().await;
    scene.peer("jump01").cookie().await;
}

/// R56a: a call that is not done within the grace period is aborted, and recorded so before the stop
#[tokio::test]
async fn a_call_that_does_not_end_is_recorded_as_aborted() {
    let mut scene = Scene::with(grace("200ms")).await;
    scene.tsm.behave(Behaviour::Silent);
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = scene.peer("jump01").connect().await.unwrap();
        send(&mut stream, &encode_call(1)).await.unwrap();
        streams.push(stream);
    }
    let written = |scene: &Scene| {
        scene.tsm.connections().iter().filter(|seen| seen.received == encode_call(1)).count()
    };
    wait::until("three calls at TSM", || async { (written(&scene) == 3).then_some(()) }).await;
    let ((), time) = timed(scene.stop()).await;
    assert!(time < SOON, "stopping took {time:?}");
    for stream in &mut streams {
        let (bytes, _) = tests::peer::rest(stream).await;
        assert!(bytes.is_empty(), "{bytes:x?}");
    }
    assert_eq!(phase(&scene, "intent").len(), 3);
    assert_eq!(outcomes(&scene), ["call_aborted"; 3]);
    assert_eq!(scene.audit().last().unwrap()["event.action"], "stop");
    scene.verify();

    scene.tsm.behave(Behaviour::Honest);
    scene.start_again().await;
    scene.peer("jump01").cookie().await;
}

/// R56a: stopping with nobody there takes no time, again and again, and the audit goes on as one chain
#[tokio::test]
async fn stopping_and_starting_goes_on_with_the_chain() {
    let mut scene = Scene::start().await;
    for _ in 0..3 {
        scene.peer("jump01").cookie().await;
        let ((), time) = timed(scene.stop()).await;
        assert!(time < SOON, "stopping took {time:?}");
        scene.start_again().await;
    }
    scene.stop().await;
    let actions: Vec<_> = scene.audit().iter().map(|line| line["event.action"].clone()).collect();
    assert_eq!(actions.iter().filter(|action| *action == "start").count(), 4);
    assert_eq!(actions.iter().filter(|action| *action == "stop").count(), 4);
    assert_eq!(scene.verify().first, 1);
}

/// R56a: a signal that comes before the first connection stops the daemon as well
#[tokio::test]
async fn a_signal_at_once_stops() {
    let mut scene = Scene::start().await;
    let daemon = scene.daemon.take().unwrap();
    assert!(within(daemon.run_until(async {})).await.unwrap(), "a part ended by itself");
    assert_eq!(scene.audit().last().unwrap()["event.action"], "stop");
}

/// R56a: a panic ends its own connection, and the next one is served
#[tokio::test]
async fn a_panic_costs_its_own_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopping) = watch::channel(false);
    let seen = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&seen);
    // one place: a panic that kept it would keep everybody out
    let accepting =
        tokio::spawn(accept(listener, 1, Watchdog::from_env(), stopping, move |arrival| {
            let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                assert!(!first, "a panic that a test asked for");
                arrival.into_stream().write_all(b"served").await.unwrap();
            }
        }));
    let mut answers = Vec::new();
    for _ in 0..2 {
        let mut stream = within(TcpStream::connect(address)).await.unwrap().unwrap();
        let mut answer = String::new();
        let _ = within(stream.read_to_string(&mut answer)).await.unwrap();
        answers.push(answer);
    }
    assert_eq!(answers, ["", "served"]);
    assert_eq!(seen.load(Ordering::Relaxed), 2);
    stop.send(true).unwrap();
    within(accepting).await.unwrap().unwrap();
}
