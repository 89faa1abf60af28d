//! Callers that go away in the middle: what they asked for is on record, and their places are free.

use std::time::Duration;

use tests::peer::{Stream, send};
use tests::{Scene, SceneOptions};
use tsmgate_wire::encode_call;
use tsmsim::Behaviour;

use crate::support::{
    calls_at_tsm, clients, empty_house, outcomes, phase, refusal_of_client, tsm_is_left_alone,
};

/// One call at a time, so that a place that is not freed shows at once.
async fn narrow_scene() -> Scene {
    Scene::with(SceneOptions {
        client_limits: "logins = { per_minute = 60000, burst = 1000 }\nin_flight = 1".into(),
        admission: "source_rate = { per_minute = 60000, burst = 10000 }\nconnections = 1".into(),
        tsm: "connections = 1".into(),
        rest: clients(["jump01"]),
        ..SceneOptions::default()
    })
    .await
}

fn reset(stream: Stream) {
    let (tcp, _) = stream.into_inner();
    tcp.set_zero_linger().unwrap();
    drop(tcp);
}

async fn leave_during_a_call(leave: impl AsyncFnOnce(Stream)) {
    let scene = narrow_scene().await;
    scene.tsm.behave_next(Behaviour::Delay(Duration::from_millis(300)));
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    send(&mut stream, &encode_call(1)).await.unwrap();
    calls_at_tsm(&scene, 1).await;
    leave(stream).await;
    empty_house(&scene).await;
    // TSM made a cookie, so that the call is on record as one, whoever took the answer
    assert_eq!(outcomes(&scene), ["success"]);
    assert_eq!(phase(&scene, "intent").len(), 1);
    tsm_is_left_alone(&scene).await;
    scene.peer("jump01").cookie().await;
    scene.verify();
}

/// R32: a caller that resets its connection during a call leaves a whole record and free places
#[tokio::test]
async fn a_reset_during_a_call_is_recorded_and_forgotten() {
    leave_during_a_call(async |stream| reset(stream)).await;
}

/// R32: a caller that closes without a word during a call leaves a whole record and free places
#[tokio::test]
async fn a_close_during_a_call_is_recorded_and_forgotten() {
    leave_during_a_call(async |stream| drop(stream)).await;
}

/// R32: a caller that goes away in the middle of a call's bytes is on record as gone
#[tokio::test]
async fn half_a_call_is_recorded_as_gone() {
    let scene = narrow_scene().await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    send(&mut stream, &encode_call(1)[..9]).await.unwrap();
    // the end comes behind the bytes
    drop(stream);
    refusal_of_client(&scene, "jump01", "peer_gone").await;
    empty_house(&scene).await;
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}

/// R32: a caller that resets in the middle of a call's bytes frees its place
#[tokio::test]
async fn a_reset_in_half_a_call_frees_its_place() {
    let scene = narrow_scene().await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    send(&mut stream, &encode_call(1)[..9]).await.unwrap();
    reset(stream);
    empty_house(&scene).await;
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}

/// R38: a caller that never takes its answers cannot hold a place at TSM
#[tokio::test]
async fn a_caller_that_reads_nothing_holds_nothing_at_tsm() {
    let scene = Scene::with(SceneOptions {
        tsm: "connections = 1".into(),
        rest: clients(["jump01", "jump02"]),
        ..SceneOptions::default()
    })
    .await;
    let mut deaf = scene.peer("jump01").connect().await.unwrap();
    let calls: Vec<u8> = (0..50).flat_map(encode_call).collect();
    send(&mut deaf, &calls).await.unwrap();
    calls_at_tsm(&scene, 50).await;
    tsm_is_left_alone(&scene).await;
    scene.peer("jump02").cookie().await;
    assert_eq!(outcomes(&scene), vec!["success"; 51]);
    drop(deaf);
    empty_house(&scene).await;
}
