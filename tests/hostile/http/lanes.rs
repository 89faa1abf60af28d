//! Which lane a connection is on, for those who say one thing and do another.

use tests::http::Http;
use tests::peer::{call, cookie_of, refusal_of, rest, send};
use tests::{Peer, Scene, SceneOptions};
use tokio::io::AsyncWriteExt;
use tsmgate_wire::encode_call;

use super::{GOOD, STATUS};
use crate::case::source;

/// A client that may log in and read the status.
fn both() -> SceneOptions {
    SceneOptions::api("[\"login\", \"monitor\"]")
}

/// What comes back for these bytes until the end.
async fn said_to(peer: &Peer, bytes: &[u8]) -> Vec<u8> {
    let mut stream = peer.connect().await.unwrap();
    send(&mut stream, bytes).await.unwrap();
    rest(&mut stream).await.0
}

/// Whether that is an answer over HTTP.
fn is_http(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/")
}

/// R30, R59: without a name in the handshake the first byte decides; what begins neither a Thrift message
/// nor a request is refused, and is not answered over HTTP
#[tokio::test]
async fn the_first_byte_decides_where_nothing_was_said() {
    let scene = Scene::with(both()).await;
    let peer = scene.peer("jump01").offering(&[]);
    for bytes in [
        &b"get /api/0.5/status HTTP/1.1\r\nHost: gate\r\n\r\n"[..],
        b" GET /api/0.5/status HTTP/1.1\r\nHost: gate\r\n\r\n",
        b"\r\nGET /api/0.5/status HTTP/1.1\r\nHost: gate\r\n\r\n",
        b"\0GET /api/0.5/status HTTP/1.1\r\nHost: gate\r\n\r\n",
        b"{\"method\":\"login\"}\r\n\r\n\r\n\r\n\r\n",
        b"[1,\"login\",1,0,{}]\r\n\r\n\r\n\r\n\r\n",
        b"\x82\x21\x01\x05login\0                    ",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03          ",
    ] {
        let answer = said_to(&peer, bytes).await;
        assert!(!is_http(&answer), "{}: {}", bytes.escape_ascii(), answer.escape_ascii());
    }
    scene.nothing_reached_tsm();
    let mut http = Http::over(peer.connect().await.unwrap());
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    let mut stream = peer.connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
}

/// R30, R59: a name in the handshake binds: HTTP in the login lane is refused there, Thrift in the other one,
/// at its first byte; and no connection changes its lane
#[tokio::test]
async fn a_name_in_the_handshake_binds() {
    let scene = Scene::with(both()).await;
    let (login, http) = (scene.peer("jump01"), scene.peer("jump01").offering(&["http/1.1"]));
    let answer = said_to(&login, GOOD.as_bytes()).await;
    assert!(!is_http(&answer), "{}", answer.escape_ascii());

    let mut other = Http::over(http.connect().await.unwrap());
    let answer = other.raw(&encode_call(1)).await.unwrap();
    assert_eq!((answer.status, answer.code().as_deref()), (400, Some("bad_request")));
    assert!(other.is_closed().await);
    scene.refusal("bad_request").await;
    scene.nothing_reached_tsm();

    // one after the other
    let mut stream = login.connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    send(&mut stream, GOOD.as_bytes()).await.unwrap();
    assert!(!is_http(&rest(&mut stream).await.0));
    let mut other = Http::over(http.connect().await.unwrap());
    assert_eq!(other.get("/v1/whoami").await.unwrap().status, 200);
    assert_eq!(other.raw(&encode_call(1)).await.unwrap().status, 400);
    assert!(other.is_closed().await);
    let counts = scene.tsm.counts();
    assert_eq!((counts.calls, counts.api_connections), (1, 0));
    login.cookie().await;
    assert_eq!(Http::open(&http).await.unwrap().get(STATUS).await.unwrap().status, 200);
}

/// R1, R14: where there is no controller there is no lane: its name is refused in the handshake, requests
/// without it as any other bytes; so are names that nobody knows
#[tokio::test]
async fn a_lane_that_is_off_is_not_there() {
    let off = Scene::start().await;
    let on = Scene::with(both()).await;
    let refused = [
        (&off, &["http/1.1"][..]),
        (&off, &["http/1.0"]),
        (&off, &["h2", "http/1.1"]),
        (&off, &["h2"]),
        (&on, &["h2"]),
        (&on, &["h2c", "http/0.9", "HTTP/1.1"]),
    ];
    for (number, (scene, names)) in refused.into_iter().enumerate() {
        let peer = scene.peer("jump01").from(&source(number)).offering(names);
        let error = peer.connect().await.expect_err("a handshake");
        assert_eq!(refusal_of(&error), "NoApplicationProtocol", "{names:?}");
    }
    let plain = off.peer("jump01").offering(&[]);
    let answer = said_to(&plain, GOOD.as_bytes()).await;
    assert!(!is_http(&answer), "{}", answer.escape_ascii());
    off.nothing_reached_tsm();
    on.nothing_reached_tsm();
    off.peer("jump01").cookie().await;
    let chosen = on.peer("jump01").offering(&["h2", "http/1.1"]);
    assert_eq!(Http::over(chosen.connect().await.unwrap()).get(STATUS).await.unwrap().status, 200);
}

/// R37: who closes its sending side behind a request still gets the answer, in either way to close
#[tokio::test]
async fn who_sends_no_more_still_gets_its_answer() {
    let scene = Scene::with(both()).await;
    for (request, status) in [(GOOD, 200), (&GOOD.replace("status", "nothing"), 404)] {
        let mut http = Http::open(&scene.peer("jump01")).await.unwrap();
        send(&mut http.stream, request.as_bytes()).await.unwrap();
        http.stream.shutdown().await.unwrap();
        assert_eq!(http.answer().await.unwrap().status, status);
        assert!(http.is_closed().await);
    }
    assert_eq!(scene.tsm.counts().requests, 1);
    // in the middle of one there is nobody to answer; but it is on record
    for half in
        [&GOOD[..20], "POST /v1/logout HTTP/1.1\r\nHost: gate\r\nContent-Length: 9\r\n\r\n{"]
    {
        let mut http = Http::open(&scene.peer("jump01")).await.unwrap();
        send(&mut http.stream, half.as_bytes()).await.unwrap();
        http.stream.shutdown().await.unwrap();
        assert!(http.is_closed().await, "{half}");
    }
    scene.refusal("peer_gone").await;
    assert_eq!(scene.tsm.counts().requests, 1);
}
