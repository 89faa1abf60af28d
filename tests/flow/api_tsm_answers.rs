//! TSM's answers as they should not be: broken off, without end, in other words than HTTP. Each comes to an
//! answer or a visible cut, a code on record, and a limit in time.

use std::time::{Duration, Instant};

use tests::http::find;
use tests::peer::{rest, send};
use tests::{Scene, wait};
use tokio::io::AsyncReadExt;
use tsmsim::ApiBehaviour;

use crate::api_support::{STATUS, asked, lane, open, outcomes, told};
use crate::support::SOON;

const MONITOR: &str = "[\"monitor\"]";

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// What is no answer is told as that, in time, and the next request is served.
#[tokio::test]
async fn what_is_no_answer_is_told_so() {
    let scene = Scene::with(lane(MONITOR, "call = \"1s\"")).await;
    let raw = |text: String| ApiBehaviour::Raw(text.into());
    let fields = "x-field: 1\r\n".repeat(200);
    let late = Duration::from_millis(1500);
    let cases = [
        (ApiBehaviour::Silent, 504, "backend_timeout"),
        (ApiBehaviour::Delay(late), 504, "backend_timeout"),
        (ApiBehaviour::SlowAnswer(Duration::from_millis(100)), 504, "backend_timeout"),
        (ApiBehaviour::CloseInHeader, 502, "backend_garbage"),
        (ApiBehaviour::Gzip, 502, "backend_garbage"),
        (raw("\0\u{1}\u{2} this is not HTTP at all\r\n\r\n".into()), 502, "backend_garbage"),
        (
            raw("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nxx"
                .into()),
            502,
            "backend_garbage",
        ),
        (
            raw(format!("HTTP/1.1 200 OK\r\nx-huge: {}\r\n\r\n", "x".repeat(400_000))),
            502,
            "backend_garbage",
        ),
        (raw(format!("HTTP/1.1 200 OK\r\n{fields}\r\n")), 502, "backend_garbage"),
        (
            raw("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx".into()),
            502,
            "backend_garbage",
        ),
        (raw("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nxx".into()), 502, "backend_garbage"),
        (raw("HTTP/1.1 100 Continue\r\n\r\n".repeat(10)), 502, "backend_garbage"),
        (raw("HTTP/2 200 OK\r\n\r\n".into()), 502, "backend_garbage"),
        (raw(String::new()), 502, "backend_garbage"),
    ];
    for (behaviour, status, code) in cases {
        let name = format!("{behaviour:?}");
        let name = name.chars().take(60).collect::<String>();
        // a question is asked again where a kept connection breaks off
        scene.api().behave(behaviour);
        let begun = Instant::now();
        assert_eq!(asked(&scene, "GET", STATUS, b"").await, refused(status, code), "{name}");
        assert!(begun.elapsed() < SOON, "{name} took {:?}", begun.elapsed());
        assert_eq!(outcomes(&scene).last().unwrap(), code, "{name}");
        scene.api().behave(ApiBehaviour::Honest);
        assert_eq!(asked(&scene, "GET", STATUS, b"").await.0, 200, "after {name}");
    }
    scene.verify();
}

/// What is HTTP passes with TSM's own status and none of the gate's codes: an error page, other headers, a
/// farewell before the answer.
#[tokio::test]
async fn what_tsm_says_itself_passes() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    let mut http = open(&scene).await;
    for status in [400, 403, 404, 429, 500, 502, 503, 504] {
        scene.api().behave_next(ApiBehaviour::Html(status));
        let answer = http.get(STATUS).await.unwrap();
        assert_eq!((answer.status, answer.code()), (status, None));
        assert_eq!(answer.field("content-type"), Some("text/html"));
        assert!(find(&answer.body, b"<h1>").is_some());
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
        assert_eq!(outcomes(&scene).last().unwrap(), "answered_error");
    }
    let continued = "HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
                     HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    scene.api().behave_next(ApiBehaviour::Raw(continued.into()));
    let answer = http.get(STATUS).await.unwrap();
    assert_eq!((answer.status, &*answer.body), (200, &b"{}"[..]));
    let ranges = "HTTP/1.1 299 Own \x01words\r\n\
                  location: https://elsewhere.example/api/\r\ncontent-length: 0\r\n\r\n";
    scene.api().behave_next(ApiBehaviour::Raw(ranges.replace('\x01', "").into()));
    let answer = http.get(STATUS).await.unwrap();
    assert_eq!((answer.status, answer.field("location")), (299, None));
    for (location, passes) in [
        ("https://elsewhere.example/", false),
        ("//elsewhere.example/api/", false),
        ("/\\elsewhere.example", false),
        ("/login", false),
        ("/api/0.5/nodes", true),
    ] {
        let text = format!("HTTP/1.1 302 F\r\nLocation: {location}\r\ncontent-length: 0\r\n\r\n");
        scene.api().behave_next(ApiBehaviour::Raw(text.into()));
        let answer = http.get(STATUS).await.unwrap();
        assert_eq!(answer.status, 302);
        assert_eq!(answer.field("location"), passes.then_some(location), "{location}");
    }
}

/// An answer that comes bit by bit is passed on so, whole and with its length, and the next one is the next.
#[tokio::test]
async fn a_slow_answer_is_passed_on_as_it_comes() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    let mut http = open(&scene).await;
    let honest = http.get(STATUS).await.unwrap();
    scene.api().behave_next(ApiBehaviour::SlowBody(Duration::from_millis(2)));
    let slow = http.get(STATUS).await.unwrap();
    assert_eq!((slow.status, slow.body.len()), (200, honest.body.len()), "{slow:?}");
    let length = honest.body.len().to_string();
    assert_eq!(slow.field("content-length"), Some(length.as_str()));
    assert!(http.get("/api/0.5/nodes").await.unwrap().json()["clusterNodes"].is_object());
    assert_eq!(outcomes(&scene), ["success"; 3]);
}

/// A short answer that breaks off is none: the caller is told so, and gets no half of it.
#[tokio::test]
async fn a_short_answer_that_breaks_off_is_not_passed_on() {
    for behaviour in [ApiBehaviour::Truncated, ApiBehaviour::CloseInBody] {
        let scene = Scene::with(lane(MONITOR, "")).await;
        scene.api().behave(behaviour.clone());
        let answer = open(&scene).await.get(STATUS).await.unwrap();
        assert_eq!(told(&answer), (502, "backend_garbage".to_owned()), "{behaviour:?}");
        assert_eq!(outcomes(&scene), ["backend_garbage"]);
    }
}

/// A long answer that breaks off breaks off for the caller, and is on record; on HTTP/1.0 too, where the end
/// of the connection is that of the answer.
#[tokio::test]
async fn an_answer_that_breaks_off_is_cut_visibly() {
    let part = "x".repeat(512 * 1024);
    for head in ["content-length: 9000000\r\n\r\n", "transfer-encoding: chunked\r\n\r\n80000\r\n"] {
        let scene = Scene::with(lane(MONITOR, "")).await;
        let raw = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{head}{part}");
        scene.api().behave(ApiBehaviour::Raw(raw.into()));
        let error = open(&scene).await.get(STATUS).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{head}");
        let cut = scene.refusal("answer_cut").await;
        assert_eq!(cut["client.user.name"], "jump01");
        assert_eq!(cut["tsmgate.phase"], "cut");
        assert!(cut["http.request.id"].is_string(), "{cut}");
        let peer = scene.peer("jump01").offering(&["http/1.1"]);
        let mut stream = peer.connect().await.unwrap();
        send(&mut stream, format!("GET {STATUS} HTTP/1.0\r\nhost: gate\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let (bytes, error) = rest(&mut stream).await;
        // what was not sent yet when it broke off stays here
        assert!(bytes.is_empty() || bytes.starts_with(b"HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(error.is_some(), "{head}: it looks like the end of an answer");
    }
}

/// An answer that stands still, and one without end, are cut by the limits for that.
#[tokio::test]
async fn an_answer_without_end_is_cut() {
    for (behaviour, least, most) in [
        (ApiBehaviour::SlowBody(Duration::from_secs(30)), 1, 4),
        (ApiBehaviour::SlowBody(Duration::from_millis(200)), 2, 5),
        (ApiBehaviour::EndlessBody, 2, 6),
    ] {
        let scene = Scene::with(lane(MONITOR, "call = \"1s\"\nlifetime = \"2s\"")).await;
        scene.api().behave(behaviour.clone());
        let begun = Instant::now();
        let peer = scene.peer("jump01").offering(&["http/1.1"]);
        let mut stream = peer.connect().await.unwrap();
        send(&mut stream, format!("GET {STATUS} HTTP/1.1\r\nhost: gate\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut bytes = vec![0; 1024 * 1024];
        let mut last = Vec::new();
        while let Ok(count @ 1..) = stream.read(&mut bytes).await {
            last.extend_from_slice(&bytes[..count]);
            last.drain(..last.len().saturating_sub(64));
        }
        let took = begun.elapsed();
        let name = format!("{behaviour:?}");
        assert!(
            took >= Duration::from_secs(least) && took < Duration::from_secs(most),
            "{name} {took:?}"
        );
        assert!(!last.ends_with(b"0\r\n\r\n"), "{name}: as if it were whole");
        scene.refusal("answer_cut").await;
        // TSM is rid of it too
        let ended = || async {
            scene.api().connections().iter().all(|connection| connection.ended).then_some(())
        };
        wait::until("the end at TSM", ended).await;
    }
}

/// A caller that goes away, or does not fetch its answer, does not keep TSM.
#[tokio::test]
async fn a_caller_that_is_gone_does_not_keep_tsm() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    scene.api().behave(ApiBehaviour::EndlessBody);
    let peer = scene.peer("jump01").offering(&["http/1.1"]);
    let mut stream = peer.connect().await.unwrap();
    send(&mut stream, format!("GET {STATUS} HTTP/1.1\r\nhost: gate\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut some = [0; 4096];
    assert!(stream.read(&mut some).await.unwrap() > 0);
    drop(stream);
    let ended = || async {
        scene.api().connections().iter().all(|connection| connection.ended).then_some(())
    };
    wait::until("the end at TSM", ended).await;
}
