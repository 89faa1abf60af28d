//! What hostile cases share: a source address of their own, and what a refusal must leave behind.

use std::net::IpAddr;

use serde_json::Value;
use tests::peer::within;
use tests::{Identity, Peer, Scene, wait};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// So high that only tests of a rate meet it.
pub const NO_RATE: &str = "source_rate = { per_minute = 60000, burst = 10000 }\n";

/// The `number`th address of strangers, so that no case is banned or summed up for another's sake.
pub fn source(number: usize) -> String {
    format!("127.0.{}.{}", 1 + number / 250, 1 + number % 250)
}

/// A peer with this certificate, from the `number`th address of strangers.
pub fn stranger(scene: &Scene, number: usize, identity: Option<&Identity>) -> Peer {
    scene.peer_with(identity).from(&source(number))
}

/// Waits for the record of a refusal of this source for this reason.
pub async fn record(scene: &Scene, from: IpAddr, code: &str) -> Value {
    let what = format!("a refusal `{code}` of {from}");
    wait::until(&what, || async {
        scene.records("refused").into_iter().find(|line| {
            line["event.reason"] == code && line["source.ip"] == from.to_string().as_str()
        })
    })
    .await
}

/// That the peer is refused with this alert, that the audit says why, and that TSM heard nothing of
/// it: it must not have been asked by anybody before. Gives the record.
pub async fn refused(scene: &Scene, case: &str, peer: &Peer, alert: &str, code: &str) -> Value {
    assert_eq!(peer.refusal().await, alert, "{case}");
    let line = record(scene, peer.from.unwrap(), code).await;
    assert_eq!(line["event.outcome"], "failure", "{case}");
    assert!(line["source.port"].is_u64(), "{case}: {line}");
    assert!(line["tsmgate.connection"].is_string(), "{case}: {line}");
    scene.nothing_reached_tsm();
    line
}

/// That a connection is ended without a byte, whatever it would have said.
pub async fn not_a_byte(peer: &Peer) {
    let mut tcp = peer.tcp().await.unwrap();
    assert_eq!(to_the_end(&mut tcp).await, b"", "bytes before admission");
}

/// All bytes that come before an end or a reset.
pub async fn to_the_end(tcp: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = within(tcp.read_to_end(&mut bytes)).await.expect("an end");
    bytes
}

/// Waits for this many connections: unproven, proven.
pub async fn occupancy(scene: &Scene, unproven: usize, proven: usize) {
    let what = format!("{unproven} unproven and {proven} proven connections");
    wait::until(&what, || async {
        let now = scene.daemon.as_ref().unwrap().occupancy();
        (now == (unproven, proven)).then_some(())
    })
    .await;
}

/// How many refusals for this reason are on record, sums included.
pub fn counted(scene: &Scene, code: &str) -> u64 {
    let lines = scene.records("refused").into_iter();
    lines
        .filter(|line| line["event.reason"] == code)
        .map(|line| line["tsmgate.count"].as_u64().unwrap_or(1))
        .sum()
}
