//! How long a caller may take and how much it may ask for.

use std::time::{Duration, Instant};

use tests::peer::{Stream, call, cookie_of, rest, send};
use tests::{Scene, SceneOptions};
use tsmgate_wire::encode_call;
use tsmsim::Behaviour;

use crate::support::{
    SOON, calls_at_tsm, clients, empty_house, in_words, login_limits, outcomes, refusal_of_client,
    until_closed,
};

/// One byte every 100 ms, until the gate closes; how long that took.
async fn trickle(stream: Stream, bytes: &[u8]) -> (Vec<u8>, Duration) {
    let begun = Instant::now();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let answer = async {
        let mut answer = Vec::new();
        // how it ends is judged by what came
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut answer).await;
        answer
    };
    let drops = async {
        let mut pace = tokio::time::interval(Duration::from_millis(100));
        for byte in bytes {
            pace.tick().await;
            if tokio::io::AsyncWriteExt::write_all(&mut writer, &[*byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let answer = tokio::select! {
        answer = answer => answer,
        () = drops => unreachable!("pending"),
    };
    (answer, begun.elapsed())
}

/// R18: who says nothing after the handshake is ended when the time for the first call is over
#[tokio::test]
async fn silence_after_the_handshake_ends() {
    let scene = Scene::with(login_limits("first_byte = \"300ms\"")).await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    let (answer, time) = until_closed(&mut stream).await;
    assert!(answer.is_empty());
    assert!(time > Duration::from_millis(200) && time < SOON, "{time:?}");
    let record = refusal_of_client(&scene, "jump01", "call_too_slow").await;
    assert_eq!(record["tsmgate.stage"], "relay");
    drop(stream);
    empty_house(&scene).await;
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}

/// R18: a byte now and then does not renew the time for the first call
#[tokio::test]
async fn a_trickling_first_call_is_ended() {
    let scene = Scene::with(login_limits("first_byte = \"500ms\"")).await;
    let stream = scene.peer("jump01").connect().await.unwrap();
    // whole after 1.8 s
    let (answer, time) = trickle(stream, &encode_call(1)).await;
    assert!(answer.is_empty(), "{answer:x?}");
    assert!(time < SOON, "{time:?}");
    refusal_of_client(&scene, "jump01", "call_too_slow").await;
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}

/// R18: the time for a further call counts from its first byte, and a trickle does not renew it
#[tokio::test]
async fn a_trickling_second_call_is_ended() {
    let scene = Scene::with(login_limits("first_byte = \"500ms\"\nidle = \"10s\"")).await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    let (answer, time) = trickle(stream, &encode_call(2)).await;
    assert!(answer.is_empty(), "{answer:x?}");
    assert!(time < SOON, "{time:?}");
    refusal_of_client(&scene, "jump01", "call_too_slow").await;
    assert_eq!(scene.tsm.counts().connections, 1);
}

/// R18: a pipelined beginning of a call has the time of a call, not that of an idle connection
#[tokio::test]
async fn a_call_begun_behind_another_is_ended() {
    let scene = Scene::with(login_limits("first_byte = \"300ms\"\nidle = \"15s\"")).await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    send(&mut stream, &[&encode_call(1)[..], b"\x80\x01"].concat()).await.unwrap();
    cookie_of(tests::peer::answer(&mut stream, 1).await.unwrap());
    let (answer, time) = until_closed(&mut stream).await;
    assert!(answer.is_empty());
    assert!(time < SOON, "{time:?}");
    refusal_of_client(&scene, "jump01", "call_too_slow").await;
}

/// R18, R31: a call that announces more than it sends is ended when the time for it is over
#[tokio::test]
async fn a_call_that_is_never_whole_is_ended() {
    let scene = Scene::with(login_limits("first_byte = \"300ms\"")).await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    send(&mut stream, b"\x80\x01\x00\x01\x00\x00\x01\x00login").await.unwrap();
    let (answer, time) = until_closed(&mut stream).await;
    assert!(answer.is_empty() && time < SOON, "{time:?}");
    refusal_of_client(&scene, "jump01", "call_too_slow").await;
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}

/// R18: between calls a connection may be idle, for so long; its end is nobody's fault and on no record
#[tokio::test]
async fn an_idle_connection_ends_without_blame() {
    let scene = Scene::with(login_limits("idle = \"400ms\"\nfirst_byte = \"200ms\"")).await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    let (answer, time) = until_closed(&mut stream).await;
    assert!(answer.is_empty());
    assert!(time > Duration::from_millis(300) && time < SOON, "{time:?}");
    drop(stream);
    empty_house(&scene).await;
    assert_eq!(scene.records("refused").len(), 0);
}

/// R20: a connection serves so many calls, each to the end, and no more
#[tokio::test]
async fn a_connection_serves_so_many_calls() {
    let scene = Scene::with(login_limits("per_connection = 3")).await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    for sequence in 1..=3 {
        cookie_of(call(&mut stream, sequence).await.unwrap());
    }
    // the gate may have closed by now
    let _ = send(&mut stream, &encode_call(4)).await;
    let (answer, _) = rest(&mut stream).await;
    assert!(answer.is_empty(), "{answer:x?}");
    assert_eq!(outcomes(&scene), ["success"; 3]);
    assert_eq!(scene.tsm.counts().connections, 3);
    scene.peer("jump01").cookie().await;
}

/// R20: a connection's life ends at the boundary of a call: one under way is still answered
#[tokio::test]
async fn a_lifetime_ends_after_the_call_under_way() {
    let scene = Scene::with(login_limits("lifetime = \"300ms\"")).await;
    scene.tsm.behave_next(Behaviour::Delay(Duration::from_millis(600)));
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    let (answer, time) = until_closed(&mut stream).await;
    assert!(answer.is_empty() && time < SOON, "{time:?}");
    assert_eq!(outcomes(&scene), ["success"]);
    assert_eq!(scene.records("refused").len(), 0);
}

/// R20: activity does not renew a connection's life
#[tokio::test]
async fn a_busy_connection_ends_with_its_lifetime() {
    let scene = Scene::with(login_limits("lifetime = \"500ms\"\nper_connection = 1000000")).await;
    let begun = Instant::now();
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    let mut served = 0;
    while call(&mut stream, 1).await.is_ok() {
        served += 1;
        assert!(begun.elapsed() < Duration::from_secs(5), "the connection goes on");
    }
    assert!(served > 0);
    assert_eq!(outcomes(&scene).len(), served);
}

/// R22: a client over its rate is told so, and when to come again; others are served meanwhile
#[tokio::test]
async fn a_client_over_its_rate_is_told_when_to_come_again() {
    let scene = Scene::with(SceneOptions {
        client_limits: "logins = { per_minute = 6, burst = 2 }".into(),
        rest: clients(["jump01", "jump02"]),
        ..SceneOptions::default()
    })
    .await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    for sequence in [1, 2] {
        cookie_of(call(&mut stream, sequence).await.unwrap());
    }
    for sequence in [3, 4] {
        let message = in_words(call(&mut stream, sequence).await.unwrap());
        let wait = message.strip_prefix("over_limit; retry in ").unwrap();
        let wait: u32 = wait.strip_suffix(" s").unwrap().parse().unwrap();
        assert!((1..=10).contains(&wait), "{message}");
    }
    let record = refusal_of_client(&scene, "jump01", "client_over_rate").await;
    assert_eq!(record["tsmgate.stage"], "authorize");
    assert_eq!(scene.tsm.counts().connections, 2);
    // another connection of the same client shares the bucket, another client does not
    let again = in_words(scene.peer("jump01").login().await.unwrap());
    assert!(again.starts_with("over_limit"), "{again}");
    scene.peer("jump02").cookie().await;
    assert_eq!(scene.tsm.counts().connections, 3);
    assert_eq!(outcomes(&scene), ["success"; 3]);
}

/// R22: a client has so many calls under way, over all its connections; others are served meanwhile
#[tokio::test]
async fn a_client_has_so_many_calls_under_way() {
    let scene = Scene::with(SceneOptions {
        client_limits: "logins = { per_minute = 60000, burst = 1000 }\nin_flight = 1".into(),
        rest: clients(["jump01", "jump02"]),
        ..SceneOptions::default()
    })
    .await;
    scene.tsm.behave_next(Behaviour::Delay(Duration::from_millis(800)));
    let mut first = scene.peer("jump01").connect().await.unwrap();
    send(&mut first, &encode_call(1)).await.unwrap();
    calls_at_tsm(&scene, 1).await;

    let mut second = scene.peer("jump01").connect().await.unwrap();
    let refused = in_words(call(&mut second, 2).await.unwrap());
    assert_eq!(refused, "over_limit; retry in 1 s");
    refusal_of_client(&scene, "jump01", "client_in_flight").await;
    assert_eq!(scene.tsm.counts().connections, 1);
    scene.peer("jump02").cookie().await;

    cookie_of(tests::peer::answer(&mut first, 1).await.unwrap());
    cookie_of(call(&mut second, 3).await.unwrap());
    assert_eq!(outcomes(&scene), ["success"; 3]);
}
