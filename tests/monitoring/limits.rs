//! What a door takes of anybody: so many connections, so much, so long.

use std::time::{Duration, Instant};

use tests::wait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tsmgate_server::observe::{CONNECTIONS, Door, HEADER_LIMIT, HEADER_TIME};

use crate::fake::{Fake, Open, Reply};

const REQUEST: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn both(fake: &std::sync::Arc<Fake>) -> [Open; 2] {
    [Open::tcp(Door::Metrics, fake).await, Open::unix(Door::Status, fake)]
}

/// A header that does not come, or does not end, has its time and no more
#[tokio::test]
async fn a_slow_header_is_cut() {
    for door in both(&Fake::new()).await {
        for begun in ["", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow:"] {
            let started = Instant::now();
            let got = door.exchange(begun).await;
            let time = started.elapsed();
            assert_ne!(got.code, 200, "{got:?}");
            assert!(time >= HEADER_TIME - Duration::from_millis(100), "{time:?}");
            assert!(time < HEADER_TIME * 2, "{time:?}");
        }
    }
}

#[tokio::test]
async fn a_header_that_is_too_long_is_refused() {
    for door in both(&Fake::new()).await {
        let request = |filling: usize| {
            let filling = "x".repeat(filling);
            format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: {filling}\r\n\r\n")
        };
        assert_eq!(door.exchange(request(HEADER_LIMIT / 2)).await.code, 200);
        for filling in [HEADER_LIMIT, 8 * HEADER_LIMIT] {
            let got = door.exchange(request(filling)).await;
            assert_eq!((got.code, &*got.body), (431, ""), "{got:?}");
        }
        let path = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(9000));
        let got = door.exchange(path).await;
        assert!(got.code == 414 || got.code == 431, "{got:?}");
    }
}

#[tokio::test]
async fn more_connections_than_there_is_room_for_are_closed() {
    for door in both(&Fake::new()).await {
        let mut open = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut stream = door.connect().await;
            stream.write_all(b"GET /healthz ").await.unwrap();
            open.push(stream);
        }
        assert_eq!(door.exchange(REQUEST).await.head, "", "one too many");
        let mut first = open.remove(0);
        first.write_all(b"HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        assert_eq!(Reply::of(first).await.code, 200);
        let room = || async { (door.exchange(REQUEST).await.code == 200).then_some(()) };
        wait::until("room for another", room).await;
        // those that were there are still served
        for mut stream in open {
            stream.write_all(b"HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
            assert_eq!(Reply::of(stream).await.code, 200);
        }
    }
}

#[tokio::test]
async fn no_body_is_read_and_the_answer_arrives_all_the_same() {
    let fake = Fake::new();
    for door in both(&fake).await {
        let body = "x".repeat(40_000);
        for head in ["Content-Length: 40000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n9c40\r\n"]
        {
            for (method, path) in [("GET", "/healthz"), ("POST", "/reload")] {
                let got = door
                    .exchange(format!(
                        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{head}{body}"
                    ))
                    .await;
                assert!([404, 413].contains(&got.code), "{method} {path}: {got:?}");
                assert!(got.ended, "{method} {path}: the connection was reset");
            }
        }
    }
    assert_eq!(fake.begun.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_connection_has_one_answer() {
    for door in both(&Fake::new()).await {
        let got = door.exchange(REQUEST.repeat(3)).await;
        assert_eq!((got.code, &*got.body), (200, "alive\n"));
        let mut stream = door.connect().await;
        stream.write_all(REQUEST.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(Reply::of(stream).await.body, "alive\n", "half a connection is enough");
        let got = door.exchange("\x16\x03\x01 this is not HTTP\r\n\r\n").await;
        assert!(got.code == 400 || got.head.is_empty(), "{got:?}");
    }
}

#[tokio::test]
async fn connections_end_with_their_door() {
    let door = Open::unix(Door::Status, &Fake::new());
    let mut stream = door.connect().await;
    stream.write_all(b"GET /healthz ").await.unwrap();
    assert_eq!(door.ask("GET", "/healthz").await.code, 200);
    drop(door);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}
