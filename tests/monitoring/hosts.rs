//! A web page that a browser of this host shows must not be able to look.

use tsmgate_server::observe::Door;

use crate::fake::{Fake, Open};

#[tokio::test]
async fn a_port_answers_under_names_of_this_host_alone() {
    let door = Open::tcp(Door::Metrics, &Fake::new()).await;
    let code =
        async |head: &str| door.exchange(format!("GET /metrics HTTP/1.1\r\n{head}\r\n")).await.code;
    for host in [
        "localhost",
        "LocalHost:18851",
        "127.0.0.1",
        "127.0.0.1:18851",
        "127.8.9.10:1",
        "[::1]",
        "[::1]:18851",
    ] {
        assert_eq!(code(&format!("Host: {host}\r\n")).await, 200, "{host}");
    }
    for host in [
        "",
        "evil.example",
        "evil.example:18851",
        "localhost.evil.example",
        "localhost:",
        "localhost:80:80",
        "localhost:18851@evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1:evil",
        "10.0.0.1",
        "0.0.0.0:18851",
        "[::2]:18851",
        "[::1",
        "[::1]evil",
        "[::ffff:10.0.0.1]",
        "::1",
    ] {
        assert_eq!(code(&format!("Host: {host}\r\n")).await, 403, "{host}");
    }
    assert_eq!(code("").await, 403, "no name at all");
    assert_eq!(code("Host: localhost\r\nHost: evil.example\r\n").await, 403);
    for target in ["http://evil.example/metrics", "http://localhost/metrics"] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(door.exchange(request).await.code, 403, "{target}");
    }
}

#[tokio::test]
async fn a_socket_needs_no_name() {
    let door = Open::unix(Door::Metrics, &Fake::new());
    let got = door.exchange("GET /metrics HTTP/1.0\r\n\r\n").await;
    assert_eq!(got.code, 200, "{got:?}");
    let got = door.exchange("GET /metrics HTTP/1.1\r\nHost: tsmgate\r\n\r\n").await;
    assert_eq!(got.code, 200, "{got:?}");
}
