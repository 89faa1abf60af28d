//! After a reload every open connection is judged anew: whoever would not be let in any more is cut, by
//! name and with the reason, and its neighbour notices nothing.

use std::time::Duration;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use serde_json::Value;
use tests::peer::{call, cookie_of, send};
use tests::scene::entry;
use tests::{Authority, Identity, Peer, Scene, SceneOptions, wait};
use tsmgate_server::identify::read_leaf;
use tsmgate_wire::encode_call;
use tsmsim::Behaviour;

use crate::support::{
    calls_at_tsm, clients, in_words, outcomes, phase, tsm_is_left_alone, until_closed,
};

/// The requirement: so long after the reload at most.
const AT_ONCE: Duration = Duration::from_secs(2);
/// Where the one who is cut comes from.
const HERE: &str = "127.0.0.2";
/// Where its neighbour does.
const THERE: &str = "127.0.0.3";

/// Two clients, with more lines after them.
pub fn two(more: &str) -> SceneOptions {
    let rest = clients(["jump01", "other"]) + more;
    SceneOptions { rest, ..SceneOptions::default() }
}

/// What happens to a connection of `victim` when `change` is followed by a reload: it is cut for `cut`,
/// while the neighbour's goes on. Gives the scene, and a peer of the victim's.
async fn is_cut(
    scene: Scene,
    victim: &Identity,
    change: impl FnOnce(&Scene),
    cut: &str,
) -> (Scene, Peer) {
    let peer = scene.peer_with(Some(victim)).from(HERE);
    let neighbour = scene.peer("other").from(THERE);
    let (mut open, mut stays) = (peer.connect().await.unwrap(), neighbour.connect().await.unwrap());
    cookie_of(call(&mut open, 1).await.unwrap());
    cookie_of(call(&mut stays, 1).await.unwrap());

    change(&scene);
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
    let (bytes, took) = until_closed(&mut open).await;
    assert!(bytes.is_empty(), "{bytes:x?}");
    assert!(took < AT_ONCE, "cut after {took:?}");
    let line = cut_record(&scene).await;
    assert_eq!(line["event.reason"], cut, "{line}");
    assert_eq!(line["event.outcome"], "failure");
    assert_eq!(line["client.user.name"], "jump01");
    assert_eq!(line["source.ip"], HERE);
    assert_eq!(line["tls.client.x509.serial_number"], victim.serial.as_str());

    cookie_of(call(&mut stays, 2).await.expect("the neighbour was cut"));
    assert_eq!(scene.records("cut").len(), 1);
    let reloads = scene.records("reload");
    assert_eq!(reloads.len(), 1, "{reloads:?}");
    assert_eq!(reloads[0]["event.outcome"], "success");
    (scene, peer)
}

/// Waits for a connection that was cut.
pub async fn cut_record(scene: &Scene) -> Value {
    wait::until("the record of the cut", || async { scene.records("cut").pop() }).await
}

/// That a new connection is refused for this reason, and TSM heard nothing of it nor of the cut one.
async fn is_refused((scene, peer): (Scene, Peer), code: &str) {
    assert!(peer.login().await.is_err(), "a new connection of it got an answer");
    scene.refusal(code).await;
    assert_eq!(scene.tsm.counts().connections, 3, "two first calls, and the neighbour's second");
    scene.verify();
}

async fn cut_and_refused(
    scene: Scene,
    victim: &Identity,
    change: impl FnOnce(&Scene),
    cut: &str,
    refused: &str,
) {
    is_refused(is_cut(scene, victim, change, cut).await, refused).await;
}

fn with_list(list: String) -> SceneOptions {
    SceneOptions {
        tls: "revocation_list = \"clients.crl\"".into(),
        files: vec![("clients.crl".into(), list)],
        ..two("")
    }
}

/// R10: a new revocation list cuts whom it names
#[tokio::test]
async fn a_new_revocation_list_cuts() {
    let authority = Authority::new("tests");
    let victim = authority.client("jump01");
    let list = authority.revocation_list(&[]);
    let scene = Scene::of(authority, with_list(list)).await;
    let revoke = |scene: &Scene| {
        scene.write("clients.crl", &scene.authority.revocation_list(&[&victim.serial]), 0o644);
    };
    let code = "certificate_revoked";
    cut_and_refused(scene, &victim, revoke, code, code).await;
}

/// R10: a revoked intermediate authority cuts those below it
#[tokio::test]
async fn a_revoked_intermediate_cuts() {
    let root = Authority::new("tests");
    let between = root.intermediate("between", |_| {});
    let victim = between.client("jump01");
    let of_between = between.revocation_list(&[]);
    let lists = root.revocation_list(&[]) + &of_between;
    let scene = Scene::of(root, with_list(lists)).await;
    let revoke = |scene: &Scene| {
        let of_root = scene.authority.revocation_list(&[&between.serial()]);
        scene.write("clients.crl", &(of_root + &of_between), 0o644);
    };
    let code = "certificate_revoked";
    cut_and_refused(scene, &victim, revoke, code, code).await;
}

/// R10: the deny list cuts by serial number
#[tokio::test]
async fn a_denied_serial_number_cuts() {
    let scene = Scene::with(two("[revoked]\nserials = []\n")).await;
    let victim = scene.authority.client("jump01");
    let deny =
        |scene: &Scene| scene.edit("serials = []", &format!("serials = [\"{}\"]", victim.serial));
    let code = "certificate_revoked";
    cut_and_refused(scene, &victim, deny, code, code).await;
}

/// R10: the deny list cuts by key
#[tokio::test]
async fn a_denied_key_cuts() {
    let scene = Scene::with(two("[revoked]\npublic_keys_sha256 = []\n")).await;
    let victim = scene.authority.client("jump01");
    let key = key_of(&victim);
    let deny = |scene: &Scene| {
        scene.edit("keys_sha256 = []", &format!("keys_sha256 = [\"{key}\"]"));
    };
    let code = "certificate_revoked";
    cut_and_refused(scene, &victim, deny, code, code).await;
}

/// The hash of a certificate's public key, as the configuration takes it.
fn key_of(identity: &Identity) -> String {
    let leaf = read_leaf(&identity.certificates()[0]).unwrap().leaf;
    data_encoding::BASE64.encode(&leaf.public_key)
}

/// R10: an authority that is no longer in the file has no clients any more
#[tokio::test]
async fn a_removed_authority_cuts_its_clients() {
    let (first, second) = (Authority::new("tests"), Authority::new("second"));
    let client_authority = Some(first.pem() + &second.pem());
    let scene = Scene::of(first, SceneOptions { client_authority, ..two("") }).await;
    let remove = |scene: &Scene| scene.write("client-ca.pem", &scene.authority.pem(), 0o644);
    let code = "certificate_invalid";
    cut_and_refused(scene, &second.client("jump01"), remove, code, code).await;
}

/// R10: nor has one that another of the same name took the place of
#[tokio::test]
async fn a_replaced_authority_cuts_its_clients() {
    let (first, second) = (Authority::new("tests"), Authority::new("second"));
    let client_authority = Some(first.pem() + &second.pem());
    let scene = Scene::of(first, SceneOptions { client_authority, ..two("") }).await;
    let replace = |scene: &Scene| {
        let both = scene.authority.pem() + &Authority::new("second").pem();
        scene.write("client-ca.pem", &both, 0o644);
    };
    let code = "certificate_invalid";
    cut_and_refused(scene, &second.client("jump01"), replace, code, code).await;
}

/// R10: without its entry a client is nobody
#[tokio::test]
async fn a_removed_entry_cuts() {
    let scene = Scene::with(two("")).await;
    let victim = scene.authority.client("jump01");
    let remove = |scene: &Scene| scene.edit(&clients(["jump01"]), "");
    cut_and_refused(scene, &victim, remove, "client_unknown", "client_unknown").await;
}

/// R10: an entry that names another key now cuts the old one, and lets the new one in
#[tokio::test]
async fn an_entry_pinned_to_another_key_cuts() {
    let scene = Scene::with(two("")).await;
    let victim = scene.authority.client("jump01");
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let new = scene.authority.issue(params, &KeyPair::generate().unwrap());
    let pin = |scene: &Scene| {
        scene.edit("URI:tsmgate://client/jump01", &format!("KEY:{}", key_of(&new)));
    };
    let (scene, peer) = is_cut(scene, &victim, pin, "client_unknown").await;
    scene.peer_with(Some(&new)).cookie().await;
    assert!(peer.login().await.is_err());
    scene.refusal("client_unknown").await;
    assert_eq!(scene.tsm.counts().connections, 4);
}

/// R10: a certificate that is another client's now does not go on under the old name
#[tokio::test]
async fn a_renamed_entry_cuts() {
    let scene = Scene::with(two("")).await;
    let victim = scene.authority.client("jump01");
    let rename = |scene: &Scene| scene.edit("name = \"jump01\"", "name = \"jump02\"");
    let (scene, peer) = is_cut(scene, &victim, rename, "client_changed").await;
    peer.cookie().await;
    assert_eq!(scene.records("login").last().unwrap()["client.user.name"], "jump02");
}

/// R10: an entry's narrower networks cut who is outside of them; wider again they let it in
#[tokio::test]
async fn narrower_networks_cut_and_wider_ones_let_in() {
    let scene = Scene::with(two("")).await;
    let victim = scene.authority.client("jump01");
    let entry = clients(["jump01"]);
    let narrow = format!("{entry}networks = [\"127.0.0.9\"]\n");
    let change = |scene: &Scene| scene.edit(&entry, &narrow);
    let (scene, peer) = is_cut(scene, &victim, change, "client_elsewhere").await;
    assert!(peer.login().await.is_err());
    scene.refusal("client_elsewhere").await;
    scene.peer_with(Some(&victim)).from("127.0.0.9").cookie().await;

    scene.edit(&narrow, &entry);
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
    peer.cookie().await;
    assert_eq!(scene.tsm.counts().connections, 5);
}

/// R10: so does a narrower allowlist; a new connection meets it before TLS
#[tokio::test]
async fn a_narrower_allowlist_cuts() {
    let scene = Scene::with(two("")).await;
    let victim = scene.authority.client("jump01");
    let narrow = |scene: &Scene| {
        scene.edit("[\"127.0.0.0/8\", \"::1\"]", "[\"127.0.0.3\", \"127.0.0.9\"]");
    };
    cut_and_refused(scene, &victim, narrow, "client_elsewhere", "address_not_listed").await;
}

/// R10: a role that lost `login` cuts; a new connection is told that it is not permitted
#[tokio::test]
async fn a_lost_permission_cuts() {
    let scene = Scene::with(two("")).await;
    let victim = scene.authority.client("jump01");
    let monitor = |scene: &Scene| {
        scene.edit(&clients(["jump01"]), &entry("jump01", "[\"monitor\"]"));
    };
    let (scene, peer) = is_cut(scene, &victim, monitor, "permission_missing").await;
    assert_eq!(in_words(peer.login().await.unwrap()), "not_authorized");
    scene.refusal("permission_missing").await;
    assert_eq!(scene.tsm.counts().connections, 3);
}

/// R10: a call under way at TSM ends with the connection: no cookie leaves, and its intent has an outcome
#[tokio::test]
async fn a_call_under_way_is_cut_without_its_cookie() {
    let scene = Scene::with(two("")).await;
    let mut open = scene.peer("jump01").connect().await.unwrap();
    scene.tsm.behave(Behaviour::Delay(Duration::from_secs(3)));
    send(&mut open, &encode_call(1)).await.unwrap();
    calls_at_tsm(&scene, 1).await;
    scene.edit(&clients(["jump01"]), "");
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
    let (bytes, took) = until_closed(&mut open).await;
    assert!(bytes.is_empty(), "{bytes:x?}");
    assert!(took < AT_ONCE, "cut after {took:?}");
    assert_eq!(cut_record(&scene).await["event.reason"], "client_unknown");
    tsm_is_left_alone(&scene).await;
    assert_eq!(phase(&scene, "intent").len(), 1);
    wait::until("the outcome", || async { (!outcomes(&scene).is_empty()).then_some(()) }).await;
    assert_eq!(outcomes(&scene), ["call_aborted"]);
    scene.tsm.behave(Behaviour::Honest);
    scene.peer("other").cookie().await;
    scene.verify();
}
