//! What callers send that is not the conversation: told so where Thrift can, ended at once, and nothing
//! of it seen by TSM.

use tests::peer::send;
use tests::{Scene, SceneOptions, wait};
use tsmgate_wire::{ExceptionKind, encode_call, encode_exception};

use crate::support::{SOON, clients, refusal_of_client, said_to, until_closed};

struct Case {
    what: &'static str,
    bytes: Vec<u8>,
    /// What the gate says before it closes.
    answer: Vec<u8>,
    code: &'static str,
}

fn ended(what: &'static str, bytes: impl AsRef<[u8]>) -> Case {
    let bytes = bytes.as_ref().to_vec();
    Case { what, bytes, answer: Vec::new(), code: "not_the_conversation" }
}

fn told(what: &'static str, bytes: &[u8], kind: ExceptionKind, message: &str) -> Case {
    let answer = encode_exception("login", 9, kind, message);
    Case { what, bytes: bytes.to_vec(), answer, code: "not_the_conversation" }
}

fn unknown_method(what: &'static str, name: &str) -> Case {
    let length = u32::try_from(name.len()).unwrap().to_be_bytes();
    let bytes =
        [b"\x80\x01\x00\x01", &length[..], name.as_bytes(), b"\x00\x00\x00\x09\x00"].concat();
    let message = "unknown_method: this gate knows login";
    let answer = encode_exception(name, 9, ExceptionKind::UnknownMethod, message);
    Case { what, bytes, answer, code: "unknown_method" }
}

fn message(kind: u8, rest: &[u8]) -> Vec<u8> {
    [&[0x80, 1, 0, kind], &b"\0\0\0\x05login\0\0\0\x09"[..], rest].concat()
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

async fn play(cases: Vec<Case>) {
    let names: Vec<_> = (0..cases.len()).map(|number| format!("case{number}")).collect();
    // a client for each case: refusals of one client and reason would be summed up
    let rest = clients(names.iter().map(String::as_str));
    let scene = Scene::with(SceneOptions { rest, ..SceneOptions::default() }).await;
    for (number, (case, name)) in cases.iter().zip(&names).enumerate() {
        let what = case.what;
        let peer = scene.peer(name);
        let (answer, time) = said_to(&peer, &case.bytes).await;
        assert_eq!(answer, case.answer, "{what}");
        assert!(time < SOON, "{what}: ended after {time:?}");
        let record = refusal_of_client(&scene, name, case.code).await;
        assert_eq!(record["tsmgate.stage"], "relay", "{what}");
        assert_eq!(record["event.outcome"], "failure", "{what}");
        let controls = number as u64;
        assert_eq!(scene.tsm.counts().connections, controls, "{what} reached TSM");
        assert_eq!(
            scene.records("login").len() as u64,
            2 * controls,
            "{what} is on file as a call"
        );
        peer.cookie().await;
    }
    assert!(scene.tsm.connections().iter().all(|seen| seen.received == encode_call(1)));
    scene.verify();
}

/// R30: other protocols end within a second, without an answer and without a cookie
#[tokio::test]
async fn other_protocols_are_ended_at_once() {
    let call = encode_call(9);
    play(vec![
        ended("HTTP", "GET / HTTP/1.1\r\nHost: gate\r\n\r\n"),
        ended("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ended("framed", framed(&call)),
        ended("framed twice", framed(&framed(&call))),
        ended("compact", b"\x82\x21\x09\x05login\x00"),
        ended("JSON", "[1,\"login\",1,9,{}]"),
        ended("old-style header", b"\x00\x00\x00\x05login\x01\x00\x00\x00\x09\x00"),
        ended("header transport", b"\x00\x00\x00\x2a\x0f\xff\x00\x00\x00\x00\x00\x09"),
        ended("another version", b"\x80\x02\x00\x01\x00\x00\x00\x05login\x00\x00\x00\x09\x00"),
        ended("TLS in TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        ended("SSH", "SSH-2.0-OpenSSH_9.2\r\n"),
        ended("a line end", "\n"),
        ended("zeros", [0; 18]),
        ended("a kilobyte of nonsense", [0x5a; 1024]),
    ])
    .await;
}

/// R30: messages that are not a call of login get the exception Thrift has for them, then the end
#[tokio::test]
async fn other_messages_get_an_exception_and_the_end() {
    use ExceptionKind::{InvalidMessageType, ProtocolError};
    let only_calls = "not_the_conversation: only calls are answered";
    let no_arguments = "not_the_conversation: login takes no arguments";
    play(vec![
        told("a reply", &message(2, b"\0"), InvalidMessageType, only_calls),
        told("an exception", &message(3, b"\0"), InvalidMessageType, only_calls),
        told("a oneway", &message(4, b"\0"), InvalidMessageType, only_calls),
        told("an argument", &message(1, b"\x08\0\x01\0\0\0\x05\0"), ProtocolError, no_arguments),
        told("a nested struct", &message(1, &[0x0c, 0, 1].repeat(40)), ProtocolError, no_arguments),
        told(
            "a huge text",
            &message(1, b"\x0b\0\x01\x7f\xff\xff\xff"),
            ProtocolError,
            no_arguments,
        ),
        told("an argument's first byte", &message(1, b"\x0b"), ProtocolError, no_arguments),
        ended("a message type that is none", message(0, b"\0")),
        ended("another that is none", message(5, b"\0")),
    ])
    .await;
}

/// R30: an unknown method is answered as Thrift's own servers do, and ends the connection
#[tokio::test]
async fn unknown_methods_are_answered_as_such() {
    play(vec![
        unknown_method("another method", "logout"),
        unknown_method("another case", "Login"),
        unknown_method("a longer name", "login2"),
        unknown_method("a multiplexed name", "PasswordLessLogin:login"),
        unknown_method("no name", ""),
        unknown_method("a name with control bytes", "login\r\n\u{1b}[2J\0"),
        unknown_method("a name of 400 bytes", &"a".repeat(400)),
    ])
    .await;
}

/// R31: an announced length is judged when it is announced, and nothing is kept or awaited for it
#[tokio::test]
async fn announced_lengths_beyond_the_limit_end_at_once() {
    let announced = |length: u32| [&b"\x80\x01\x00\x01"[..], &length.to_be_bytes()].concat();
    let mut cases: Vec<_> = [
        ("513 bytes", 513),
        ("64 KiB", 0x1_0000),
        ("2 GiB", 0x7fff_ffff),
        ("minus 2 GiB", 0x8000_0000),
        ("minus one", u32::MAX),
    ]
    .map(|(what, length)| ended(what, announced(length)))
    .into();
    // within the limit, but with the header in front the whole can never be
    cases.push(ended("512 bytes of name", [announced(512), vec![b'a'; 600]].concat()));
    cases.push(ended("text that is not UTF-8", [announced(2), vec![0xff, 0xfe]].concat()));
    play(cases).await;
}

/// R30: each single wrong byte of the call ends the connection, except in the sequence number
#[tokio::test]
async fn one_wrong_byte_is_enough() {
    let call = encode_call(9);
    let version = 0..2;
    let sequence = 13..17;
    let mut cases = Vec::new();
    for place in version.chain(3..call.len()).filter(|place| !sequence.contains(place)) {
        let mut bytes = call.clone();
        // a length that grew a little would only be waited for
        bytes[place] ^= if place == 7 { 0x04 } else { 0x40 };
        cases.push(bytes);
    }
    let names: Vec<_> = (0..cases.len()).map(|number| format!("case{number}")).collect();
    let rest = clients(names.iter().map(String::as_str));
    let scene = Scene::with(SceneOptions { rest, ..SceneOptions::default() }).await;
    for (bytes, name) in cases.iter().zip(&names) {
        let (answer, time) = said_to(&scene.peer(name), bytes).await;
        assert!(time < SOON, "{bytes:x?} ended after {time:?}");
        let exception = answer.is_empty() || answer.starts_with(b"\x80\x01\x00\x03");
        assert!(exception, "{bytes:x?} was answered {answer:x?}");
        let record = wait::until("the refusal", || async {
            let refused = scene.records("refused").into_iter();
            refused.rev().find(|record| record["client.user.name"] == *name)
        })
        .await;
        let code = &record["event.reason"];
        assert!(code == "not_the_conversation" || code == "unknown_method", "{bytes:x?}: {code}");
    }
    scene.nothing_reached_tsm();
    scene.peer("case0").cookie().await;
}

/// R29: the one byte that Thrift's own readers ignore is ignored here, and does not reach TSM
#[tokio::test]
async fn the_unused_byte_of_the_header_stays_here() {
    let scene = Scene::start().await;
    let mut bytes = encode_call(9);
    bytes[2] = 0xff;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    send(&mut stream, &bytes).await.unwrap();
    tests::peer::cookie_of(tests::peer::answer(&mut stream, 9).await.unwrap());
    assert_eq!(scene.tsm.connections()[0].received, encode_call(1));
}

/// R29: what the caller may choose, the sequence number, comes back and does not reach TSM
#[tokio::test]
async fn the_sequence_number_is_the_callers_and_stays_here() {
    let scene = Scene::start().await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    for sequence in [0, 1, -1, 0x4000_0000, i32::MIN, i32::MAX] {
        tests::peer::cookie_of(tests::peer::call(&mut stream, sequence).await.unwrap());
    }
    assert!(scene.tsm.connections().iter().all(|seen| seen.received == encode_call(1)));
}

/// R30: a call that arrives byte by byte, each in a TLS record of its own, is a call all the same
#[tokio::test]
async fn a_call_in_pieces_is_a_call() {
    let scene = Scene::start().await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    for byte in encode_call(3) {
        send(&mut stream, &[byte]).await.unwrap();
    }
    tests::peer::cookie_of(tests::peer::answer(&mut stream, 3).await.unwrap());
    assert_eq!(scene.tsm.counts().connections, 1);
}

/// R30: after the end nothing more is read, whatever the caller goes on to send
#[tokio::test]
async fn a_call_after_nonsense_is_not_served() {
    let scene = Scene::start().await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    send(&mut stream, &[b"GET ", &encode_call(1)[..]].concat()).await.unwrap();
    // the gate may have closed by now
    let _ = send(&mut stream, &encode_call(2)).await;
    let (answer, _) = until_closed(&mut stream).await;
    assert!(answer.is_empty(), "{answer:x?}");
    scene.refusal("not_the_conversation").await;
    scene.nothing_reached_tsm();
    assert_eq!(scene.records("login").len(), 0);
    scene.peer("jump01").cookie().await;
}
