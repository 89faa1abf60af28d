//! Calls that do not wait for each other's answers, and what a caller may do with its side of the
//! connection meanwhile.

use std::time::Duration;

use tests::peer::{answer, call, cookie_of, rest, send};
use tests::{Scene, SceneOptions};
use tokio::io::AsyncWriteExt;
use tsmgate_wire::encode_call;
use tsmsim::Behaviour;

use crate::support::{
    SOON, calls_at_tsm, empty_house, in_words, login_limits, outcomes, until_closed,
};

fn calls(sequences: impl IntoIterator<Item = i32>) -> Vec<u8> {
    sequences.into_iter().flat_map(encode_call).collect()
}

/// R32: pipelined calls are served in turn, each under its own sequence number, one at TSM at a time
#[tokio::test]
async fn pipelined_calls_are_served_in_turn() {
    let scene = Scene::start().await;
    scene.tsm.behave_next(Behaviour::Delay(Duration::from_millis(200)));
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    send(&mut stream, &calls([30, 10, 20])).await.unwrap();
    calls_at_tsm(&scene, 1).await;
    assert_eq!(scene.tsm.counts().connections, 1, "the second call did not wait for the first");
    let mut cookies = Vec::new();
    for sequence in [30, 10, 20] {
        cookies.push(cookie_of(answer(&mut stream, sequence).await.unwrap()));
    }
    assert_eq!(scene.tsm.cookies(), cookies);
    assert_eq!(outcomes(&scene), ["success"; 3]);
}

/// R32: a call that is refused does not disturb those behind it
#[tokio::test]
async fn calls_behind_a_failed_one_are_served() {
    let scene = Scene::start().await;
    scene.tsm.behave_next(Behaviour::Garbage);
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    send(&mut stream, &calls([1, 2])).await.unwrap();
    assert_eq!(in_words(answer(&mut stream, 1).await.unwrap()), "backend_garbage");
    cookie_of(answer(&mut stream, 2).await.unwrap());
    assert_eq!(outcomes(&scene), ["backend_garbage", "success"]);
}

/// R32: a good call followed by something else is answered, and then the connection ends
#[tokio::test]
async fn a_good_call_followed_by_nonsense_is_answered_first() {
    let framed = [b"\0\0\0\x12", &encode_call(2)[..]].concat();
    for nonsense in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0; 4096], framed, b"\n".to_vec()] {
        let scene = Scene::start().await;
        let mut stream = scene.peer("jump01").connect().await.unwrap();
        send(&mut stream, &[encode_call(1), nonsense].concat()).await.unwrap();
        cookie_of(answer(&mut stream, 1).await.unwrap());
        let (more, time) = until_closed(&mut stream).await;
        assert!(more.is_empty() && time < SOON, "{time:?} {more:x?}");
        scene.refusal("not_the_conversation").await;
        assert_eq!(scene.tsm.counts().connections, 1);
        assert_eq!(outcomes(&scene), ["success"]);
        scene.peer("jump01").cookie().await;
    }
}

/// R20, R32: of more calls than a connection may have the first are answered, whatever waits unread
#[tokio::test]
async fn answers_before_the_last_one_arrive_whatever_follows() {
    let scene = Scene::with(login_limits("per_connection = 5")).await;
    let stream = scene.peer("jump01").connect().await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let flood = tokio::spawn(async move {
        // until the gate does not take any more
        while writer.write_all(&calls(1..=1000)).await.is_ok() {}
    });
    let mut bytes = Vec::new();
    // a reset after the answers is the flood's own doing
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut bytes).await;
    flood.await.unwrap();
    let cookies = scene.tsm.cookies();
    assert_eq!(cookies.len(), 5);
    let text = String::from_utf8_lossy(&bytes);
    assert!(cookies.iter().all(|cookie| text.contains(cookie)), "{} bytes came", bytes.len());
    empty_house(&scene).await;
}

/// R37: a client that closes its sending side after its call still gets the answer
#[tokio::test]
async fn a_half_closed_client_gets_its_answer() {
    let scene = Scene::start().await;
    scene.tsm.behave_next(Behaviour::Delay(Duration::from_millis(200)));
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    send(&mut stream, &encode_call(1)).await.unwrap();
    stream.shutdown().await.unwrap();
    cookie_of(answer(&mut stream, 1).await.unwrap());
    let (more, _) = until_closed(&mut stream).await;
    assert!(more.is_empty());
    empty_house(&scene).await;
    assert_eq!(outcomes(&scene), ["success"]);
    assert_eq!(scene.records("refused").len(), 0);
}

/// R37: the same where only TCP is half-closed, without a word in TLS, and for pipelined calls
#[tokio::test]
async fn a_client_half_closed_in_tcp_alone_gets_its_answers() {
    let scene = Scene::start().await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    send(&mut stream, &calls([1, 2])).await.unwrap();
    stream.get_mut().0.shutdown().await.unwrap();
    cookie_of(answer(&mut stream, 1).await.unwrap());
    cookie_of(answer(&mut stream, 2).await.unwrap());
    let (more, _) = rest(&mut stream).await;
    assert!(more.is_empty());
    empty_house(&scene).await;
    assert_eq!(outcomes(&scene), ["success"; 2]);
}

/// R37: a client that half-closes and calls nothing is let go in silence
#[tokio::test]
async fn a_client_that_only_closes_leaves_nothing() {
    let scene = Scene::start().await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    stream.shutdown().await.unwrap();
    let (answer, time) = until_closed(&mut stream).await;
    assert!(answer.is_empty() && time < SOON, "{time:?}");
    empty_house(&scene).await;
    scene.nothing_reached_tsm();
    assert_eq!(scene.records("refused").len(), 0);
}

/// R32, R41: a missing permission is a normal answer: no cookie, nothing at TSM, and on it goes
#[tokio::test]
async fn a_missing_permission_is_a_normal_answer() {
    let rest = [
        tests::scene::entry("watcher", "[\"monitor\", \"admin\"]"),
        tests::scene::entry("jump01", "[\"login\"]"),
    ];
    let scene = Scene::with(SceneOptions { rest: rest.concat(), ..SceneOptions::default() }).await;
    let mut stream = scene.peer("watcher").connect().await.unwrap();
    for sequence in [5, 6, 7] {
        let refused = in_words(call(&mut stream, sequence).await.unwrap());
        assert_eq!(refused, "not_authorized");
    }
    let record = scene.refusal("permission_missing").await;
    assert_eq!(record["client.user.name"], "watcher");
    assert_eq!(record["client.user.roles"], serde_json::json!(["monitor", "admin"]));
    assert_eq!(record["tsmgate.stage"], "authorize");
    scene.nothing_reached_tsm();
    assert_eq!(scene.records("login").len(), 0);
    scene.peer("jump01").cookie().await;
}
