//! A ClientHello put together by hand, with no library that would mend it: what the gate picks from it.

use tests::{Peer, Scene};
use tokio::io::AsyncWriteExt;

use crate::case::{record, stranger, to_the_end};

/// X25519MLKEM768, its predecessor of a draft, X25519, P-256.
const HYBRID: u16 = 0x11ec;
const DRAFT: u16 = 0x6399;
const X25519: u16 = 0x001d;
const P256: u16 = 0x0017;

/// Bytes behind their length, which takes so many bytes.
fn counted(width: usize, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().to_be_bytes();
    [&length[length.len() - width..], bytes].concat()
}

fn extension(number: u16, contents: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &counted(2, contents)].concat()
}

/// A hello for these versions and groups, with a key for none of them: the server must ask for one.
fn hello(versions: &[u16], groups: &[u16]) -> Vec<u8> {
    let numbers = |of: &[u16]| of.iter().flat_map(|one| one.to_be_bytes()).collect::<Vec<_>>();
    let extensions = [
        extension(43, &counted(1, &numbers(versions))),
        extension(10, &counted(2, &numbers(groups))),
        extension(13, &counted(2, &numbers(&[0x0403, 0x0804]))),
        extension(51, &counted(2, b"")),
    ];
    let suites = counted(2, &numbers(&[0x1301, 0x1302]));
    let extensions = counted(2, &extensions.concat());
    let body = [&[3, 3][..], &[7; 32], &[0], &suites, &[1, 0], &extensions].concat();
    let message = [&[1][..], &counted(3, &body)].concat();
    [&[22, 3, 1][..], &counted(2, &message)].concat()
}

/// What comes back of a hello, until the gate has nothing more to say.
async fn answer(peer: &Peer, hello: &[u8]) -> Vec<u8> {
    let mut tcp = peer.tcp().await.unwrap();
    tcp.write_all(hello).await.unwrap();
    tcp.shutdown().await.unwrap();
    to_the_end(&mut tcp).await
}

/// The group for which a HelloRetryRequest asks; RFC 8446 § 4.1.3 gives the random bytes that make it one.
fn asked(answer: &[u8]) -> Option<u16> {
    const RETRY: &[u8] = &[0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02];
    // record, message and version come before it
    let is_retry = answer.get(11..)?.starts_with(RETRY);
    let key_share = answer.windows(4).position(|at| at == [0, 51, 0, 2]).filter(|_| is_retry)?;
    let group = answer.get(key_share + 4..key_share + 6)?;
    Some(u16::from_be_bytes(group.try_into().unwrap()))
}

/// R2: a client that lists the hybrid key exchange first, as those that know it do, is asked for it; the
/// order is the client's, and a group that is not there is passed over
#[tokio::test]
async fn the_hybrid_key_exchange_is_asked_for() {
    let scene = Scene::start().await;
    let peer = scene.peer("jump01");
    for (groups, wanted) in [
        (&[HYBRID, X25519, P256][..], HYBRID),
        (&[DRAFT, HYBRID], HYBRID),
        (&[X25519, HYBRID], X25519),
        (&[DRAFT, P256, X25519], P256),
        (&[DRAFT, P256], P256),
    ] {
        let answer = answer(&peer, &hello(&[0x0304], groups)).await;
        assert_eq!(asked(&answer), Some(wanted), "{groups:04x?}: {answer:02x?}");
    }
    scene.nothing_reached_tsm();
    peer.cookie().await;
}

/// R2: versions and groups that are not there get an alert, and no other is picked for them
#[tokio::test]
async fn what_is_not_there_is_not_picked() {
    let scene = Scene::start().await;
    for (number, (versions, groups)) in [
        (&[0x0303][..], &[X25519][..]),
        // SSL 3.0 and a draft of TLS 1.3
        (&[0x0300, 0x7f1c], &[X25519]),
        (&[0x0304], &[DRAFT]),
        // the 1024 bit group of no name, and P-192
        (&[0x0304], &[0x0100, 0x0013]),
    ]
    .into_iter()
    .enumerate()
    {
        let peer = stranger(&scene, number, None);
        let answer = answer(&peer, &hello(versions, groups)).await;
        // one alert: type 21, fatal
        assert!(answer.len() == 7 && answer[0] == 21 && answer[5] == 2, "{answer:02x?}");
        record(&scene, peer.from.unwrap(), "tls_incompatible").await;
    }
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}
