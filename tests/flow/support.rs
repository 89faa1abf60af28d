//! What the tests of the flow say again and again: one call and its answer in words, the records of a
//! call, an empty house.

use std::time::Duration;

use serde_json::Value;
use tests::peer::{rest, send};
use tests::scene::entry;
use tests::{Peer, Scene, SceneOptions, wait};
use tokio::io::AsyncRead;
use tsmgate_wire::{Answer, ExceptionKind};

/// What has to be over at once, or within a limit of milliseconds, is over by then, also on a machine
/// that is busy with other things; and no other limit of the scene could have ended it as early.
pub const SOON: Duration = Duration::from_secs(4);

/// A reply's kind in words: `granted`, `not_authorized`, or the text of an INTERNAL_ERROR.
pub fn in_words(answer: Answer) -> String {
    match answer {
        Answer::Granted(_) => "granted".to_owned(),
        Answer::NotAuthorized => "not_authorized".to_owned(),
        Answer::Error => "error".to_owned(),
        Answer::Exception(exception) => {
            assert_eq!(exception.kind, ExceptionKind::InternalError, "{}", exception.message);
            exception.message
        }
    }
}

/// The records of calls of one phase.
pub fn phase(scene: &Scene, phase: &str) -> Vec<Value> {
    let mut records = scene.records("login");
    records.retain(|record| record["tsmgate.phase"] == phase);
    records
}

/// How each call ended, in order: `success`, or the code of the failure.
pub fn outcomes(scene: &Scene) -> Vec<String> {
    let name = |record: &Value| match record["event.outcome"].as_str().unwrap() {
        "success" => "success".to_owned(),
        _ => record["event.reason"].as_str().unwrap().to_owned(),
    };
    phase(scene, "outcome").iter().map(name).collect()
}

/// Waits for a refusal of a client for a reason.
pub async fn refusal_of_client(scene: &Scene, client: &str, code: &str) -> Value {
    let what = format!("the record `{code}` of {client}");
    wait::until(&what, || async {
        scene
            .records("refused")
            .into_iter()
            .find(|record| record["event.reason"] == code && record["client.user.name"] == client)
    })
    .await
}

/// Waits until no connection holds a place any more.
pub async fn empty_house(scene: &Scene) {
    wait::until("an empty house", || async {
        (scene.daemon.as_ref().unwrap().occupancy() == (0, 0)).then_some(())
    })
    .await;
}

/// Waits until TSM has read so many whole calls.
pub async fn calls_at_tsm(scene: &Scene, count: u64) {
    scene.tsm.wait_until(wait::PATIENCE, |counts| counts.calls >= count).await.unwrap();
}

/// Waits until TSM has no connection open.
pub async fn tsm_is_left_alone(scene: &Scene) {
    scene.tsm.wait_until(wait::PATIENCE, |counts| counts.open == 0).await.unwrap();
}

/// What the gate says to these bytes until it closes, and how long that took from the last of them.
///
/// # Panics
/// Where the gate does not close properly.
pub async fn said_to(peer: &Peer, bytes: &[u8]) -> (Vec<u8>, Duration) {
    let mut stream = peer.connect().await.unwrap();
    send(&mut stream, bytes).await.unwrap();
    until_closed(&mut stream).await
}

/// What the gate says until it closes, and how long that took.
///
/// # Panics
/// Where the gate does not close properly.
pub async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> (Vec<u8>, Duration) {
    let begun = std::time::Instant::now();
    let (bytes, error) = rest(stream).await;
    assert!(error.is_none(), "not closed but {error:?}");
    (bytes, begun.elapsed())
}

/// The client `jump01`, and lines for `[limits.login]`.
pub fn login_limits(lines: &str) -> SceneOptions {
    SceneOptions { login: lines.into(), ..SceneOptions::default() }
}

/// Clients of these names, with the role `login`.
pub fn clients<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| entry(name, "[\"login\"]")).collect()
}
