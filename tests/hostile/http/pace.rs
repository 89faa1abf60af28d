//! How slowly a caller may send, and how long it may stay.

use std::time::{Duration, Instant};

use tests::http::Http;
use tests::peer::{Stream, send};
use tests::scene::entry;
use tests::{Scene, SceneOptions, wait};

use super::{Cases, GOOD, OTHER, STATUS, Said, post};
use crate::case::{counted, source};

const SLOW: Said<'_> = (408, "request_too_slow", "request_too_slow", None);
/// What has to be over within milliseconds is over by then, also on a machine that is busy.
const SOON: Duration = Duration::from_secs(4);

/// What the gate answers to bytes that come slowly behind those that came at once; and after how long.
async fn answer_to(cases: &Cases, at_once: &str, slowly: &str) -> Duration {
    let (name, peer) = cases.client();
    let mut http = Http::open(&peer).await.unwrap();
    let begun = Instant::now();
    send(&mut http.stream, at_once.as_bytes()).await.unwrap();
    if at_once.starts_with(GOOD) {
        assert_eq!(http.answer().await.unwrap().status, 200);
    }
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    let mut slowly = slowly.bytes();
    let answer = loop {
        tokio::select! {
            // header and body of it are one record: both are here or neither
            answer = http.answer() => break answer,
            _ = pace.tick() => {
                let byte: Vec<u8> = slowly.next().into_iter().collect();
                // the gate may have closed
                let _ = send(&mut http.stream, &byte).await;
            }
        }
    };
    let answer = answer.unwrap_or_else(|error| panic!("{at_once:?}: {error}"));
    let time = begun.elapsed();
    cases.is_refusal(at_once, &name, &answer, SLOW).await;
    assert_eq!(answer.field("connection"), Some("close"));
    assert!(http.is_closed().await);
    time
}

/// R18, R62: a header is whole in time, whatever trickles in: the first, and any other
#[tokio::test]
async fn a_slow_header_is_ended() {
    let cases = Cases::of("[\"raw\"]", "header = \"500ms\"").await;
    let endless = "A: b\r\n".repeat(100);
    let mut seen = 0;
    for (at_once, slowly) in [
        ("", GOOD),
        ("", ""),
        ("G", ""),
        ("GET / HTTP/1.1\r\nHost: gate\r\n", &endless),
        (&GOOD[..GOOD.len() - 1], ""),
        (&format!("{GOOD}GET"), &endless),
        (&format!("{GOOD}{}", &GOOD[..GOOD.len() - 1]), ""),
    ] {
        let time = answer_to(&cases, at_once, slowly).await;
        assert!(time > Duration::from_millis(400) && time < SOON, "{at_once:?}: {time:?}");
        seen += usize::from(at_once.starts_with(GOOD));
        assert_eq!(cases.seen().len(), seen, "{at_once:?}");
    }
    cases.control(GOOD, 200, &[STATUS; 4]).await;
}

/// R18, R62: a body is not slower than 1 KiB a second, and has as long to begin as a header; a byte renews
/// nothing, in a chunk or without
#[tokio::test]
async fn a_slow_body_is_ended() {
    let cases = Cases::of("[\"raw\"]", "header = \"500ms\"").await;
    let length = post("Content-Length: 100\r\n", "");
    let chunked = post("Transfer-Encoding: chunked\r\n", "");
    let chunks = "1\r\n \r\n".repeat(20);
    for (at_once, slowly) in [
        (&*length, ""),
        (&format!("{length}{{"), "    "),
        (&chunked, ""),
        (&chunked, &chunks),
        (&format!("{chunked}5\r\nhe"), "llo"),
        (&format!("{chunked}2\r\n{{}}\r\n0\r\n"), ""),
    ] {
        let time = answer_to(&cases, at_once, slowly).await;
        assert!(time > Duration::from_millis(400) && time < SOON, "{at_once:?}: {time:?}");
    }
    cases.scene.nothing_reached_tsm();
    cases.control(post("Content-Length: 2\r\n", "{}"), 400, &[OTHER, STATUS]).await;
}

/// R18: bytes that come one by one, but in time, make a request as good as any
#[tokio::test]
async fn a_request_in_single_bytes_is_served() {
    let cases = Cases::start().await;
    let (_, peer) = cases.client();
    let mut http = Http::open(&peer).await.unwrap();
    let chunked = post("Transfer-Encoding: chunked\r\n", "1;a\r\n{\r\n1\r\n}\r\n0\r\n\r\n");
    for (request, status) in [(GOOD, 200), (&chunked, 400), (GOOD, 200)] {
        for byte in request.as_bytes() {
            send(&mut http.stream, &[*byte]).await.unwrap();
        }
        assert_eq!(http.answer().await.unwrap().status, status);
    }
    assert_eq!(cases.seen(), [STATUS, OTHER, STATUS]);
    assert_eq!(cases.scene.api().requests()[1].body, b"{}");
}

/// R18: an idle connection ends without a word, and one that has lived long enough does so between requests
#[tokio::test]
async fn a_connection_ends_when_it_is_idle_or_old() {
    let cases = Cases::of("[\"raw\"]", "idle = \"300ms\"").await;
    let (_, peer) = cases.client();
    let mut http = Http::open(&peer).await.unwrap();
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    let begun = Instant::now();
    assert!(http.is_closed().await);
    let time = begun.elapsed();
    assert!(time > Duration::from_millis(200) && time < SOON, "{time:?}");

    let cases = Cases::of("[\"raw\"]", "lifetime = \"1s\"").await;
    let (_, peer) = cases.client();
    let begun = Instant::now();
    let mut http = Http::open(&peer).await.unwrap();
    let mut served = 0;
    // each is answered whole, or not begun
    let error = loop {
        match http.get(STATUS).await {
            Ok(answer) => assert_eq!(answer.status, 200),
            Err(error) => break error,
        }
        served += 1;
        assert!(begun.elapsed() < SOON, "no end");
    };
    assert!(served > 1 && begun.elapsed() > Duration::from_millis(900), "{served} {error}");
    assert!(cases.scene.records("refused").is_empty());
    assert_eq!(cases.seen().len(), served);
}

/// R18, R62: a hundred connections with half a header each keep nobody else out, and end in time
#[tokio::test]
async fn half_headers_keep_nobody_out() {
    const HALVES: usize = 100;
    let rest = format!("{}{}", entry("slow", "[\"monitor\"]"), entry("good", "[\"monitor\"]"));
    let http = "header = \"3s\"".to_owned();
    let scene = Scene::with(SceneOptions { rest, http, ..SceneOptions::api("[]") }).await;
    let mut halves: Vec<Stream> = Vec::new();
    for number in 0..HALVES {
        let peer = scene.peer("slow").from(&source(number)).offering(&["http/1.1"]);
        let mut stream = peer.connect().await.unwrap();
        send(&mut stream, &GOOD.as_bytes()[..GOOD.len() / 2]).await.unwrap();
        halves.push(stream);
    }
    let mut good = Http::open(&scene.peer("good")).await.unwrap();
    for _ in 0..20 {
        assert_eq!(good.get(STATUS).await.unwrap().status, 200);
    }
    assert_eq!(scene.tsm.counts().requests, 20);
    for stream in halves {
        let mut http = Http::over(stream);
        assert_eq!(http.answer().await.unwrap().status, 408);
        assert!(http.is_closed().await);
    }
    // their sum is written when its minute is over; the first of them at once
    wait::until("the record", || async { (counted(&scene, "request_too_slow") > 0).then_some(()) })
        .await;
    assert_eq!(good.get(STATUS).await.unwrap().status, 200, "the connection is still there");
}
