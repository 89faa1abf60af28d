//! How much a caller may send and ask for.

use std::time::Duration;

use tests::http::Http;
use tests::peer::{send, within};
use tests::scene::entry;
use tests::{Scene, SceneOptions, wait};
use tsmsim::ApiBehaviour;

use super::{Cases, GOOD, OTHER, STATUS, Then, post};

/// A JSON text of so many bytes.
fn json(length: usize) -> String {
    format!("\"{}\"", "a".repeat(length - 2))
}

/// The same as one body, by its length and in chunks of 1000 bytes.
fn both(length: usize) -> [String; 2] {
    let body = json(length);
    let chunks = body.as_bytes().chunks(1000).map(|chunk| std::str::from_utf8(chunk).unwrap());
    let chunks: String = chunks.map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len())).collect();
    [
        post(&format!("Content-Length: {length}\r\n"), &body),
        post("Transfer-Encoding: chunked\r\n", &format!("{chunks}0\r\n\r\n")),
    ]
}

/// R62: a body of the limit passes, one byte more does not, however its length is told
#[tokio::test]
async fn a_body_has_its_limit() {
    let said = (413, "body_too_large", "body_refused", Some("the body is too large"));
    for (http, limit) in [("", 1 << 20), ("body = \"10KiB\"", 10 << 10)] {
        let cases = Cases::of("[\"raw\"]", http).await;
        // not much more than the limit is sent, so that the answer is not lost
        for request in both(limit + 1) {
            cases.refused(request, said, Then::Ends).await;
        }
        let mut seen = Vec::new();
        for request in both(limit) {
            seen.extend([OTHER, STATUS]);
            cases.control(request, 400, &seen).await;
        }
        for request in cases.scene.api().requests().iter().step_by(2) {
            assert_eq!((request.body_length, request.body_complete), (limit as u64, true));
        }
    }
}

/// R62: who writes all of a body before it looks for the answer learns that it is too large, or not asked for
#[tokio::test]
async fn a_refusal_in_the_middle_of_a_body_arrives() {
    let cases = Cases::start().await;
    let said = (413, "body_too_large", "body_refused", Some("the body is too large"));
    for length in [2 << 20, 4 << 20] {
        for request in both(length) {
            cases.refused(request, said, Then::Ends).await;
        }
        let request = both(length)[0].replacen(OTHER, "/api/0.5/disable", 1);
        let unasked =
            (400, "body_not_allowed", "body_refused", Some("the operation takes no body"));
        cases.refused(request, unasked, Then::Ends).await;
    }
    cases.control(both(1 << 20)[0].as_bytes(), 400, &[OTHER, STATUS]).await;
}

/// A document of nothing but brackets, as deep as the limit lets it be, takes nobody's stack
#[tokio::test]
async fn a_deep_document_harms_nobody() {
    let cases = Cases::start().await;
    let said = (400, "body_not_json", "body_refused", Some("the body is not one JSON document"));
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let depth = (1 << 20) / (open.len() + close.len()) - 1;
        let (open, close) = (open.repeat(depth), close.repeat(depth));
        for body in [open.clone(), format!("{open}0{close}")] {
            let request = post(&format!("Content-Length: {}\r\n", body.len()), &body);
            cases.refused(request, said, Then::GoesOn).await;
        }
    }
    cases.control(post("Content-Length: 6\r\n", "[[[]]]"), 400, &[OTHER, STATUS]).await;
}

/// R62: a header of 64 fields and 16 KiB is taken, more is not, nor one that never ends
#[tokio::test]
async fn a_header_has_its_limits() {
    let cases = Cases::start().await;
    let said = (431, "header_too_large", "header_too_large", None);
    let fields = |count: usize| {
        format!("GET {STATUS} HTTP/1.1\r\nHost: gate\r\n{}\r\n", "A: b\r\n".repeat(count))
    };
    let long = |length: usize| {
        let head = format!("GET {STATUS} HTTP/1.1\r\nHost: gate\r\nA: ");
        format!("{head}{}\r\n\r\n", "b".repeat(length - head.len() - 4))
    };
    cases.refused(fields(64), said, Then::Ends).await;
    cases.refused(fields(2000), said, Then::Ends).await;
    cases.refused(long(16 * 1024 + 1), said, Then::Ends).await;
    cases.refused(long(60_000), said, Then::Ends).await;
    cases.refused("A".repeat(20_000), said, Then::Ends).await;
    cases.refused(format!("GET /{} HTTP/1.1\r\n", "a".repeat(16 * 1024)), said, Then::Ends).await;
    cases.refused(format!("GET / HTTP/1.1\r\n{}", "A: b\r\n".repeat(3000)), said, Then::Ends).await;
    // in records of one byte, each of which is looked at
    let (name, peer) = cases.client();
    let mut http = Http::open(&peer).await.unwrap();
    for byte in fields(5000).as_bytes().iter().take(16 * 1024) {
        send(&mut http.stream, &[*byte]).await.unwrap();
    }
    let answer = http.answer().await.unwrap();
    cases.is_refusal("single bytes", &name, &answer, said).await;
    assert!(http.is_closed().await);
    cases.scene.nothing_reached_tsm();
    cases.control(fields(63), 200, &[STATUS, STATUS]).await;
    cases.control(long(16 * 1024), 200, &[STATUS; 4]).await;
}

/// R62: who asks too much is told when to come again, its connection goes on, and TSM is not asked
#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again() {
    let options = SceneOptions {
        client_limits: "requests = { per_minute = 1, burst = 2 }\nin_flight = 4".into(),
        ..SceneOptions::api("[\"monitor\"]")
    };
    let scene = Scene::with(options).await;
    let mut http = Http::open(&scene.peer("jump01")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    }
    // also for what there is not, what it may not, and what is the gate's own
    for (method, path) in [
        ("GET", STATUS),
        ("GET", "/api/0.5/nothing"),
        ("POST", "/api/0.5/disable"),
        ("GET", "/v1/whoami"),
        ("GET", "/v1/permissions"),
        ("DELETE", "/v1/whoami"),
        ("GET", "/v1/logout"),
        ("POST", "/v1/logout"),
    ] {
        let answer = http.ask(method, path, "", b"").await.unwrap();
        let told = (answer.status, answer.code());
        assert_eq!(told, (429, Some("over_limit".to_owned())), "{method} {path}");
        let wait: u64 = answer.field("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    let answer = http.ask("POST", STATUS, "Origin: null\r\n", b"").await.unwrap();
    assert_eq!((answer.status, answer.code()), (429, Some("over_limit".to_owned())));
    // another connection has no tokens of its own
    let mut other = Http::open(&scene.peer("jump01")).await.unwrap();
    assert_eq!(other.get(STATUS).await.unwrap().status, 429);
    scene.refusal("client_over_rate").await;
    assert_eq!(scene.tsm.counts().requests, 2);
}

/// R62: a client has so many requests under way and no more; what is over makes room
#[tokio::test]
async fn so_many_requests_are_under_way_at_once() {
    let requests = "requests = { per_minute = 60000, burst = 1000 }";
    let options = SceneOptions {
        client_limits: format!("{requests}\nin_flight = 2"),
        rest: format!("{}{}", entry("jump01", "[\"monitor\"]"), entry("other", "[\"monitor\"]")),
        ..SceneOptions::api("[]")
    };
    let scene = Scene::with(options).await;
    let peer = scene.peer("jump01");
    for _ in 0..2 {
        scene.api().behave_next(ApiBehaviour::Delay(Duration::from_secs(3)));
    }
    let mut slow = [Http::open(&peer).await.unwrap(), Http::open(&peer).await.unwrap()];
    for (number, http) in slow.iter_mut().enumerate() {
        send(&mut http.stream, GOOD.as_bytes()).await.unwrap();
        let seen = number as u64 + 1;
        scene.tsm.wait_until(wait::PATIENCE, |counts| counts.requests == seen).await.unwrap();
    }
    let mut third = Http::open(&peer).await.unwrap();
    let answer = third.get(STATUS).await.unwrap();
    assert_eq!((answer.status, answer.code()), (429, Some("over_limit".to_owned())));
    assert_eq!(answer.field("retry-after"), Some("1"));
    assert_eq!(third.get("/v1/whoami").await.unwrap().status, 429);
    scene.refusal("client_in_flight").await;
    assert_eq!(scene.tsm.counts().requests, 2);
    // nobody else's loss
    let mut other = Http::open(&scene.peer("other")).await.unwrap();
    assert_eq!(other.get(STATUS).await.unwrap().status, 200);
    for http in &mut slow {
        assert_eq!(within(http.answer()).await.unwrap().unwrap().status, 200);
    }
    assert_eq!(third.get(STATUS).await.unwrap().status, 200);
}
