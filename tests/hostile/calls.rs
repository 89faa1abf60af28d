//! A good call with a little harm done to it, hundreds of times: TSM hears of none but the one legal call.

use tests::Scene;
use tests::peer::{rest, send};
use tokio::io::AsyncWriteExt;

use crate::bytes::Noise;
use crate::openssl::CALL;

/// How many harmed calls are tried, each on a connection of its own.
const CALLS: usize = 400;

/// Whether these bytes begin with the one legal call, whatever its sequence number and the byte of its version
/// that no reader of Thrift's looks at. Said without our codec.
fn is_legal(bytes: &[u8]) -> bool {
    let fixed = |range: std::ops::Range<usize>| bytes.get(range.clone()) == Some(&CALL[range]);
    fixed(0..2) && fixed(3..13) && fixed(17..18)
}

/// The good call with one to three bytes written over, bent by a bit, put in, taken out or said twice.
fn harmed(noise: &mut Noise) -> Vec<u8> {
    let mut bytes = CALL.to_vec();
    for _ in 0..=noise.below(3) {
        let at = noise.below(bytes.len());
        match noise.below(5) {
            0 => bytes[at] = noise.byte(),
            1 => bytes[at] ^= 1 << noise.below(8),
            2 => bytes.insert(at, noise.byte()),
            3 => drop(bytes.remove(at)),
            _ => bytes.splice(at..at, CALL[..at.min(CALL.len())].to_vec()).for_each(drop),
        }
    }
    bytes
}

/// R1, R29, R30: no harmed call leads to a login, or to a connection to TSM, unless what it became is the one
/// legal call
#[tokio::test]
async fn only_the_one_legal_call_reaches_tsm() {
    let scene = Scene::start().await;
    let peers = [scene.peer("jump01"), scene.peer("jump01").offering(&[])];
    let mut noise = Noise::new();
    let all = std::iter::repeat_with(|| harmed(&mut noise));
    let (legal, harmed): (Vec<_>, Vec<_>) = all.take(CALLS).partition(|bytes| is_legal(bytes));
    assert!(harmed.len() > CALLS / 2, "{} are harmed", harmed.len());
    let cookies = async |calls: &[Vec<u8>]| {
        let mut cookies = 0;
        for (number, bytes) in calls.iter().enumerate() {
            let mut stream = peers[number % peers.len()].connect().await.unwrap();
            // the gate may have closed before the end was sent
            let _ = send(&mut stream, bytes).await;
            let _ = stream.shutdown().await;
            let (answer, _) = rest(&mut stream).await;
            let answer = String::from_utf8_lossy(&answer).into_owned();
            cookies += usize::from(answer.contains("AUTH_COOKIE"));
        }
        cookies
    };
    assert_eq!(cookies(&harmed).await, 0);
    scene.nothing_reached_tsm();
    // the control: those that were harmed in their sequence number alone, or behind their end
    assert!(legal.len() > CALLS / 40, "{} are legal", legal.len());
    assert_eq!(cookies(&legal).await, legal.len());
    // and whatever they were, TSM heard the gate's own
    let heard = scene.tsm.connections();
    assert!(heard.len() >= legal.len() && heard.iter().all(|one| one.received == CALL));
}
