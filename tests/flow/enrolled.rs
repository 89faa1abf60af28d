//! Who joins gets in without a reload, and who is taken out or revoked is cut: the gate reads the folder of the
//! authority's service by itself.

use std::time::{Duration, Instant};

use serde_json::Value;
use tests::peer::{Stream, call, cookie_of};
use tests::scene::entry;
use tests::{Authority, Peer, Scene, SceneOptions, wait};
use tsmgate_wire::Answer;

use crate::judged::cut_record;
use crate::support::until_closed;

/// By then a change counts.
const SOON: Duration = Duration::from_secs(2);

pub async fn scene(more: &str) -> Scene {
    let authority = Authority::new("tests");
    let options = SceneOptions::enrolling(&authority, more);
    Scene::of(authority, options).await
}

/// The records of what was read of the folder, by how it went.
pub fn readings(scene: &Scene, outcome: &str) -> Vec<Value> {
    let mut records = scene.records("reload");
    records.retain(|record| record["tsmgate.reload.extent"] == "enrolled");
    records.retain(|record| record["event.outcome"] == outcome);
    records
}

/// Waits until somebody who joined has got a cookie.
pub async fn gets_in(peer: &Peer) {
    let what = "the client who joined to get in";
    wait::until(what, || async { is_granted(peer).await.then_some(()) }).await;
}

/// Whether somebody gets a cookie.
pub async fn is_granted(peer: &Peer) -> bool {
    matches!(peer.login().await, Ok(Answer::Granted(_)))
}

/// A connection over which one call was made.
pub async fn proven(peer: &Peer) -> Stream {
    let mut stream = peer.connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    stream
}

/// R10: an entry that appears lets its client in without a reload; one that goes cuts it within two seconds, and
/// it comes in no more
#[tokio::test]
async fn who_joins_gets_in_and_who_is_taken_out_is_cut() {
    let scene = scene("").await;
    let (joined, old) = (scene.peer("new01"), scene.peer("old"));
    let mut stays = proven(&old).await;
    assert!(joined.login().await.is_err());
    scene.refusal("client_unknown").await;
    assert_eq!(scene.tsm.counts().connections, 1);

    let since = Instant::now();
    scene.joins("new01");
    gets_in(&joined).await;
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert_eq!(readings(&scene, "success").len(), 1);
    let status = scene.daemon.as_ref().unwrap().status();
    assert_eq!(status.enrolment.unwrap().clients, 1);

    let mut open = proven(&joined).await;
    let asked = scene.tsm.counts().connections;
    let since = Instant::now();
    scene.leaves("new01");
    assert!(until_closed(&mut open).await.0.is_empty());
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    let cut = cut_record(&scene).await;
    assert_eq!(
        (&cut["event.reason"], &cut["client.user.name"]),
        (&"client_unknown".into(), &"new01".into())
    );
    assert!(joined.login().await.is_err());
    assert_eq!(scene.tsm.counts().connections, asked);

    cookie_of(call(&mut stays, 2).await.expect("a client of the configuration was cut"));
    assert_eq!(scene.records("cut").len(), 1);
    assert_eq!(scene.tsm.counts().connections, asked + 1);
    scene.verify();
}

/// R10: a serial number on the deny list is out though its entry stays, also after a reload; so is one of a
/// client of the configuration
#[tokio::test]
async fn a_revoked_serial_is_cut_though_its_entry_stays() {
    let scene = scene("").await;
    let (joined, old) = (scene.authority.client("new01"), scene.authority.client("old"));
    let (joined_peer, old_peer) = (scene.peer_with(Some(&joined)), scene.peer_with(Some(&old)));
    scene.joins("new01");
    gets_in(&joined_peer).await;
    let mut open = [proven(&joined_peer).await, proven(&old_peer).await];
    let asked = scene.tsm.counts().connections;
    let since = Instant::now();
    scene.revokes(&[&joined.serial, &old.serial]);
    for stream in &mut open {
        assert!(until_closed(stream).await.0.is_empty());
    }
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert_eq!(cut_record(&scene).await["event.reason"], "certificate_revoked");
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
    for peer in [&joined_peer, &old_peer] {
        assert!(peer.login().await.is_err(), "a revoked certificate was let in");
    }
    scene.refusal("certificate_revoked").await;
    assert_eq!(scene.tsm.counts().connections, asked);
    // the client has another certificate, and that one is good
    scene.peer("new01").cookie().await;
}

/// R65: the roles of who joined are asked for at each call, and changed by another entry
#[tokio::test]
async fn another_entry_takes_a_role_away() {
    let scene = scene("").await;
    let joined = scene.peer("new01");
    scene.joins("new01");
    gets_in(&joined).await;
    let asked = scene.tsm.counts().connections;
    scene.publish("clients.d/new01.toml", &entry("new01", "[\"monitor\"]"));
    wait::until("the change", || async { (readings(&scene, "success").len() == 2).then_some(()) })
        .await;
    assert!(!is_granted(&joined).await);
    scene.refusal("permission_missing").await;
    assert_eq!(scene.tsm.counts().connections, asked);
}

/// R53: who joins while an administrator writes the configuration gets in, and half of that is not read
#[tokio::test]
async fn half_an_edit_of_the_configuration_is_not_read() {
    let scene = scene("").await;
    scene.edit("[listen]", "[listen");
    scene.joins("new01");
    gets_in(&scene.peer("new01")).await;
    scene.peer("old").cookie().await;
    let status = scene.daemon.as_ref().unwrap().status();
    assert_eq!(status.reload.unwrap().fault, None);
    assert_eq!(scene.records("reload").len(), readings(&scene, "success").len());
    scene.edit("[listen", "[listen]");
    // and a reload keeps who joined
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
    scene.peer("new01").cookie().await;
}

/// R53: a configuration that names no folder any more lets nobody in who joined
#[tokio::test]
async fn without_the_table_nobody_who_joined_is_in() {
    let scene = scene("").await;
    let joined = scene.peer("new01");
    scene.joins("new01");
    gets_in(&joined).await;
    let mut open = proven(&joined).await;
    scene.edit(tests::enrolment::TABLE, "");
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
    assert!(until_closed(&mut open).await.0.is_empty());
    assert_eq!(cut_record(&scene).await["event.reason"], "client_unknown");
    assert!(joined.login().await.is_err());
    assert!(scene.daemon.as_ref().unwrap().status().enrolment.is_none());
}
