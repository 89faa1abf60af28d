//! Outputs as they stream: from wherever a caller left off, many at once, to who reads slowly or not at all,
//! and until something cuts them.

use std::time::Duration;

use tests::http::Http;
use tests::peer::send;
use tests::scene::entry;
use tests::{Peer, Runner, RunnerOptions, Scene, wait};
use tokio::io::AsyncWriteExt;

use crate::command_support::{
    Follow, go, lane, lines, order, output, role_of, run, started, told, until, until_go,
};

const DISABLE: &str = "security external-ssl disable";
const LIST: &str = "security external-ssl list";
/// A `tsm` that goes on until there is a file `go`.
const WAITS: &str = "echo begun; UNTIL_GO; echo over";

async fn stage(more: &str, script: &str) -> (Scene, Runner) {
    let scene = Scene::with(lane("[\"tls-admin\"]", more)).await;
    let script = script.replace("UNTIL_GO", &until_go(&scene));
    let runner = Runner::start(&scene, &RunnerOptions::script(&scene, &script));
    (scene, runner)
}

async fn get(peer: &Peer, path: &str) -> (u16, String) {
    told(&Http::open(peer).await.unwrap().get(path).await.unwrap())
}

/// From any event on, while it runs and afterwards; from beyond the last one there is nothing, and that is
/// said and not streamed
#[tokio::test(flavor = "multi_thread")]
async fn an_output_is_read_from_anywhere() {
    let (scene, _runner) = stage("", WAITS).await;
    let peer = scene.peer("jump01");
    let id = started(&peer, &order(DISABLE, &[])).await;
    let mut follow = Follow::open(&peer, &id, 0).await;
    follow.line("begun").await;
    let mut behind = Follow::open(&peer, &id, 3).await;
    go(&scene);
    follow.rest().await;
    let all = output(&peer, &id, 0).await;
    let numbers: Vec<_> = all.iter().map(|event| event["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..all.len() as u64).collect::<Vec<_>>());
    assert_eq!(behind.rest().await, all[3..]);
    for from in 0..all.len() {
        assert_eq!(output(&peer, &id, from as u64).await, all[from..], "from {from}");
    }
    for from in [all.len() as u64, all.len() as u64 + 1, u64::MAX] {
        let path = format!("/v1/commands/{id}/output?from={from}");
        assert_eq!(get(&peer, &path).await, (400, "bad_value".to_owned()), "from {from}");
    }
}

/// A stream stands between two requests of one connection as any other answer: what was sent behind it waits
/// for its end, and is served then; and a stray body behind a request without one is no request
#[tokio::test(flavor = "multi_thread")]
async fn requests_behind_a_stream_wait_for_its_end() {
    let (scene, _runner) = stage("", WAITS).await;
    let peer = scene.peer("jump01");
    let id = started(&peer, &order(DISABLE, &[])).await;
    let mut follow = Follow::open(&peer, &id, 0).await;
    follow.line("begun").await;
    let next = "GET /v1/whoami HTTP/1.1\r\nhost: gate\r\n\r\n";
    let body = order(LIST, &[]).to_string();
    let post = format!(
        "POST /v1/commands HTTP/1.1\r\nhost: gate\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    send(&mut follow.stream, format!("{next}{post}{next}stray body\r\n\r\n").as_bytes())
        .await
        .unwrap();
    // another connection's: by the time it is answered the first could have been
    assert_eq!(get(&peer, "/v1/whoami").await.0, 200);
    assert_eq!(
        scene.records("command").len(),
        2,
        "the order behind the stream was served before its end"
    );
    go(&scene);
    follow.rest().await;
    let mut http = follow.behind();
    assert_eq!(http.answer().await.unwrap().status, 200);
    let second = http.answer().await.unwrap();
    assert_eq!(second.status, 202);
    assert_eq!(http.answer().await.unwrap().status, 200);
    assert_eq!(told(&http.answer().await.unwrap()), (400, "bad_request".to_owned()));
    assert!(http.is_closed().await);
    assert_eq!(scene.records("command").len(), 4);
    // and one after the other, each when the last is there
    let mut http = Http::open(&peer).await.unwrap();
    let id = second.json()["id"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        let answer = http.get(&format!("/v1/commands/{id}/output?from=0")).await.unwrap();
        assert!(answer.body.ends_with(b"}\n"));
        assert_eq!(http.get("/v1/whoami").await.unwrap().status, 200);
    }
}

/// R28: who does not read is waited for without anybody else's loss, holds nothing up at the runner, and goes
#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_stands_in_nobodys_way() {
    let flood = "i=0; while [ $i -lt 40000 ]; do echo \"$i 0123456789012345678901234567890123456789012345678901234567890123456789\"; i=$((i+1)); done";
    let (scene, _runner) = stage(&entry("jump02", "[\"tls-admin\"]"), flood).await;
    let peer = scene.peer("jump01");
    let id = started(&peer, &order(DISABLE, &[])).await;
    let mut idle = Vec::new();
    for _ in 0..4 {
        let mut stream = peer.clone().offering(&["http/1.1"]).connect().await.unwrap();
        let head = format!("GET /v1/commands/{id}/output?from=0 HTTP/1.1\r\nhost: gate\r\n\r\n");
        send(&mut stream, head.as_bytes()).await.unwrap();
        idle.push(stream);
    }
    let all = output(&peer, &id, 0).await;
    assert_eq!(lines(&all, "stdout").len(), 40_000);
    let other = scene.peer("jump02");
    let (code, events) = run(&other, &order(DISABLE, &[])).await;
    assert_eq!((code, lines(&events, "stdout").len()), (0, 40_000));
    assert_eq!(get(&peer, "/v1/whoami").await.0, 200);
    drop(idle);
    // their places are free again
    wait::until("the places of those that went", || async {
        (scene.daemon.as_ref().unwrap().occupancy().1 <= 1).then_some(())
    })
    .await;
}

/// R22: so many streams of one client and no more, and so many of all; one that ends makes room, and whoever has
/// none is told so and loses no other request
#[tokio::test(flavor = "multi_thread")]
async fn streams_have_their_limits() {
    let names: Vec<_> = (0..8).map(|number| format!("boss{number}")).collect();
    let more: String = names.iter().map(|name| role_of(name, "commands.others")).collect();
    let (scene, _runner) = stage(&more, WAITS).await;
    let peer = scene.peer("jump01");
    let id = started(&peer, &order(DISABLE, &[])).await;
    let path = format!("/v1/commands/{id}/output");
    let mut streams = Vec::new();
    for _ in 0..16 {
        streams.push(Follow::open(&peer, &id, 0).await);
    }
    let answer = Http::open(&peer).await.unwrap().get(&path).await.unwrap();
    assert_eq!(told(&answer), (429, "over_limit".to_owned()));
    assert_eq!(answer.field("retry-after"), Some("1"));
    scene.refusal("client_in_flight").await;
    assert_eq!(get(&peer, &format!("/v1/commands/{id}")).await.0, 200);
    for (number, name) in names[..7].iter().enumerate() {
        // one source has not so many connections
        let boss = scene.peer(name).from(&format!("127.0.1.{number}"));
        for _ in 0..16 {
            streams.push(Follow::open(&boss, &id, 0).await);
        }
    }
    let last = scene.peer("boss7");
    let answer = Http::open(&last).await.unwrap().get(&path).await.unwrap();
    assert_eq!(told(&answer), (503, "runner_busy".to_owned()));
    assert!(answer.field("retry-after").is_some());
    assert_eq!(get(&last, &format!("/v1/commands/{id}")).await.0, 200);
    for stream in &mut streams {
        stream.line("begun").await;
    }
    go(&scene);
    for stream in &mut streams {
        assert_eq!(stream.rest().await.last().unwrap()["end"]["code"], 0);
        assert!(stream.whole);
    }
    assert_eq!(output(&last, &id, 0).await.last().unwrap()["end"]["code"], 0);
}

/// A caller that goes away is no end of the command; coming again it finds what it missed
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_comes_again() {
    let (scene, _runner) = stage("", WAITS).await;
    let peer = scene.peer("jump01");
    let id = started(&peer, &order(DISABLE, &[])).await;
    let mut follow = Follow::open(&peer, &id, 0).await;
    follow.line("begun").await;
    follow.stream.shutdown().await.unwrap();
    drop(follow);
    assert_eq!(until(&peer, &id, "running").await["cancelled_by"], serde_json::Value::Null);
    go(&scene);
    assert_eq!(lines(&output(&peer, &id, 0).await, "stdout"), ["begun", "over"]);
}

/// A daemon that stops cuts its streams at once and visibly, and the runner goes on; the next daemon has all
/// that was missed
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_stops_cuts_its_streams() {
    let (mut scene, _runner) = stage("", WAITS).await;
    let peer = scene.peer("jump01");
    let id = started(&peer, &order(DISABLE, &[])).await;
    let mut follow = Follow::open(&peer, &id, 0).await;
    follow.line("begun").await;
    let since = std::time::Instant::now();
    scene.stop().await;
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    assert!(follow.rest().await.is_empty());
    assert!(!follow.whole, "it ended as if it were whole");
    go(&scene);
    scene.start_again().await;
    let peer = scene.peer("jump01");
    let all = output(&peer, &id, 0).await;
    assert_eq!(lines(&all, "stdout"), ["begun", "over"]);
    assert_eq!(all.last().unwrap()["end"]["code"], 0);
    scene.verify();
}
