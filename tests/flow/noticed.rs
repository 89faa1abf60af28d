//! Replaced files are noticed without being told: by rename, by a swapped symlink, by rewriting; and a half
//! one is not taken.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use serde_json::Value;
use tests::peer::{Stream, call, cookie_of};
use tests::{Authority, Identity, Peer, Scene, SceneOptions, wait};
use tokio::time::interval;

use crate::judged::{cut_record, two};
use crate::support::until_closed;

/// The leaf that the gate shows.
fn shown(stream: &Stream) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

/// Waits until the gate shows this certificate to who connects.
async fn shows(peer: &Peer, server: &Identity) {
    let leaf = server.certificates()[0].to_vec();
    wait::until("the new certificate", || async {
        let stream = peer.connect().await.expect("a connection while certificates are replaced");
        (shown(&stream) == leaf).then_some(())
    })
    .await;
}

/// Waits for so many reloads, and gives their records.
async fn reloads(scene: &Scene, count: usize) -> Vec<Value> {
    wait::until("the reload", || async {
        let reloads = scene.records("reload");
        (reloads.len() >= count).then_some(reloads)
    })
    .await
}

async fn proven(peer: &Peer) -> Stream {
    let mut stream = peer.connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    stream
}

/// Writes beside it and renames, as renewing programs do.
fn rename(scene: &Scene, name: &str, contents: &str, mode: u32) {
    scene.write("new", contents, mode);
    fs::rename(scene.path("new"), scene.path(name)).unwrap();
}

/// How each went, and what was read.
fn outcomes(records: &[Value]) -> Vec<(&str, &str)> {
    records.iter().map(outcome).collect()
}

fn outcome(record: &Value) -> (&str, &str) {
    let text = |field: &str| record[field].as_str().unwrap();
    (text("event.outcome"), text("tsmgate.reload.extent"))
}

/// R53: certificate and key renewed by rename: new connections see them, open ones go on
#[tokio::test]
async fn a_certificate_renewed_by_rename_is_shown() {
    let scene = Scene::start().await;
    let peer = scene.peer("jump01");
    let mut open = proven(&peer).await;
    let server = scene.authority.server(|_| {});
    rename(&scene, "server.pem", &server.chain, 0o644);
    rename(&scene, "server.key", &server.key, 0o600);
    shows(&peer, &server).await;
    cookie_of(call(&mut open, 2).await.expect("an open connection was cut"));
    assert_ne!(shown(&open), server.certificates()[0].to_vec());
    assert_eq!(outcomes(&reloads(&scene, 1).await), [("success", "credentials")]);
    assert!(scene.records("cut").is_empty());
}

/// R53: both behind one symlink that is swapped, as configuration managers do
#[tokio::test]
async fn a_swapped_symlink_is_noticed() {
    let mut scene = Scene::start().await;
    scene.stop().await;
    let put = |folder: &str, server: &Identity| {
        scene.write(&format!("{folder}/server.pem"), &server.chain, 0o644);
        scene.write(&format!("{folder}/server.key"), &server.key, 0o600);
    };
    let (first, second) = (scene.authority.server(|_| {}), scene.authority.server(|_| {}));
    put("one", &first);
    put("two", &second);
    symlink("one", scene.path("live")).unwrap();
    for name in ["server.pem", "server.key"] {
        fs::remove_file(scene.path(name)).unwrap();
        symlink(format!("live/{name}"), scene.path(name)).unwrap();
    }
    scene.start_again().await;
    let peer = scene.peer("jump01");
    let mut open = proven(&peer).await;
    assert_eq!(shown(&open), first.certificates()[0].to_vec());
    symlink("two", scene.path("next")).unwrap();
    fs::rename(scene.path("next"), scene.path("live")).unwrap();
    shows(&peer, &second).await;
    cookie_of(call(&mut open, 2).await.unwrap());
    assert_eq!(outcomes(&reloads(&scene, 1).await), [("success", "credentials")]);
}

/// R53: half a bundle of authorities is not taken, and cuts nobody; the whole one is
#[tokio::test]
async fn half_a_bundle_is_not_taken() {
    let (first, second) = (Authority::new("tests"), Authority::new("second"));
    let both = first.pem() + &second.pem();
    let client_authority = Some(both.clone());
    let scene = Scene::of(first, SceneOptions { client_authority, ..two("") }).await;
    let peer = scene.peer_with(Some(&second.client("jump01")));
    let mut open = proven(&peer).await;

    let third = Authority::new("third");
    let all = both + &third.pem();
    scene.write("client-ca.pem", &all[..scene.authority.pem().len() + 200], 0o644);
    let failed = reloads(&scene, 1).await;
    assert_eq!(outcomes(&failed), [("failure", "credentials")]);
    let told = failed[0]["error.message"].as_str().unwrap();
    assert!(told.contains("client-ca.pem"), "{told}");
    let daemon = scene.daemon.as_ref().unwrap();
    wait::until("the fault", || async { daemon.status().reload?.fault }).await;
    assert!(daemon.status().line().contains("LAST RELOAD FAILED"));
    cookie_of(call(&mut open, 2).await.expect("cut by half a file"));
    peer.cookie().await;

    scene.write("client-ca.pem", &all, 0o644);
    let newcomer = scene.peer_with(Some(&third.client("other")));
    wait::until("the third authority", || async { newcomer.login().await.ok() }).await;
    cookie_of(call(&mut open, 3).await.unwrap());
    assert!(!daemon.status().line().contains("FAILED"));
    assert!(scene.records("cut").is_empty());
}

/// R53: a file that is still being written is not read, though what is there already could be
#[tokio::test]
async fn a_file_that_is_being_written_is_left_alone() {
    let (first, second) = (Authority::new("tests"), Authority::new("second"));
    let both = first.pem() + &second.pem();
    let client_authority = Some(both.clone());
    let scene = Scene::of(first, SceneOptions { client_authority, ..two("") }).await;
    let peer = scene.peer_with(Some(&second.client("jump01")));
    let mut open = proven(&peer).await;
    // a whole bundle at any moment, without the second authority
    let mut text = scene.authority.pem();
    let mut pace = interval(Duration::from_millis(300));
    for line in 0..14 {
        pace.tick().await;
        text += &format!("# line {line} of a slow writer\n");
        scene.write("client-ca.pem", &text, 0o644);
    }
    assert_eq!(scene.records("reload").len(), 0, "{:?}", scene.records("reload"));
    scene.write("client-ca.pem", &(text + &second.pem()), 0o644);
    assert_eq!(outcomes(&reloads(&scene, 1).await), [("success", "credentials")]);
    cookie_of(call(&mut open, 2).await.expect("cut by a file that was being written"));
    peer.cookie().await;
}

/// R10: a revocation list that was replaced cuts whom it names, without a reload being asked for
#[tokio::test]
async fn a_replaced_list_cuts() {
    let authority = Authority::new("tests");
    let (victim, list) = (authority.client("jump01"), authority.revocation_list(&[]));
    let options = SceneOptions {
        tls: "revocation_list = \"clients.crl\"".into(),
        files: vec![("clients.crl".into(), list)],
        ..two("")
    };
    let scene = Scene::of(authority, options).await;
    let peer = scene.peer_with(Some(&victim));
    let (mut open, mut stays) = (proven(&peer).await, proven(&scene.peer("other")).await);
    rename(&scene, "clients.crl", &scene.authority.revocation_list(&[&victim.serial]), 0o644);
    let (bytes, took) = until_closed(&mut open).await;
    assert!(bytes.is_empty());
    // two looks a second apart, and what the reload takes
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(cut_record(&scene).await["event.reason"], "certificate_revoked");
    assert!(peer.login().await.is_err());
    scene.refusal("certificate_revoked").await;
    cookie_of(call(&mut stays, 2).await.unwrap());
    assert_eq!(scene.tsm.counts().connections, 3);
    scene.verify();
}

/// R10: a list that is replaced between its reading and the first look is noticed as well
#[tokio::test]
async fn a_list_replaced_during_the_start_is_noticed() {
    let authority = Authority::new("tests");
    let (victim, list) = (authority.client("jump01"), authority.revocation_list(&[]));
    let options = SceneOptions {
        tls: "revocation_list = \"clients.crl\"".into(),
        files: vec![("clients.crl".into(), list)],
        ..two("")
    };
    let mut scene = Scene::prepare(tempfile::tempdir().unwrap(), authority, &options).await;
    let loaded = scene.load().unwrap();
    rename(&scene, "clients.crl", &scene.authority.revocation_list(&[&victim.serial]), 0o644);
    scene.daemon = Some(tsmgate_server::daemon::Daemon::start(loaded).await.unwrap());
    assert_eq!(outcomes(&reloads(&scene, 1).await), [("success", "credentials")]);
    assert!(scene.peer_with(Some(&victim)).login().await.is_err());
    scene.refusal("certificate_revoked").await;
    scene.nothing_reached_tsm();
}

/// R53: a file that is touched is read again, and nothing comes of it
#[tokio::test]
async fn a_touched_file_changes_nothing() {
    let scene = Scene::start().await;
    let mut open = proven(&scene.peer("jump01")).await;
    let file = fs::File::options().append(true).open(scene.path("client-ca.pem")).unwrap();
    file.set_modified(std::time::SystemTime::now()).unwrap();
    assert_eq!(outcomes(&reloads(&scene, 1).await), [("success", "credentials")]);
    cookie_of(call(&mut open, 2).await.unwrap());
    assert!(scene.records("cut").is_empty());
    assert_eq!(scene.records("reload").len(), 1);
}

/// R53: a file that vanishes keeps what it held, said once; its return ends that
#[tokio::test]
async fn a_vanished_file_keeps_what_it_held() {
    let scene = Scene::start().await;
    let peer = scene.peer("jump01");
    let mut open = proven(&peer).await;
    fs::rename(scene.path("client-ca.pem"), scene.path("away")).unwrap();
    assert_eq!(outcomes(&reloads(&scene, 1).await), [("failure", "credentials")]);
    cookie_of(call(&mut open, 2).await.unwrap());
    peer.cookie().await;
    fs::rename(scene.path("away"), scene.path("client-ca.pem")).unwrap();
    let both = [("failure", "credentials"), ("success", "credentials")];
    assert_eq!(outcomes(&reloads(&scene, 2).await), both);
    assert_eq!(scene.daemon.as_ref().unwrap().status().reload.unwrap().fault, None);
    assert!(scene.records("cut").is_empty());
}
