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

/// R3: a signature over SHA-1, or over SHA-224, does not count
#[tokio::test]
async fn a_sha1_signature_does_not_count() {
    if !here() {
        return;
    }
    let scene = Scene::start().await;
    let folder = folder(&scene.authority);
    for (number, digest) in ["-sha1", "-sha224"].into_iter().enumerate() {
        let old = issued(folder.path(), P256, &format!("-extfile names {digest}"));
        let peer = stranger(&scene, number, Some(&old));
        let line = refused(&scene, digest, &peer, "DecryptError", "certificate_invalid").await;
        assert_eq!(line["tls.client.x509.serial_number"], "77");
    }
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

/// R3: name constraints of every kind count against every name of that kind, wildcards among them
#[tokio::test]
async fn name_constraints_of_every_kind_count() {
    if !here() {
        return;
    }
    let scene = Scene::start().await;
    let folder = folder(&scene.authority);
    let root = folder.path();
    let limited = |constraints: &str, names: &str| {
        let of_ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
        std::fs::write(root.join("limits"), format!("{of_ca}{constraints}")).unwrap();
        std::fs::write(root.join("names"), NAMES.replace("/jump01", &format!("/jump01{names}")))
            .unwrap();
        for line in [
            format!("req -new -newkey {P256} -nodes -keyout sub.key -out sub.csr -subj /CN=sub"),
            "x509 -req -in sub.csr -CA ca.pem -CAkey ca.key -set_serial 0x76 -days 2 -out sub.pem \
             -extfile limits"
                .into(),
            format!("req -new -newkey {P256} -nodes -keyout key -out csr -subj /CN=jump01"),
            "x509 -req -in csr -CA sub.pem -CAkey sub.key -set_serial 0x77 -days 2 -out crt \
             -extfile names"
                .into(),
        ] {
            run(root, &line);
        }
        let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
        Identity { chain: read("crt") + &read("sub.pem"), key: read("key"), serial: "77".into() }
    };
    for (number, (constraints, names)) in [
        ("permitted;URI:.example.org", ""),
        ("excluded;URI:client", ""),
        ("permitted;DNS:example.org", ",DNS:*.example.net"),
        ("permitted;DNS:a.example.org", ",DNS:*.example.org"),
        ("excluded;DNS:a.example.org", ",DNS:*.example.org"),
        ("excluded;DNS:example.org", ",DNS:x.example.org"),
        ("permitted;IP:192.0.2.0/255.255.255.0", ",IP:198.51.100.1"),
        ("permitted;email:example.org", ",email:x@example.net"),
    ]
    .into_iter()
    .enumerate()
    {
        let who = limited(&format!("nameConstraints=critical,{constraints}\n"), names);
        let peer = stranger(&scene, number, Some(&who));
        let case = format!("{constraints} {names}");
        refused(&scene, &case, &peer, "CertificateUnknown", "certificate_invalid").await;
    }
    for (number, (constraints, names)) in [
        ("", ",DNS:*.example.org"),
        ("nameConstraints=critical,permitted;DNS:example.org\n", ",DNS:*.example.org"),
        ("nameConstraints=critical,permitted;IP:192.0.2.0/255.255.255.0\n", ",IP:192.0.2.7"),
    ]
    .into_iter()
    .enumerate()
    {
        stranger(&scene, 100 + number, Some(&limited(constraints, names))).cookie().await;
    }
}
