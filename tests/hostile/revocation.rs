//! Revocation: every certificate of a chain, every issuer a list, no list past its time.

use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;
use tests::scene::entry;
use tests::{Authority, Identity, Scene, SceneOptions};
use time::{Duration, OffsetDateTime};
use tsmgate_server::identify::read_leaf;

use crate::case::{refused, stranger};

const ONE: &str = "revocation_list = \"clients.crl\"\n";

/// A scene's options with this revocation list, and more lines for `[tls]`.
fn with_list(list: String, tls: &str) -> SceneOptions {
    SceneOptions {
        tls: format!("{ONE}{tls}"),
        files: vec![("clients.crl".into(), list)],
        ..SceneOptions::default()
    }
}

/// A scene that is not started.
async fn prepared(authority: Authority, options: &SceneOptions) -> Scene {
    Scene::prepare(tempfile::tempdir().unwrap(), authority, options).await
}

/// R8: a revoked leaf is refused, its neighbour is not; as PEM, and as DER
#[tokio::test]
async fn a_revoked_certificate_is_refused() {
    for der in [false, true] {
        let authority = Authority::new("tests");
        let revoked = authority.client("jump01");
        let list = authority.revocation_list(&[&revoked.serial]);
        let mut scene = prepared(authority, &with_list(list.clone(), "")).await;
        if der {
            let list = CertificateRevocationListDer::from_pem_slice(list.as_bytes()).unwrap();
            std::fs::write(scene.path("clients.crl"), &list).unwrap();
        }
        scene.start_again().await;
        let peer = stranger(&scene, 0, Some(&revoked));
        let line =
            refused(&scene, "revoked", &peer, "CertificateRevoked", "certificate_revoked").await;
        assert_eq!(line["tls.client.x509.serial_number"], revoked.serial.as_str());
        scene.peer("jump01").cookie().await;
    }
}

/// R8: every certificate of the chain is checked, against a list of its own issuer; no list for an
/// issuer refuses
#[tokio::test]
async fn every_issuer_of_a_chain_needs_its_list() {
    let root = Authority::new("tests");
    let between = root.intermediate("between", |_| {});
    let leaf = between.client("jump01");
    let (of_root, of_between) = (root.revocation_list(&[]), between.revocation_list(&[]));
    let root_revokes = root.revocation_list(&[&between.serial()]);
    let between_revokes = between.revocation_list(&[&leaf.serial]);
    let of_impostor = Authority::new("between").revocation_list(&[]);
    let mut scene = prepared(root, &with_list(of_root.clone(), "")).await;
    for (number, (case, lists, alert, code)) in [
        ("the leaf", [&of_root, &between_revokes], "CertificateRevoked", "certificate_revoked"),
        (
            "what is between",
            [&root_revokes, &of_between],
            "CertificateRevoked",
            "certificate_revoked",
        ),
        ("none of the leaf's issuer", [&of_root, &of_root], "UnknownCA", "revocation_unknown"),
        ("none of the root", [&of_between, &of_between], "UnknownCA", "revocation_unknown"),
        ("one by an impostor", [&of_root, &of_impostor], "HandshakeFailure", "revocation_unknown"),
    ]
    .into_iter()
    .enumerate()
    {
        scene.write("clients.crl", &lists.map(String::as_str).concat(), 0o644);
        scene.start_again().await;
        let peer = stranger(&scene, number, Some(&leaf));
        refused(&scene, case, &peer, alert, code).await;
        scene.stop().await;
    }
    scene.write("clients.crl", &(of_root + &of_between), 0o644);
    scene.start_again().await;
    scene.peer_with(Some(&leaf)).cookie().await;
}

/// R8: a list that its authority did not sign is not taken, nor a second one of the same issuer: only the
/// first would count
#[tokio::test]
async fn a_list_that_would_not_count_is_not_taken() {
    let root = Authority::new("tests");
    let impostors = Authority::new("tests").revocation_list(&[]);
    let (old, new) = (root.revocation_list(&[]), root.revocation_list(&["01"]));
    let scene = prepared(root, &with_list(String::new(), "")).await;
    for (list, says) in [
        (impostors, "is not signed by the authority of that name"),
        (old.clone() + &new, "two lists of CN=tests: keep the newer one"),
        (new.clone() + &old, "two lists of CN=tests: keep the newer one"),
    ] {
        scene.write("clients.crl", &list, 0o644);
        let fault = scene.load().unwrap_err().to_string();
        assert!(fault.contains(says), "{fault}");
    }
    scene.write("clients.crl", &(old.clone() + &old), 0o644);
    scene.load().unwrap();
}

/// R8: an operator's wrong list refuses clients, and does not ban them on top
#[tokio::test]
async fn a_wrong_list_bans_nobody() {
    let root = Authority::new("tests");
    let between = root.intermediate("between", |_| {});
    let impostors = Authority::new("between").revocation_list(&[]);
    let good = root.revocation_list(&[]) + &between.revocation_list(&[]);
    let wrong = root.revocation_list(&[]) + &impostors;
    let leaf = between.client("jump01");
    let mut scene = prepared(root, &with_list(wrong, "")).await;
    scene.start_again().await;
    let peer = stranger(&scene, 0, Some(&leaf));
    for _ in 0..6 {
        refused(&scene, "an impostor's list", &peer, "HandshakeFailure", "revocation_unknown")
            .await;
    }
    assert_eq!(scene.records("ban").len(), 0);
    scene.stop().await;
    scene.write("clients.crl", &good, 0o644);
    scene.start_again().await;
    scene.peer_with(Some(&leaf)).cookie().await;
}

/// R8: several files count together
#[tokio::test]
async fn lists_may_be_several_files() {
    let root = Authority::new("tests");
    let between = root.intermediate("between", |_| {});
    let (good, revoked) = (between.client("jump01"), between.client("jump01"));
    let options = SceneOptions {
        tls: "revocation_list = [\"a.crl\", \"b.crl\"]".into(),
        files: vec![
            ("a.crl".into(), root.revocation_list(&[])),
            ("b.crl".into(), between.revocation_list(&[&revoked.serial])),
        ],
        ..SceneOptions::default()
    };
    let scene = Scene::of(root, options).await;
    let peer = stranger(&scene, 0, Some(&revoked));
    refused(&scene, "in the second", &peer, "CertificateRevoked", "certificate_revoked").await;
    scene.peer_with(Some(&good)).cookie().await;
}

/// R8: a list that is none refuses to load: an empty set would switch the check off
#[tokio::test]
async fn a_list_that_is_none_refuses_to_load() {
    let authority = Authority::new("tests");
    let good = authority.revocation_list(&[]);
    let torn = good.replace("-----END", "").replacen("MI", "", 1);
    let scene = prepared(authority, &with_list(good.clone(), "")).await;
    assert!(scene.load().is_ok());
    for (case, contents) in [
        ("empty", String::new()),
        ("no PEM", "this is no list\n".to_owned()),
        ("a certificate", scene.authority.pem()),
        ("torn", torn),
        ("DER in name only", "0\u{1}garbage".to_owned()),
        (
            "good, and then broken",
            good + "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
        ),
    ] {
        scene.write("clients.crl", &contents, 0o644);
        let fault = scene.load().expect_err(case).to_string();
        assert!(fault.contains("clients.crl"), "{case}: {fault}");
    }
    std::fs::remove_file(scene.path("clients.crl")).unwrap();
    let fault = scene.load().expect_err("missing").to_string();
    assert!(fault.contains("clients.crl"), "{fault}");
}

/// R8: without a list the deny list alone counts, by serial number and by key, and the start says so
#[tokio::test]
async fn the_deny_list_counts_without_a_revocation_list() {
    let authority = Authority::new("tests");
    let (by_serial, by_key) = (authority.client("jump01"), authority.client("jump01"));
    let key = read_leaf(&by_key.certificates()[0]).unwrap().leaf.public_key;
    let rest = format!(
        "{}[revoked]\nserials = [\"{}\"]\npublic_keys_sha256 = [\"{}\"]\n",
        entry("jump01", "[\"login\"]"),
        by_serial.serial.to_uppercase(),
        data_encoding::BASE64.encode(&key)
    );
    let scene = Scene::of(authority, SceneOptions { rest, ..SceneOptions::default() }).await;
    let warnings = scene.load().unwrap().warnings();
    let said = warnings.iter().filter(|line| line.contains("revocation_list is not set")).count();
    assert_eq!(said, 1, "{warnings:?}");
    // the same key in a later certificate is still the same key
    let mut params = rcgen::CertificateParams::default();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    params.serial_number = Some(77_u64.into());
    let renewed = scene.authority.issue(params, &rcgen::KeyPair::from_pem(&by_key.key).unwrap());
    for (number, identity) in [by_serial, by_key, renewed].iter().enumerate() {
        let peer = stranger(&scene, number, Some(identity));
        let line = refused(&scene, "denied", &peer, "CertificateRevoked", "certificate_revoked");
        assert_eq!(line.await["tls.client.x509.serial_number"], identity.serial.as_str());
    }
    scene.peer("jump01").cookie().await;
}

/// A list from so long ago until then, with these serial numbers.
fn list(authority: &Authority, ago: Duration, until: Duration, serials: &[&str]) -> String {
    let now = OffsetDateTime::now_utc();
    authority.revocation_list_of(serials, now - ago, now + until)
}

/// R9: a list past its next update refuses everybody
#[tokio::test]
async fn an_expired_list_refuses_everybody() {
    let authority = Authority::new("tests");
    let expired = list(&authority, Duration::DAY, -Duration::SECOND, &[]);
    let good = list(&authority, Duration::DAY, Duration::DAY * 9, &[]);
    let mut scene = prepared(authority, &with_list(expired, "")).await;
    let warnings = scene.load().unwrap().warnings();
    assert!(warnings.iter().any(|line| line.contains("expired on")), "{warnings:?}");
    scene.start_again().await;
    for number in 0..2 {
        let peer = stranger(&scene, number, Some(&scene.authority.client("jump01")));
        let code = "revocation_list_expired";
        assert_ne!(peer.refusal().await, "closed");
        crate::case::record(&scene, peer.from.unwrap(), code).await;
    }
    scene.nothing_reached_tsm();
    scene.stop().await;
    scene.write("clients.crl", &good, 0o644);
    scene.start_again().await;
    scene.peer("jump01").cookie().await;
}

/// R9: told to warn, an expired list goes on refusing whom it names, and lets others in with a warning
#[tokio::test]
async fn an_expired_list_may_go_on_counting() {
    let authority = Authority::new("tests");
    let revoked: Identity = authority.client("jump01");
    let expired = list(&authority, Duration::DAY, -Duration::SECOND, &[&revoked.serial]);
    let options = with_list(expired, "expired_revocation_list = \"warn\"");
    let scene = Scene::of(authority, options).await;
    let warnings = scene.load().unwrap().warnings();
    assert!(warnings.iter().any(|line| line.contains("it goes on counting")), "{warnings:?}");
    let peer = stranger(&scene, 0, Some(&revoked));
    refused(&scene, "named", &peer, "CertificateRevoked", "certificate_revoked").await;
    scene.peer("jump01").cookie().await;
}

/// R9: a warning from half of a list's life on, and none before
#[tokio::test]
async fn a_list_past_half_of_its_life_warns() {
    let authority = Authority::new("tests");
    let young = list(&authority, Duration::HOUR, Duration::HOUR * 2, &[]);
    let old = list(&authority, Duration::HOUR * 2, Duration::HOUR, &[]);
    let scene = prepared(authority, &with_list(young, "")).await;
    let about_lists = |warnings: Vec<String>| {
        warnings.into_iter().filter(|line| line.contains("clients.crl")).collect::<Vec<_>>()
    };
    assert_eq!(about_lists(scene.load().unwrap().warnings()), Vec::<String>::new());
    scene.write("clients.crl", &old, 0o644);
    let warnings = about_lists(scene.load().unwrap().warnings());
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("issue a new one"), "{warnings:?}");
}
