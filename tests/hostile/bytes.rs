//! What comes before TLS, instead of it, or in the middle of it. None of it reaches TSM, and the next
//! good client is served.

use tests::{Peer, Scene};
use tokio::io::AsyncWriteExt;

use crate::case::{record, source, to_the_end};
use crate::openssl::CALL;
use crate::wire::Wire;

/// A TLS record that says it is this long.
fn tls_record(kind: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
    [&[kind, 3, 1], &length[..], contents].concat()
}

/// Bytes that look like anything; the same in every run.
pub struct Noise(u64);

impl Noise {
    pub fn new() -> Self {
        Self(0x2545_f491_4f6c_dd1d)
    }

    pub fn byte(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.to_le_bytes()[0]
    }

    /// A number below this one, which is at most 256.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }
}

/// Sends bytes from there; what comes back until the end.
async fn answer_to(peer: &Peer, bytes: &[u8]) -> Vec<u8> {
    let mut tcp = peer.tcp().await.unwrap();
    // the gate may close before it has taken all of it
    let _ = tcp.write_all(bytes).await;
    to_the_end(&mut tcp).await
}

/// R47: HTTP, Thrift in clear, an SSLv2 hello, noise and hellos of impossible length get a TLS
/// alert at most, and the end
#[tokio::test]
async fn garbage_instead_of_tls_gets_an_alert_at_most() {
    let scene = Scene::start().await;
    let sslv2 = b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80\x02\x00\x80\x03\x00\x80\x04\x00\x80";
    // a ClientHello of 128 KiB, in records of the largest size
    let mut huge = tls_record(22, &[&[1, 2, 0, 0][..], &[0; 16_380]].concat());
    for _ in 0..7 {
        huge.extend(tls_record(22, &[0; 16_384]));
    }
    // the first byte is no TLS content type
    let mut random = Noise::new();
    let noise: Vec<u8> = std::iter::once(0x7f)
        .chain(std::iter::repeat_with(|| random.byte()))
        .take(65_536)
        .collect();
    let cases: [(&str, &[u8]); 7] = [
        ("HTTP", b"GET /api/0.5/status HTTP/1.1\r\nHost: tsm\r\n\r\n"),
        ("Thrift in clear", CALL),
        ("SSLv2", sslv2),
        ("64 KiB of noise", &noise),
        ("a record longer than records are", &[22, 3, 1, 0xff, 0xff, 1, 0, 0, 0, 0, 0]),
        ("a huge ClientHello", &huge),
        ("application data first", &tls_record(23, CALL)),
    ];
    for (number, (name, bytes)) in cases.into_iter().enumerate() {
        let peer = scene.peer("jump01").from(&source(number));
        let answer = answer_to(&peer, bytes).await;
        // nothing, or one alert: type 21, a version, two bytes
        let alert = answer.len() == 7 && answer[0] == 21 && answer[5] == 2;
        assert!(answer.is_empty() || alert, "{name}: {answer:02x?}");
        let line = record(&scene, peer.from.unwrap(), "handshake_garbage").await;
        assert_eq!(line["tsmgate.stage"], "handshake", "{name}");
    }
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}

/// R21: connections that are reset or half closed at once leave nothing behind
#[tokio::test]
async fn connections_that_end_at_once_leave_nothing() {
    let scene = Scene::start().await;
    let reset = scene.peer("jump01").from(&source(0));
    for _ in 0..100 {
        reset.tcp().await.unwrap().set_zero_linger().unwrap();
    }
    let half = scene.peer("jump01").from(&source(1));
    let mut tcp = half.tcp().await.unwrap();
    tcp.shutdown().await.unwrap();
    assert_eq!(to_the_end(&mut tcp).await, b"");
    record(&scene, half.from.unwrap(), "handshake_aborted").await;
    crate::case::occupancy(&scene, 0, 0).await;
    scene.nothing_reached_tsm();
    // and they cost their source nothing
    reset.cookie().await;
    half.cookie().await;
}

/// R17: a close_notify in clear, in the middle of the handshake, is an end
#[tokio::test]
async fn a_close_notify_in_the_handshake_is_an_end() {
    let scene = Scene::start().await;
    let peer = scene.peer("jump01").from(&source(0));
    let mut wire = Wire::connect(&peer).await;
    let mut bytes = wire.outgoing();
    bytes.extend(tls_record(21, &[1, 0]));
    wire.tcp.write_all(&bytes).await.unwrap();
    wire.tcp.shutdown().await.unwrap();
    wire.last_bytes().await;
    let ended = tests::wait::until("its record", || async {
        scene.records("refused").into_iter().find(|line| line["source.ip"] == source(0).as_str())
    });
    let line = ended.await;
    assert_eq!(line["tsmgate.stage"], "handshake");
    assert_eq!(line["event.reason"], "handshake_aborted");
    scene.nothing_reached_tsm();
    peer.cookie().await;
}

/// R17: a client that goes away in the middle of its certificate leaves nothing behind
#[tokio::test]
async fn a_client_that_goes_in_its_certificate_leaves_nothing() {
    let scene = Scene::start().await;
    let peer = scene.peer("jump01").from(&source(0));
    let mut wire = Wire::connect(&peer).await;
    wire.flush().await.unwrap();
    while wire.tls.is_handshaking() {
        wire.take().await.unwrap();
    }
    let last = wire.outgoing();
    wire.tcp.write_all(&last[..last.len() / 2]).await.unwrap();
    wire.tcp.set_zero_linger().unwrap();
    drop(wire);
    record(&scene, peer.from.unwrap(), "handshake_aborted").await;
    crate::case::occupancy(&scene, 0, 0).await;
    scene.nothing_reached_tsm();
    peer.cookie().await;
}

/// R17: a ClientHello in records of one byte is legal TLS; it is served or refused, and harms nobody
#[tokio::test]
async fn a_client_hello_in_pieces_harms_nobody() {
    let scene = Scene::start().await;
    let peer = scene.peer("jump01").from(&source(0));
    let mut wire = Wire::connect(&peer).await;
    let hello = wire.outgoing();
    let pieces: Vec<u8> = hello[5..].iter().flat_map(|byte| tls_record(22, &[*byte])).collect();
    wire.tcp.write_all(&pieces).await.unwrap();
    wire.handshake().await.expect("a handshake");
    crate::case::occupancy(&scene, 0, 1).await;
    scene.nothing_reached_tsm();
    drop(wire);
    peer.cookie().await;
}
