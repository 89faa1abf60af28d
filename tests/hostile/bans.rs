//! Sources that keep failing are banned for a while; others, exempt ones, and sources somebody proved
//! himself from are not.

use tests::{Scene, SceneOptions, wait};
use tokio::io::AsyncWriteExt;

use crate::case::{NO_RATE, counted, not_a_byte, record, refused};

/// More bad certificates than any source may show: each costs five seconds, and at fifteen it is banned.
const SOON: usize = 5;

/// Shows bad certificates from there until the gate closes without a word; how many were looked at.
async fn provoke(scene: &Scene, from: &str) -> usize {
    let bad = scene.authority.client("mallory");
    let peer = scene.peer_with(Some(&bad)).from(from);
    for shown in 0..SOON {
        match peer.refusal().await.as_str() {
            "AccessDenied" => {}
            "closed" | "reset" => {
                // the next connection may come before the record
                wait::until("the ban's record", || async {
                    bans(scene).into_iter().find(|ban| ban["source.ip"] == from)
                })
                .await;
                return shown;
            }
            other => panic!("{other}"),
        }
    }
    SOON
}

fn bans(scene: &Scene) -> Vec<serde_json::Value> {
    scene.records("ban")
}

/// R23: a few bad certificates in a row ban their source, and it alone
#[tokio::test]
async fn bad_certificates_ban_their_source_and_no_other() {
    let mut scene = Scene::start().await;
    let shown = provoke(&scene, "127.0.0.2").await;
    // three within the same instant; a fourth where the first penalty has begun to run off
    assert!((3..=4).contains(&shown), "{shown} bad certificates were looked at");
    let ban = &bans(&scene)[0];
    assert_eq!(ban["source.ip"], "127.0.0.2");
    assert!(ban["tsmgate.ban.seconds"].as_u64().unwrap() >= 10, "{ban}");

    // banned: a good certificate does not help either, and nothing comes back
    let banned = scene.peer("jump01").from("127.0.0.2");
    not_a_byte(&banned).await;
    assert!(["closed", "reset"].contains(&banned.refusal().await.as_str()));
    scene.nothing_reached_tsm();

    scene.peer("jump01").from("127.0.0.3").cookie().await;
    assert_eq!(bans(&scene).len(), 1);
    scene.stop().await;
    // the attempts in vain are summed up: the last of the provocations, and two more
    assert_eq!(counted(&scene, "source_banned"), 3);
}

/// R23: garbage before TLS costs more: two of it are enough
#[tokio::test]
async fn garbage_bans_its_source() {
    let scene = Scene::start().await;
    let peer = scene.peer("jump01").from("127.0.0.2");
    for _ in 0..2 {
        let mut tcp = peer.tcp().await.unwrap();
        tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let _ = crate::case::to_the_end(&mut tcp).await;
    }
    record(&scene, "127.0.0.2".parse().unwrap(), "handshake_garbage").await;
    wait::until("the ban", || async { (!bans(&scene).is_empty()).then_some(()) }).await;
    not_a_byte(&peer).await;
    scene.nothing_reached_tsm();
    scene.peer("jump01").from("127.0.0.3").cookie().await;
}

/// R23: a source that somebody proved himself from lately is not banned for its neighbours' sake
#[tokio::test]
async fn a_proven_source_is_not_banned() {
    let scene = Scene::start().await;
    scene.peer("jump01").from("127.0.0.2").cookie().await;
    assert_eq!(provoke(&scene, "127.0.0.2").await, SOON);
    scene.peer("jump01").from("127.0.0.2").cookie().await;
    assert_eq!(bans(&scene).len(), 0);
    assert_eq!(scene.tsm.counts().connections, 2);
}

/// R23: an exempt source is not banned, and is refused all the same
#[tokio::test]
async fn an_exempt_source_is_not_banned() {
    let admission = format!("{NO_RATE}exempt = [\"127.0.0.2/32\"]");
    let scene = Scene::with(SceneOptions { admission, ..SceneOptions::default() }).await;
    assert_eq!(provoke(&scene, "127.0.0.2").await, SOON);
    assert!(provoke(&scene, "127.0.0.3").await < SOON, "the control is banned");
    assert_eq!(bans(&scene).len(), 1);
    scene.nothing_reached_tsm();
    scene.peer("jump01").from("127.0.0.2").cookie().await;
}

/// R26: a flood of other sources that fail does not push the loudest one's ban out of a full table
#[tokio::test]
async fn a_flood_of_sources_frees_nobody() {
    let admission = format!("{NO_RATE}sources_remembered = 4");
    let scene = Scene::with(SceneOptions { admission, ..SceneOptions::default() }).await;
    provoke(&scene, "127.0.0.2").await;
    assert_eq!(bans(&scene).len(), 1);
    let bad = scene.authority.client("mallory");
    for number in 0..12 {
        let peer = crate::case::stranger(&scene, number, Some(&bad));
        refused(&scene, "one of many", &peer, "AccessDenied", "client_unknown").await;
    }
    not_a_byte(&scene.peer("jump01").from("127.0.0.2")).await;
    scene.nothing_reached_tsm();
    scene.peer("jump01").from("127.0.0.3").cookie().await;
}
