//! Certificates, keys, authorities and revocation lists that a start would fail on: refused by `check`
//! and by `run` in the same words.

use tests::{Authority, Scene, SceneOptions};
use time::{Duration, OffsetDateTime};

use crate::stage::{check, config, refused, stage};

async fn with_list(contents: &str) -> Scene {
    stage(SceneOptions {
        tls: "revocation_list = \"clients.crl\"".into(),
        files: vec![("clients.crl".into(), contents.into())],
        ..SceneOptions::default()
    })
    .await
}

fn complains(scene: &Scene, file: &str, says: &str) {
    let said = refused(&config(scene), 65);
    let path = scene.path(file).display().to_string();
    assert!(said.contains(&path) && said.contains(says), "{said}not: {path}, {says}");
}

/// R55: a server certificate outside of its time is refused before anybody meets it
#[tokio::test]
async fn a_server_certificate_outside_of_its_time_is_refused() {
    let scene = stage(SceneOptions::default()).await;
    let now = OffsetDateTime::now_utc();
    let old = scene.authority.server(|params| params.not_after = now - Duration::HOUR);
    scene.write("server.pem", &old.chain, 0o644);
    scene.write("server.key", &old.key, 0o600);
    complains(&scene, "server.pem", "the certificate expired on ");
    let early = scene.authority.server(|params| params.not_before = now + Duration::HOUR);
    scene.write("server.pem", &early.chain, 0o644);
    scene.write("server.key", &early.key, 0o600);
    complains(&scene, "server.pem", "the certificate is not valid before ");
}

/// R52: a server certificate that ends within 14 days is warned of, and starts
#[tokio::test]
async fn a_server_certificate_that_ends_soon_is_a_warning() {
    let scene = stage(SceneOptions::default()).await;
    let soon = OffsetDateTime::now_utc() + Duration::days(13);
    let server = scene.authority.server(|params| params.not_after = soon);
    scene.write("server.pem", &server.chain, 0o644);
    scene.write("server.key", &server.key, 0o600);
    let (code, out, _) = check(&config(&scene));
    assert_eq!(code, 0);
    assert!(out.contains("server.pem: our certificate ends in 12 days"), "{out}");
}

/// R55: a certificate and a key that do not belong together are refused, both by name
#[tokio::test]
async fn a_key_of_another_certificate_is_refused() {
    let scene = stage(SceneOptions::default()).await;
    scene.write("server.key", &scene.authority.server(|_| {}).key, 0o600);
    complains(&scene, "server.pem", "do not belong together");
    complains(&scene, "server.key", "the key is another certificate's");
}

/// R55: a key file without a key, or with an encrypted one, is refused
#[tokio::test]
async fn a_key_file_without_a_plain_key_is_refused() {
    let scene = stage(SceneOptions::default()).await;
    let key = std::fs::read_to_string(scene.path("server.key")).unwrap();
    let headers = "BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n";
    for spoilt in [
        String::new(),
        "hello\n".to_owned(),
        std::fs::read_to_string(scene.path("server.pem")).unwrap(),
        key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
        key.replace("BEGIN PRIVATE KEY-----", headers).replace("END P", "END EC P"),
        key.replace("-----END", "-----FIN"),
    ] {
        scene.write("server.key", &spoilt, 0o600);
        complains(&scene, "server.key", "there is no unencrypted PEM private key in it");
    }
    scene.write("server.key", &key.replace("\nM", "\nAAAA"), 0o600);
    let said = refused(&config(&scene), 65);
    assert!(said.contains("server.key"), "{said}");
    let secret = key.lines().nth(1).unwrap();
    assert!(!said.contains(&secret[8..20]), "a part of the key is in {said}");
}

/// R55: a certificate or authority file without certificates, or with broken ones, is refused
#[tokio::test]
async fn a_certificate_file_without_certificates_is_refused() {
    for file in ["server.pem", "client-ca.pem"] {
        let scene = stage(SceneOptions::default()).await;
        let good = std::fs::read_to_string(scene.path(file)).unwrap();
        let key = std::fs::read_to_string(scene.path("server.key")).unwrap();
        for empty in ["", "hello\n", &key] {
            scene.write(file, empty, 0o644);
            complains(&scene, file, "there is no certificate in it");
        }
        for broken in [good.replace("-----END", "-----FIN"), good.replace("\nM", "\n!!")] {
            scene.write(file, &broken, 0o644);
            complains(&scene, file, "broken PEM");
        }
        // well-formed PEM around something that is no certificate
        scene.write(file, &key.replace("PRIVATE KEY", "CERTIFICATE"), 0o644);
        complains(&scene, file, "");
    }
}

/// R39: a key that lost its line breaks is no certificate, and is not repeated, as text or as bytes
#[tokio::test]
async fn a_key_in_a_place_of_certificates_is_not_repeated() {
    for file in ["server.pem", "client-ca.pem", "clients.crl"] {
        let scene = with_list(&Authority::new("others").revocation_list(&[])).await;
        let key = std::fs::read_to_string(scene.path("server.key")).unwrap();
        let key = key.replace("-----END", "\n-----END").replacen("-----\n", "-----", 1);
        let secret = key.split("-----").nth(2).unwrap().lines().next().unwrap().to_owned();
        assert!(secret.len() > 40, "{} characters", secret.len());
        scene.write(file, &key, 0o600);
        complains(&scene, file, "were line breaks lost?");
        let said = refused(&config(&scene), 65);
        let bytes = format!("{:?}", &secret.as_bytes()[8..20]);
        let shown = [&secret[8..20], bytes.trim_matches(['[', ']'])];
        assert!(shown.iter().all(|shown| !said.contains(shown)), "a part of the key is in {said}");
    }
}

/// R8: a configured revocation list that holds none would switch the check off; it is refused
#[tokio::test]
async fn an_empty_or_broken_revocation_list_is_refused() {
    let good = Authority::new("others").revocation_list(&["01"]);
    for (contents, says) in [
        (String::new(), "there is no revocation list in it"),
        ("# none yet\n".to_owned(), "there is no revocation list in it"),
        (good.replace("X509 CRL", "CERTIFICATE"), "there is no revocation list in it"),
        (good.replace("-----END", "-----FIN"), "broken PEM"),
        (good.replacen("\nM", "\nN", 1), "a broken revocation list"),
        ("0not DER".to_owned(), "a broken revocation list"),
    ] {
        let scene = with_list(&contents).await;
        complains(&scene, "clients.crl", says);
    }
    let scene = with_list(&good).await;
    std::fs::remove_file(scene.path("clients.crl")).unwrap();
    let said = refused(&config(&scene), 66);
    assert!(said.contains("cannot read") && said.contains("clients.crl"), "{said}");
}

/// R9: a list past its next update starts, and says that everybody is refused; R8: none is said too
#[tokio::test]
async fn an_expired_revocation_list_and_none_at_all_are_warnings() {
    let now = OffsetDateTime::now_utc();
    let authority = Authority::new("tests");
    let old = authority.revocation_list_of(&[], now - Duration::DAY, now - Duration::HOUR);
    let scene = with_list(&old).await;
    scene.write("client-ca.pem", &authority.pem(), 0o644);
    let (code, out, _) = check(&config(&scene));
    assert_eq!(code, 0);
    assert!(out.contains("every certificate of its issuer is refused"), "{out}");

    let scene = stage(SceneOptions::default()).await;
    let (_, out, _) = check(&config(&scene));
    assert!(out.contains("warning: tls.revocation_list is not set: only [revoked]"), "{out}");
}

/// R55: a missing file of any kind is named, with the code for files
#[tokio::test]
async fn a_missing_file_is_named() {
    for file in ["server.pem", "server.key", "client-ca.pem"] {
        let scene = stage(SceneOptions::default()).await;
        std::fs::remove_file(scene.path(file)).unwrap();
        let said = refused(&config(&scene), 66);
        let path = scene.path(file).display().to_string();
        assert!(said.contains(&format!("cannot read {path}: No such file")), "{said}");
    }
}

/// R3: an authority that ended counts no more; where none is left nothing starts
#[tokio::test]
async fn an_authority_that_ended_counts_no_more() {
    let now = OffsetDateTime::now_utc();
    let root = Authority::new("root");
    let ended = root.intermediate("ended", |params| params.not_after = now - Duration::HOUR);
    let ended = ended.pem();
    let scene = stage(SceneOptions::default()).await;
    let good = std::fs::read_to_string(scene.path("client-ca.pem")).unwrap();
    scene.write("client-ca.pem", &ended, 0o644);
    complains(&scene, "client-ca.pem", "the authority CN=ended expired on ");
    scene.write("client-ca.pem", &format!("{ended}{good}"), 0o644);
    let (code, out, _) = check(&config(&scene));
    assert_eq!(code, 0);
    assert!(out.contains("the authority CN=ended expired on "), "{out}");
    assert!(out.contains("it does not count"), "{out}");
}
