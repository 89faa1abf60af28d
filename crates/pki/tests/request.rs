//! Signing requests: the key is taken, everything else is ignored, and what cannot be proved or is
//! weak is refused.
#![allow(clippy::unwrap_used, reason = "in a test a failed unwrap is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use support::{Place, client, openssl, openssl_on, server};
use tsmgate_pki::{Authority, IssueOptions, Issued, PkiError, Reason, Revokee};

mod support;

/// A request for a new key, made by OpenSSL; the key lies beside it.
fn request(place: &Place, key: &[&str], more: &[&str]) -> String {
    let (key_file, csr_file) = (place.path("remote.key"), place.path("remote.csr"));
    openssl(&[&["genpkey", "-out", key_file.to_str().unwrap()], key].concat());
    let args = ["req", "-new", "-key", key_file.to_str().unwrap(), "-out"];
    let subject: &[&str] = if more.contains(&"-subj") { &[] } else { &["-subj", "/CN=asked"] };
    openssl(&[&args[..], &[csr_file.to_str().unwrap()], subject, more].concat());
    fs::read_to_string(csr_file).unwrap()
}

const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

fn sign(place: &Place, csr: &str, out: Option<&Path>) -> Result<Issued, PkiError> {
    place.authority.sign_client(csr, &client("jump01"), IssueOptions::default(), out)
}

fn pem_to_der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    data_encoding::BASE64.decode(body.as_bytes()).unwrap()
}

fn der_to_pem(der: &[u8]) -> String {
    let body = data_encoding::BASE64.encode(der);
    let lines: Vec<_> =
        body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
        lines.join("\n")
    )
}

/// R49: whatever a request asks for, the certificate carries the operator's name and nothing else
#[test]
fn names_and_usages_in_a_request_are_ignored() {
    let place = Place::new();
    let csr = request(
        &place,
        P256,
        &[
            "-subj",
            "/CN=admin/O=evil",
            "-addext",
            "subjectAltName=URI:tsmgate://client/admin,DNS:evil.example.com,IP:192.0.2.1,email:a@b.c",
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-addext",
            "extendedKeyUsage=serverAuth,anyExtendedKeyUsage",
            "-addext",
            "nameConstraints=permitted;DNS:.evil.example.com",
            "-addext",
            "1.2.3.4=ASN1:UTF8String:evil",
        ],
    );
    let issued = sign(&place, &csr, None).unwrap();
    assert_eq!(issued.private_key, None);
    assert_eq!(issued.certificate, place.in_ca("clients/jump01.pem"));
    let text = openssl_on(&["x509", "-noout", "-text"], &issued.certificate);
    for trace in ["evil", "admin", "192.0.2.1", "CA:TRUE", "Certificate Sign", "Server", "1.2.3.4"]
    {
        assert!(!text.contains(trace), "{trace} in {text}");
    }
    assert!(text.contains("URI:tsmgate://client/jump01\n"));
    let (good, said) = place.verify(&["-purpose", "sslclient"], &issued.certificate);
    assert!(good, "{said}");
    let public = openssl_on(&["pkey", "-pubout"], &place.path("remote.key"));
    assert_eq!(public, openssl_on(&["x509", "-noout", "-pubkey"], &issued.certificate));
}

/// R51: usual keys of usual sizes are signed, for clients and servers
#[test]
fn usual_keys_are_signed() {
    let place = Place::new();
    let kinds: [(&str, &[&str]); 4] = [
        ("p256", P256),
        ("p384", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("ed25519", &["-algorithm", "ED25519"]),
        ("rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ];
    for (name, key) in kinds {
        let csr = request(&place, key, &[]);
        let issued = place
            .authority
            .sign_client(&csr, &client(name), IssueOptions::default(), None)
            .unwrap();
        let (good, said) = place.verify(&["-purpose", "sslclient"], &issued.certificate);
        assert!(good, "{name}: {said}");
        let out = place.path(&format!("{name}.pem"));
        let options = IssueOptions::default();
        let names = [server(&format!("{name}.example.com"))];
        let issued = place.authority.sign_server(&csr, &names, options, Some(&out)).unwrap();
        let (good, said) = place.verify(&["-purpose", "sslserver"], &issued.certificate);
        assert!(good, "{name}: {said}");
        assert_eq!(issued.certificate, out);
    }
}

/// R51: weak and unusual keys are refused, and leave no trace
#[test]
fn weak_and_unusual_keys_are_refused() {
    let place = Place::new();
    let kinds: [(&[&str], &[&str]); 6] = [
        (&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], &[]),
        (&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2040"], &[]),
        (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], &[]),
        (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], &[]),
        (&["-algorithm", "ED448"], &[]),
        (&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], &["-sha1"]),
    ];
    for (key, more) in kinds {
        let csr = request(&place, key, more);
        let error = sign(&place, &csr, None).unwrap_err();
        assert!(matches!(error, PkiError::RequestRefused(_)), "{key:?}: {error}");
    }
    assert!(Authority::list(&place.path("ca")).unwrap().is_empty());
    assert!(!place.in_ca("clients").exists());
}

/// R49: a request that is not signed by its own key is refused
#[test]
fn a_request_must_prove_its_key() {
    let place = Place::new();
    let mut der = pem_to_der(&request(&place, P256, &[]));
    *der.last_mut().unwrap() ^= 1;
    assert_eq!(sign(&place, &der_to_pem(&der), None), Err(PkiError::RequestSignature));
}

#[test]
fn what_is_no_request_is_refused() {
    let place = Place::new();
    let good = request(&place, P256, &[]);
    let mut trailing = pem_to_der(&good);
    trailing.push(0);
    let certificate = fs::read_to_string(place.authority.certificate()).unwrap();
    let twice = format!("{good}{good}");
    let large = format!("{}{good}", " \n".repeat(40_000));
    let relabelled = good.replace("CERTIFICATE REQUEST", "CERTIFICATE");
    for bad in [
        "",
        "nonsense",
        &certificate,
        &twice,
        &large,
        &relabelled,
        &der_to_pem(&trailing),
        &good[..99],
    ] {
        assert_eq!(sign(&place, bad, None), Err(PkiError::RequestMalformed), "{bad:.60}");
    }
    sign(&place, &good, None).unwrap();
}

/// R48: a signed certificate replaces nothing unasked and never lies beside a strange key
#[test]
fn a_signed_certificate_replaces_nothing() {
    let place = Place::new();
    let csr = request(&place, P256, &[]);
    let out = place.path("out.pem");
    fs::write(&out, "precious").unwrap();
    assert_eq!(sign(&place, &csr, Some(&out)), Err(PkiError::Exists(out.clone())));
    assert_eq!(fs::read_to_string(&out).unwrap(), "precious");

    place.client("jump01");
    let options = IssueOptions { allow_second: true, replace: true, ..IssueOptions::default() };
    let error = place.authority.sign_client(&csr, &client("jump01"), options, None).unwrap_err();
    assert_eq!(error, PkiError::Exists(place.in_ca("clients/jump01.key")));
    place.authority.sign_client(&csr, &client("jump01"), options, Some(&out)).unwrap();
}

/// R49: a second live certificate is refused for requests too
#[test]
fn a_request_does_not_get_around_the_live_certificate() {
    let place = Place::new();
    place.client("jump01");
    let csr = request(&place, P256, &[]);
    let out: PathBuf = place.path("out.pem");
    let error = sign(&place, &csr, Some(&out)).unwrap_err();
    assert!(matches!(error, PkiError::LiveCertificate { .. }), "{error}");
    assert!(!out.exists());
}

/// R50: a key that was revoked as compromised is not signed again
#[test]
fn a_compromised_key_stays_out() {
    let place = Place::new();
    let csr = request(&place, P256, &[]);
    sign(&place, &csr, Some(&place.path("first.pem"))).unwrap();
    let gone = [Revokee::Client(client("jump01"))];
    place.authority.revoke_because(&gone, Reason::KeyCompromise).unwrap();
    let again = sign(&place, &csr, Some(&place.path("second.pem")));
    assert!(matches!(again, Err(PkiError::RequestRefused(_))));
}
