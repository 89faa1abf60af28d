//! All or nothing: what cannot be used keeps all of what there was, says so, and loosens nothing.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use tests::peer::{call, cookie_of};
use tests::scene::entry;
use tests::{Authority, Scene, SceneOptions, wait};
use tsmgate_server::daemon::Daemon;

use crate::judged::two;
use crate::support::{clients, in_words};

fn daemon(scene: &Scene) -> &Daemon {
    scene.daemon.as_ref().unwrap()
}

/// A change that cannot be taken, and what the complaint must say.
type Bad = (&'static str, fn(&Scene), &'static str);

/// Each spoils one thing.
const BAD: &[Bad] = &[
    ("syntax", |scene| scene.edit("[listen]", "[listen"), "tsmgated.toml"),
    ("an unknown key", |scene| scene.edit("[listen]", "[listen]\nport = 1"), "port"),
    ("an entry twice", |scene| scene.edit("[audit]", &(clients(["other"]) + "[audit]")), "other"),
    ("a missing certificate", |scene| remove(scene, "server.pem"), "server.pem"),
    ("a missing key", |scene| remove(scene, "server.key"), "server.key"),
    ("a missing authority", |scene| remove(scene, "client-ca.pem"), "client-ca.pem"),
    ("a missing list", |scene| remove(scene, "clients.crl"), "clients.crl"),
    ("no configuration", |scene| remove(scene, "tsmgated.toml"), "tsmgated.toml"),
    (
        "the key of another certificate",
        |scene| scene.write("server.key", &scene.authority.server(|_| {}).key, 0o600),
        "do not belong together",
    ),
    ("an empty list", |scene| scene.write("clients.crl", "", 0o644), "clients.crl"),
    ("half a list", |scene| halve(scene, "clients.crl"), "clients.crl"),
    ("half an authority", |scene| halve(scene, "client-ca.pem"), "client-ca.pem"),
    ("a configuration for all", |scene| mode(scene, "tsmgated.toml", 0o666), "chmod go-w"),
    ("a key for all", |scene| mode(scene, "server.key", 0o644), "chmod 600"),
    (
        "another address",
        |scene| scene.edit("127.0.0.1:0", "127.0.0.1:1"),
        "restart needed: listen.address changed",
    ),
    (
        "other numbers",
        |scene| scene.edit("burst = 10000", "burst = 10001"),
        "restart needed: a number of [admission] changed",
    ),
    (
        "another audit",
        |scene| scene.edit("log/audit.jsonl", "log/other.jsonl"),
        "restart needed: [audit] changed",
    ),
    (
        "more calls at TSM",
        |scene| scene.edit("[tsm]", "[tsm]\nconnections = 9"),
        "restart needed: tsm.connections changed",
    ),
    (
        "other metrics, and another address",
        |scene| {
            scene.edit("127.0.0.1:0", "127.0.0.1:1");
            scene.edit("[audit]", "[metrics]\nlisten = \"127.0.0.1:1\"\n[audit]");
        },
        "restart needed: listen.address, metrics.listen changed",
    ),
];

fn remove(scene: &Scene, name: &str) {
    std::fs::remove_file(scene.path(name)).unwrap();
}

fn halve(scene: &Scene, name: &str) {
    let text = std::fs::read_to_string(scene.path(name)).unwrap();
    scene.write(name, &text[..text.len() / 2], 0o644);
}

fn mode(scene: &Scene, name: &str, mode: u32) {
    std::fs::set_permissions(scene.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The record of the last of so many reloads.
async fn last_reload(scene: &Scene, count: usize) -> Value {
    wait::until("the record of the reload", || async {
        let mut reloads = scene.records("reload");
        // files that are noticed meanwhile are read as well
        reloads.retain(|reload| reload["tsmgate.reload.extent"] == "everything");
        (reloads.len() == count).then(|| reloads.pop()).flatten()
    })
    .await
}

/// The files that decide.
const FILES: [(&str, u32); 5] = [
    ("tsmgated.toml", 0o600),
    ("server.pem", 0o644),
    ("server.key", 0o600),
    ("client-ca.pem", 0o644),
    ("clients.crl", 0o644),
];

/// R53: whatever is wrong with one of them, all goes on as it was: nobody is let in who was added
/// beside it, nobody cut who was removed; log, status and audit say so, and a good one ends it
#[tokio::test]
async fn a_bad_reload_changes_nothing() {
    let authority = Authority::new("tests");
    let list = authority.revocation_list(&[]);
    let options = SceneOptions {
        tls: "revocation_list = \"clients.crl\"".into(),
        files: vec![("clients.crl".into(), list)],
        ..two("")
    };
    let scene = Scene::of(authority, options).await;
    let good =
        FILES.map(|(name, mode)| (name, std::fs::read_to_string(scene.path(name)).unwrap(), mode));
    let jump01 = scene.authority.client("jump01");
    let (removed, added) = (scene.peer_with(Some(&jump01)), scene.peer("added"));
    let mut open = removed.connect().await.unwrap();
    let mut sequence = 0;
    for (number, (case, spoil, says)) in BAD.iter().enumerate() {
        // what would be tightened and loosened, were it not for what is spoiled
        scene.edit(&clients(["jump01"]), &clients(["added"]));
        scene.write("clients.crl", &scene.authority.revocation_list(&[&jump01.serial]), 0o644);
        spoil(&scene);
        let fault = daemon(&scene).reload().await.expect_err(case);
        assert!(fault.contains(says), "{case}: {fault}");

        sequence += 1;
        cookie_of(call(&mut open, sequence).await.expect(case));
        removed.cookie().await;
        assert!(added.login().await.is_err(), "{case}: somebody was let in");
        let status = daemon(&scene).status();
        assert!(status.reloads > 2 * number as u64, "{case}");
        let shown = status.reload.as_ref().and_then(|reload| reload.fault.clone()).unwrap();
        assert!(shown.contains(says), "{case}: {shown}");
        assert!(status.line().contains("LAST RELOAD FAILED"), "{case}: {}", status.line());
        assert!(status.ready, "{case}: what goes on is good: {:?}", status.trouble);
        let line = last_reload(&scene, 2 * number + 1).await;
        assert_eq!(line["event.outcome"], "failure", "{case}");
        assert!(line["error.message"].as_str().unwrap().contains(says), "{case}: {line}");

        for (name, text, mode) in &good {
            scene.write(name, text, *mode);
        }
        daemon(&scene).reload().await.expect(case);
        let status = daemon(&scene).status();
        assert_eq!(status.reload.and_then(|reload| reload.fault), None, "{case}");
        let line = last_reload(&scene, 2 * number + 2).await;
        assert_eq!(line["event.outcome"], "success", "{case}");
    }
    assert!(scene.records("cut").is_empty(), "{:?}", scene.records("cut"));
    let calls = 2 * BAD.len() as u64;
    assert_eq!(scene.tsm.counts().connections, calls);
    scene.verify();
}

/// R53: a list that is taken by itself does not hide that the configuration was not
#[tokio::test]
async fn a_bad_configuration_stays_in_the_status() {
    let authority = Authority::new("tests");
    let list = authority.revocation_list(&[]);
    let options = SceneOptions {
        tls: "revocation_list = \"clients.crl\"".into(),
        files: vec![("clients.crl".into(), list)],
        ..two("")
    };
    let scene = Scene::of(authority, options).await;
    scene.edit("[listen]", "[listen");
    daemon(&scene).reload().await.unwrap_err();
    scene.write("clients.crl", &scene.authority.revocation_list(&[]), 0o644);
    wait::until("the list to be read", || async {
        (daemon(&scene).status().reloads == 2).then_some(())
    })
    .await;
    let status = daemon(&scene).status();
    assert!(status.reload.as_ref().unwrap().fault.is_some(), "{status:?}");
    assert!(status.line().contains("LAST RELOAD FAILED"), "{}", status.line());
    scene.edit("[listen", "[listen]");
    daemon(&scene).reload().await.unwrap();
    assert_eq!(daemon(&scene).status().reload.unwrap().fault, None);
    let line = last_reload(&scene, 2).await;
    assert_eq!(line["event.outcome"], "success");
    scene.peer("jump01").cookie().await;
}

/// R53: a client that is added gets in, in the main file and in one of `clients.d`, and out again
#[tokio::test]
async fn clients_come_and_go() {
    let scene = Scene::start().await;
    let (second, third) = (scene.peer("second"), scene.peer("third"));
    assert!(second.login().await.is_err());
    scene.edit("[audit]", &(clients(["second"]) + "[audit]"));
    scene.write("clients.d/third.toml", &clients(["third"]), 0o600);
    daemon(&scene).reload().await.unwrap();
    second.cookie().await;
    third.cookie().await;

    let mut open = third.connect().await.unwrap();
    cookie_of(call(&mut open, 1).await.unwrap());
    remove(&scene, "clients.d/third.toml");
    daemon(&scene).reload().await.unwrap();
    let (bytes, _) = crate::support::until_closed(&mut open).await;
    assert!(bytes.is_empty());
    assert!(third.login().await.is_err());
    second.cookie().await;
    assert_eq!(scene.tsm.counts().connections, 4);
    assert_eq!(scene.records("cut").len(), 1);
}

/// R53: limits that changed count from the next call on, on open connections too, both ways
#[tokio::test]
async fn limits_change_both_ways() {
    let scene = Scene::start().await;
    let mut open = scene.peer("jump01").connect().await.unwrap();
    cookie_of(call(&mut open, 1).await.unwrap());
    let entry = entry("jump01", "[\"login\"]");
    let tight = format!("{entry}limits = {{ logins = {{ per_minute = 1, burst = 1 }} }}\n");
    scene.edit(&entry, &tight);
    daemon(&scene).reload().await.unwrap();
    let mut told = String::new();
    // of a new rate a client has its burst
    for sequence in 2..4 {
        told = in_words(call(&mut open, sequence).await.unwrap());
    }
    assert!(told.starts_with("over_limit; retry in "), "{told}");
    let reached = scene.tsm.counts().connections;
    assert!(reached <= 2, "{reached}");

    scene.edit(&tight, &entry);
    daemon(&scene).reload().await.unwrap();
    cookie_of(call(&mut open, 4).await.unwrap());
    assert_eq!(scene.tsm.counts().connections, reached + 1);
    assert!(scene.records("cut").is_empty());
}

/// R53: with TSM down a reload goes on, and says that TSM cannot be asked
#[tokio::test]
async fn a_reload_does_not_need_tsm() {
    let scene = Scene::start().await;
    scene.tsm.stop().await;
    scene.edit("[audit]", &(clients(["second"]) + "[audit]"));
    daemon(&scene).reload().await.unwrap();
    let told = in_words(scene.peer("second").login().await.unwrap());
    assert_eq!(told, "backend_unreachable");
    assert!(!daemon(&scene).status().ready);
    scene.tsm.restart().await.unwrap();
    scene.peer("second").cookie().await;
    assert!(daemon(&scene).status().ready);
    assert_eq!(scene.tsm.counts().connections, 1);
}

/// R42, R53: without room for a record a reload still tightens; calls are refused, and what could not
/// be recorded is counted
#[tokio::test]
async fn without_an_audit_a_reload_tightens_all_the_same() {
    let scene = Scene::with(two("")).await;
    let (mut open, mut stays) = (
        scene.peer("jump01").connect().await.unwrap(),
        scene.peer("other").connect().await.unwrap(),
    );
    cookie_of(call(&mut open, 1).await.unwrap());
    cookie_of(call(&mut stays, 1).await.unwrap());
    std::fs::rename(scene.path("log"), scene.path("gone")).unwrap();
    scene.edit(&clients(["jump01"]), "");
    daemon(&scene).reload().await.unwrap();
    let (bytes, _) = crate::support::until_closed(&mut open).await;
    assert!(bytes.is_empty());
    assert_eq!(in_words(call(&mut stays, 2).await.unwrap()), "audit_unavailable");
    assert_eq!(scene.tsm.counts().connections, 2);
    assert!(!daemon(&scene).status().audit_writable);

    std::fs::rename(scene.path("gone"), scene.path("log")).unwrap();
    cookie_of(call(&mut stays, 3).await.unwrap());
    let lost = scene.records("records-lost");
    assert!(lost[0]["tsmgate.count"].as_u64() >= Some(2), "the reload and the cut: {lost:?}");
    assert_eq!(scene.verify().first, 1);
}
