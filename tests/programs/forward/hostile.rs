//! Callers that mean harm, or know no better: each costs a bounded amount for a bounded time.

use super::*;

use std::time::Instant;

use tests::{Forwarding, Scene, wait};

/// How many files the process has open.
fn open_files(forwarding: &Forwarding) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", forwarding.pid())).unwrap().count()
}

/// All that comes until the other side closes.
fn rest(stream: &mut UnixStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // a reset is an end too
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

/// Bytes that are no call end the connection, at once and with an exception where Thrift has one; nothing of
/// them reaches the gate.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_call_ends_the_connection() {
    let scene = Scene::start().await;
    let forwarding = Forwarding::start(&scene, scene.address(), &[]);
    let socket = forwarding.socket().to_owned();
    tokio::task::spawn_blocking(move || {
        let oneway = b"\x80\x01\x00\x04\x00\x00\x00\x05login\x00\x00\x00\x01\x00";
        let arguments = b"\x80\x01\x00\x01\x00\x00\x00\x05login\x00\x00\x00\x01\x0b\x00\x01";
        let endless = [b"\x80\x01\x00\x01\x00\x00\x01\xff".as_slice(), &[b'a'; 600]].concat();
        let cases: [(&[u8], &[u8]); 7] = [
            (b"GET / HTTP/1.1\r\n\r\n", b""),
            (b"\x16\x03\x01\x02\x00\x01", b""),
            (b"\x00\x00\x00\x12\x80\x01\x00\x01", b""),
            (b"\x80\x01\x00\x01\x7f\xff\xff\xff", b""),
            (&endless, b""),
            (oneway, b"\x80\x01\x00\x03\x00\x00\x00\x05login\x00\x00\x00\x01"),
            (arguments, b"\x80\x01\x00\x03\x00\x00\x00\x05login\x00\x00\x00\x01"),
        ];
        for (bytes, begins) in cases {
            let begun = Instant::now();
            let mut stream = connect(&socket);
            let _ = stream.write_all(bytes);
            let answer = rest(&mut stream);
            assert!(
                answer.starts_with(begins) && answer.is_empty() == begins.is_empty(),
                "{answer:?}"
            );
            assert!(begun.elapsed() < Duration::from_secs(4), "{bytes:?}");
        }
        // a flood is not read to its end
        let mut stream = connect(&socket);
        let flood = vec![0x80; 1 << 20];
        assert!((0..64).any(|_| stream.write_all(&flood).is_err()), "64 MiB were taken");
    })
    .await
    .unwrap();
    scene.nothing_reached_tsm();
    assert_eq!(scene.records("login").len(), 0);
    asked(forwarding.socket()).await.unwrap();
    // one line for a cause, however often
    assert!(forwarding.log().len() < 40, "{:?}", forwarding.log());
}

/// A crowd of silent callers is cut at the deadline, and who is one too many at once.
#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_and_a_crowd_is_bounded() {
    let scene = Scene::start().await;
    let forwarding = Forwarding::start(&scene, scene.address(), &[]);
    let before = open_files(&forwarding);
    let crowd: Vec<_> = (0..200).map(|_| connect(forwarding.socket())).collect();
    forwarding.line_with("uid 0 has too many connections");
    assert!(open_files(&forwarding) <= before + 40, "{}", open_files(&forwarding));
    let begun = Instant::now();
    tokio::task::spawn_blocking(move || {
        for mut silent in crowd {
            assert_eq!(rest(&mut silent), b"");
        }
    })
    .await
    .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(15));
    wait::until("the files to be closed", || async {
        (open_files(&forwarding) <= before + 2).then_some(())
    })
    .await;
    asked(forwarding.socket()).await.unwrap();
}

/// Callers that leave in the middle, or do not fetch what they asked for.
#[tokio::test(flavor = "multi_thread")]
async fn callers_that_leave_cost_nothing() {
    let scene = Scene::start().await;
    let forwarding = Forwarding::start(&scene, scene.address(), &[]);
    for length in [0, 1, 17, 18] {
        let mut stream = connect(forwarding.socket());
        stream.write_all(&encode_call(1)[..length]).unwrap();
    }
    forwarding.line_with("did not fetch its session");
    forwarding.line_with("the call ended in the middle");
    asked(forwarding.socket()).await.unwrap();
}
