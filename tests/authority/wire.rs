//! Bytes that are no request: too large, too slow, plain, of another kind.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::peer::{rest, send};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tsmgate_pki::enrolment::BODY_MOST;

use crate::support::{Options, Stage, post, say};

#[tokio::test]
async fn only_two_requests_are_answered_and_in_one_way() {
    let stage = Stage::start();
    let peer = stage.peer(None);
    let asked = async |head: &str| {
        let bytes = format!("{head} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{{}}");
        let answer = say(&peer, bytes.as_bytes()).await.unwrap();
        (answer.status, answer.refusal().1.to_owned(), answer.header)
    };
    for head in [
        "GET /",
        "POST /v1",
        "POST /v1/join/",
        "POST /V1/JOIN",
        "POST //v1/join",
        "POST /v1/join?x=1",
        "POST /v1/%6aoin",
        "POST https://localhost/v1/join",
        "POST /v1/../v1/join",
        "GET /v1/health",
    ] {
        let (status, code, _) = asked(head).await;
        assert_eq!((status, code.as_str()), (404, "not_found"), "{head}");
    }
    for head in ["GET /v1/join", "PUT /v1/join", "DELETE /v1/renew", "OPTIONS /v1/join"] {
        let (status, code, header) = asked(head).await;
        assert_eq!((status, code.as_str()), (405, "method_not_allowed"), "{head}");
        assert!(header.contains("allow: POST"), "{header}");
    }
    for body in
        [json!({}), json!([]), json!({"name": "a"}), json!({"name": 1, "secret": 2, "request": 3})]
    {
        let answer = post(&peer, "/v1/join", &body).await.unwrap();
        assert_eq!(answer.refusal(), (400, "request_refused"), "{body}");
    }
    stage.record_because("request_refused");
}

#[tokio::test]
async fn one_connection_is_one_request() {
    let stage = Stage::start();
    let one = "POST /v1/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
    let mut stream = stage.peer(None).connect().await.unwrap();
    send(&mut stream, one.repeat(3).as_bytes()).await.unwrap();
    let (answer, _) = rest(&mut stream).await;
    let text = String::from_utf8(answer).unwrap();
    assert_eq!(text.matches("HTTP/1.1 404").count(), 1, "{text}");
    assert!(text.contains("connection: close"), "{text}");
}

#[tokio::test]
async fn a_request_that_is_too_large_is_not_read() {
    let stage = Stage::start();
    let peer = stage.peer(None);
    let large = json!({ "name": "a", "secret": "b", "request": "x".repeat(BODY_MOST) });
    let answer = post(&peer, "/v1/join", &large).await.unwrap();
    assert_eq!(answer.refusal(), (413, "too_large"));
    // announced or not
    let mut stream = peer.connect().await.unwrap();
    let head = "POST /v1/join HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    send(&mut stream, head.as_bytes()).await.unwrap();
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    send(&mut stream, chunk.repeat(3).as_bytes()).await.unwrap();
    let (answer, _) = rest(&mut stream).await;
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    // nor one whose header has no end
    let field = format!("x: {}\r\n", "y".repeat(10_000));
    let bytes = format!("POST /v1/join HTTP/1.1\r\nhost: localhost\r\n{field}");
    let answer = say(&peer, bytes.as_bytes()).await.unwrap();
    assert_eq!(answer.status, 431);
    stage.record_because("header_too_large");
    let many = "a: b\r\n".repeat(100);
    let bytes = format!("POST /v1/join HTTP/1.1\r\nhost: localhost\r\n{many}\r\n");
    assert_eq!(say(&peer, bytes.as_bytes()).await.unwrap().status, 431);
}

#[tokio::test]
async fn who_is_too_slow_is_cut() {
    let stage = Stage::start();
    let begun = Instant::now();
    let peer = stage.peer(None);
    let silent = async {
        let mut stream = peer.connect().await.unwrap();
        rest(&mut stream).await.0
    };
    let half_a_header = async {
        let mut stream = peer.connect().await.unwrap();
        send(&mut stream, b"POST /v1/join HTTP/1.1\r\nhost: loc").await.unwrap();
        rest(&mut stream).await.0
    };
    let half_a_body = async {
        let mut stream = peer.connect().await.unwrap();
        let head = "POST /v1/join HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{";
        send(&mut stream, head.as_bytes()).await.unwrap();
        rest(&mut stream).await.0
    };
    let (silent, header, body) = tokio::join!(silent, half_a_header, half_a_body);
    assert!(silent.is_empty() && header.is_empty(), "{silent:?} {header:?}");
    let body = String::from_utf8(body).unwrap();
    assert!(body.starts_with("HTTP/1.1 408") && body.contains("too_slow"), "{body}");
    assert!(begun.elapsed() < Duration::from_secs(17), "{:?}", begun.elapsed());
    stage.record_because("request_too_slow");
    stage.record_because("too_slow");
}

/// R47: what is no TLS 1.3 for this service is told an alert, or nothing
#[tokio::test]
async fn whoever_speaks_something_else_is_refused() {
    let stage = Stage::start();
    let peer = stage.peer(None);
    let mut plain = peer.tcp().await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    stage.record_because("handshake_garbage");
    let other = stage.peer(None).offering(&["h2"]).connect().await;
    assert!(other.is_err(), "HTTP/2 is not spoken");
    stage.record_because("alpn_unknown");
    // what is no HTTP within TLS
    let mut stream = peer.connect().await.unwrap();
    send(&mut stream, b"\x16\x03\x01 garbage\r\n\r\n").await.unwrap();
    let (answer, _) = rest(&mut stream).await;
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    stage.record_because("bad_request");
    if tests::program::have("openssl", "openssl") {
        let output = std::process::Command::new("openssl")
            .args(["s_client", "-tls1_2", "-connect", &stage.address().to_string()])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("alert protocol version"), "{text}");
        stage.record_because("tls_incompatible");
    }
}

/// R41: an address that no network holds is refused before a byte of TLS
#[tokio::test]
async fn a_stranger_from_elsewhere_is_not_shaken_hands_with() {
    let mut stage = Stage::prepared(Options::default());
    let path = stage.path("authority.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("allow = [\"127.0.0.0/8\"]", "allow = [\"127.0.0.7\"]"))
        .unwrap();
    stage.run();
    assert!(stage.peer(None).connect().await.is_err());
    let record = stage.record_because("address_not_listed");
    assert_eq!(record["source.ip"], "127.0.0.1");
    assert!(stage.peer(None).from("127.0.0.7").connect().await.is_ok());
    // R53: read anew, and the rest goes on as it was
    std::fs::write(&path, text.replace("30d", "1h")).unwrap();
    stage.service().signal(nix::sys::signal::Signal::SIGHUP);
    stage.service().line_with("reloaded");
    let (host, body) = stage.joined("jump01").await;
    assert_eq!(crate::support::leaf(&host.chain).days_left, 0, "{body}");
    std::fs::write(&path, text.replace("life", "live")).unwrap();
    stage.service().signal(nix::sys::signal::Signal::SIGHUP);
    stage.service().line_with("did you mean `life`?");
    tests::wait::until_blocking("the records of both", || {
        (stage.records("reload").len() == 2).then_some(())
    });
    let (_, _) = stage.joined("jump02").await;
}
