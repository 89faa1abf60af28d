//! Certificates that rcgen will not make: weak keys, old signatures, version 1. Made by the `openssl`
//! program, and shown by it where our own library would not even load the key.

use std::path::Path;

use tempfile::TempDir;
use tests::{Authority, Identity, Scene, SceneOptions};

use crate::case::{record, refused, stranger};
use crate::openssl::{CALL, here, run, s_client};

const NAMES: &str = "subjectAltName=URI:tsmgate://client/jump01\nextendedKeyUsage=clientAuth\n\
                     keyUsage=digitalSignature\nbasicConstraints=CA:FALSE\n";
const P256: &str = "ec -pkeyopt ec_paramgen_curve:P-256";

/// A folder with this authority's certificate and key in it.
fn folder(authority: &Authority) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    std::fs::write(folder.path().join("ca.key"), authority.key_pem()).unwrap();
    std::fs::write(folder.path().join("names"), NAMES).unwrap();
    folder
}

/// A certificate of the folder's authority; `signing` are options of `openssl x509 -req`.
fn issued(folder: &Path, key: &str, signing: &str) -> Identity {
    run(folder, &format!("req -new -newkey {key} -nodes -keyout key -out csr -subj /CN=jump01"));
    run(
        folder,
        &format!(
            "x509 -req -in csr -CA ca.pem -CAkey ca.key -set_serial 0x77 -days 2 -out crt {signing}"
        ),
    );
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    Identity { chain: read("crt"), key: read("key"), serial: "77".into() }
}

/// R3: a signature over SHA-1 does not count
#[tokio::test]
async fn a_sha1_signature_does_not_count() {
    if !here() {
        return;
    }
    let scene = Scene::start().await;
    let folder = folder(&scene.authority);
    let old = issued(folder.path(), P256, "-extfile names -sha1");
    let peer = stranger(&scene, 0, Some(&old));
    let line = refused(&scene, "SHA-1", &peer, "DecryptError", "certificate_invalid").await;
    assert_eq!(line["tls.client.x509.serial_number"], "77");
    let good = issued(folder.path(), P256, "-extfile names -sha256");
    stranger(&scene, 0, Some(&good)).cookie().await;
}

/// R4: a certificate of version 1, which cannot say what it is for, does not count
#[tokio::test]
async fn a_version_1_certificate_does_not_count() {
    if !here() {
        return;
    }
    let scene = Scene::start().await;
    let folder = folder(&scene.authority);
    let old = issued(folder.path(), P256, "-sha256");
    run(folder.path(), "x509 -in crt -noout -text -certopt no_pubkey,no_sigdump -out text");
    let text = std::fs::read_to_string(folder.path().join("text")).unwrap();
    if text.contains("Version: 3") {
        // OpenSSL 3.2 and later add extensions unasked
        eprintln!("LEFT OUT: this openssl makes no certificates of version 1");
        return;
    }
    assert!(text.contains("Version: 1"), "{text}");
    let peer = stranger(&scene, 0, Some(&old));
    refused(&scene, "version 1", &peer, "CertificateUnknown", "certificate_invalid").await;
    let good = issued(folder.path(), P256, "-extfile names -sha256");
    stranger(&scene, 0, Some(&good)).cookie().await;
}

/// R3: RSA keys of 1024 bits prove nothing: neither a client's nor its authority's
#[tokio::test]
async fn rsa_1024_does_not_count() {
    if !here() {
        return;
    }
    let weak = ["-cipher", "DEFAULT@SECLEVEL=0", "-quiet"];
    for (bits, of_the_leaf) in [(1024, true), (1024, false), (2048, true), (2048, false)] {
        let authority = Authority::new("tests");
        let folder = folder(&authority);
        let mut trusted = authority.pem();
        let rsa = format!("rsa:{bits}");
        if !of_the_leaf {
            run(
                folder.path(),
                &format!(
                    "req -x509 -newkey {rsa} -nodes -keyout ca.key -out ca.pem -subj /CN=rsa -days 2"
                ),
            );
            trusted += &std::fs::read_to_string(folder.path().join("ca.pem")).unwrap();
        }
        let key = if of_the_leaf { &rsa } else { P256 };
        let who = issued(folder.path(), key, "-extfile names -sha256");
        let options = SceneOptions {
            login: "idle = \"300ms\"".into(),
            client_authority: Some(trusted),
            ..SceneOptions::default()
        };
        let scene = Scene::of(authority, options).await;
        let heard = s_client(&scene, &who, &weak, CALL).await;
        let case = format!("{bits} bits, the leaf's {of_the_leaf}: {}", heard.text);
        if bits == 2048 {
            assert_eq!(scene.tsm.counts().cookies, 1, "{case}");
            assert!(heard.text.contains("AUTH_COOKIE"), "{case}");
            continue;
        }
        assert!(!heard.success && heard.text.contains("alert"), "{case}");
        let code = if of_the_leaf { "key_not_proved" } else { "certificate_invalid" };
        let line = record(&scene, "127.0.0.1".parse().unwrap(), code).await;
        assert_eq!(line["tsmgate.key_proved"], false, "{case}");
        scene.nothing_reached_tsm();
    }
}
