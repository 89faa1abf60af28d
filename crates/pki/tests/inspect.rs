//! What files hold, as `inspect` tells it: against OpenSSL's word, and against hostile text.
#![allow(clippy::unwrap_used, reason = "in a test a failed unwrap is a failed test")]

use std::fs;
use std::path::Path;

use data_encoding::BASE64;
use rcgen::{CertificateParams, DnType, KeyPair, SanType};
use support::{Place, client, openssl, openssl_on, server};
use time::{Duration, OffsetDateTime};
use tsmgate_pki::inspect::{CertificateView, RevocationListView, View, inspect};
use tsmgate_pki::{IssueOptions, PkiError, Renewal, Revokee, renewal};

mod support;

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

fn certificate(path: &Path) -> CertificateView {
    match inspect(path, now()).unwrap().remove(0) {
        View::Certificate(view) => view,
        other => panic!("{other:?}"),
    }
}

/// Base64 SHA-256 of a public key, as OpenSSL computes it.
fn key_by_openssl(place: &Place, certificate: &Path) -> String {
    let (public, der) = (place.path("public.pem"), place.path("public.der"));
    fs::write(&public, openssl_on(&["x509", "-noout", "-pubkey"], certificate)).unwrap();
    openssl_on(&["pkey", "-pubin", "-outform", "DER", "-out", der.to_str().unwrap()], &public);
    let said = openssl(&["dgst", "-sha256", der.to_str().unwrap()]);
    let hex = said.trim().rsplit(' ').next().unwrap();
    BASE64.encode(&data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap())
}

/// R51: fingerprints, serial number and key identity are those that OpenSSL computes
#[test]
fn a_certificate_is_shown_as_openssl_sees_it() {
    let place = Place::new();
    let issued = place.client("jump01");
    let view = certificate(&issued.certificate);
    let fingerprint =
        openssl_on(&["x509", "-noout", "-fingerprint", "-sha256"], &issued.certificate);
    let fingerprint = fingerprint.trim().rsplit('=').next().unwrap().replace(':', "");
    assert_eq!(view.sha256, fingerprint.to_lowercase());
    assert_eq!(view.public_key, format!("KEY:{}", key_by_openssl(&place, &issued.certificate)));
    assert_eq!(view.public_key, format!("KEY:{}", issued.public_key_sha256));
    assert_eq!(view.serial_number, issued.serial);
    assert_eq!(view.version, 3);
    assert_eq!(view.subject, "CN=jump01");
    assert!(view.issuer.starts_with("CN=tsmgate authority "));
    assert_eq!(view.names, ["URI:tsmgate://client/jump01"]);
    assert_eq!(view.key_usage, ["digitalSignature"]);
    assert_eq!(view.extended_key_usage, ["clientAuth"]);
    assert_eq!((view.key_type.as_str(), view.is_authority), ("ECDSA P-256", false));
    assert_eq!(view.days_left, 89);

    let names = ["tsm.example.com", "192.0.2.7", "::1"].map(server);
    let issued = place.authority.server(&names, IssueOptions::default()).unwrap();
    let view = certificate(&issued.certificate);
    assert_eq!(view.names, ["DNS:tsm.example.com", "IP:192.0.2.7", "IP:::1"]);
    assert_eq!(view.extended_key_usage, ["serverAuth"]);
    let view = certificate(&place.authority.certificate());
    assert_eq!(view.key_usage, ["keyCertSign", "cRLSign"]);
    assert!(view.is_authority);
}

#[test]
fn chains_der_lists_and_requests_are_shown() {
    let place = Place::new();
    let issued = place.client("jump01");
    place.authority.revoke(&Revokee::Client(client("jump01"))).unwrap();
    let all = place.path("all.pem");
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let list = place.in_ca("clients.crl");
    let (key, csr) = (issued.private_key.unwrap(), place.path("a.csr"));
    let args = ["req", "-new", "-subj", "/CN=a", "-addext", "subjectAltName=DNS:a.example", "-out"];
    openssl(&[&args[..], &[csr.to_str().unwrap(), "-key", key.to_str().unwrap()]].concat());
    let text = "Certificate:\n  words before the first block\n";
    let parts = [&issued.certificate, &place.authority.certificate(), &list, &csr, &key];
    fs::write(&all, format!("{text}{}", parts.map(|part| read(part)).concat())).unwrap();

    let views = inspect(&all, now()).unwrap();
    let [View::Certificate(leaf), View::Certificate(ca), View::RevocationList(crl), request, key] =
        views.as_slice()
    else {
        panic!("{views:?}")
    };
    assert_eq!(
        (leaf.issuer.as_str(), crl.issuer.as_str()),
        (ca.subject.as_str(), ca.subject.as_str())
    );
    assert_eq!((crl.number.as_deref(), crl.days_left), (Some("2"), Some(89)));
    assert_eq!(crl.entries[0].serial_number, issued.serial);
    assert_eq!(crl.entries[0].reason, None);
    let View::Request(request) = request else { panic!("{request:?}") };
    assert_eq!(
        (request.names.as_slice(), request.signature_valid),
        (&["DNS:a.example".into()][..], true)
    );
    let View::PrivateKey(key) = key else { panic!("{key:?}") };
    assert_eq!(key.public_key.as_deref(), Some(leaf.public_key.as_str()));
    assert!(!key.encrypted);

    let der = place.path("one.der");
    let outform = ["-outform", "DER", "-out", der.to_str().unwrap()];
    openssl_on(&[&["x509"], &outform[..]].concat(), &issued.certificate);
    assert_eq!(inspect(&der, now()).unwrap(), [View::Certificate(leaf.clone())]);
    openssl_on(&[&["crl"], &outform[..]].concat(), &list);
    assert_eq!(inspect(&der, now()).unwrap(), [View::RevocationList(crl.clone())]);
}

/// R48: of a private key nothing secret is told
#[test]
fn a_private_key_shows_its_public_half_alone() {
    let place = Place::new();
    let issued = place.client("jump01");
    let key = issued.private_key.unwrap();
    let views = inspect(&key, now()).unwrap();
    let json = serde_json::to_string(&views).unwrap();
    let secret = openssl_on(&["pkey", "-noout", "-text"], &key);
    assert!(secret.contains("priv:"));
    assert_eq!(
        json,
        format!(
            r#"[{{"type":"private_key","encrypted":false,"key_type":"ECDSA P-256","public_key":"KEY:{}"}}]"#,
            issued.public_key_sha256
        )
    );
    let sealed = place.path("sealed.key");
    let args =
        ["pkcs8", "-topk8", "-passout", "pass:eight or more", "-out", sealed.to_str().unwrap()];
    openssl_on(&args, &key);
    let json = serde_json::to_string(&inspect(&sealed, now()).unwrap()).unwrap();
    assert!(json.contains(r#""encrypted":true,"key_type":null,"public_key":null"#), "{json}");
}

#[test]
fn keys_of_openssl_are_read_with_their_curve_before_them() {
    let place = Place::new();
    let path = place.path("ec.key");
    let made = ["ecparam", "-genkey", "-name", "prime256v1", "-out", path.to_str().unwrap()];
    openssl(&made);
    assert!(fs::read_to_string(&path).unwrap().starts_with("-----BEGIN EC PARAMETERS-----"));
    let views = inspect(&path, now()).unwrap();
    let [View::PrivateKey(key)] = views.as_slice() else { panic!("{views:?}") };
    assert_eq!(key.key_type.as_deref(), Some("ECDSA P-256"));
}

#[test]
fn a_short_rsa_key_is_said_to_be_short() {
    let place = Place::new();
    let (key, other) = (place.path("rsa.key"), place.path("other"));
    openssl(&["genrsa", "-out", key.to_str().unwrap(), "1024"]);
    let short = |path: &Path| {
        let error = inspect(path, now()).unwrap_err();
        assert_eq!(error, PkiError::ShortKey { path: path.to_owned(), bits: 1024 });
    };
    short(&key);
    for form in [&["-traditional"][..], &["-outform", "DER"]] {
        openssl_on(&[&["rsa", "-out", other.to_str().unwrap()], form].concat(), &key);
        short(&other);
    }
    openssl(&["genrsa", "-out", key.to_str().unwrap(), "2048"]);
    assert!(inspect(&key, now()).is_ok());
}

#[test]
fn a_lists_number_is_a_number_in_json_where_that_is_exact() {
    let place = Place::new();
    let View::RevocationList(list) = inspect(&place.in_ca("clients.crl"), now()).unwrap().remove(0)
    else {
        panic!("no list")
    };
    for (decimal, json) in [
        (Some("9007199254740991"), "9007199254740991"),
        (Some("9007199254740992"), "\"9007199254740992\""),
        (None, "null"),
    ] {
        let list = RevocationListView { number: decimal.map(Into::into), ..list.clone() };
        let text = serde_json::to_string(&list).unwrap();
        assert!(text.contains(&format!("\"number\":{json},")), "{text}");
    }
}

/// R51: names from a file are escaped before anything shows them
#[test]
fn hostile_names_are_escaped() {
    let place = Place::new();
    let mut params = CertificateParams::default();
    let evil = "a\u{1b}[2J\u{202e}b\nc\0";
    params.distinguished_name.push(DnType::CommonName, evil);
    params.distinguished_name.push(DnType::OrganizationName, "x".repeat(5000));
    for uri in ["tsmgate://client/\u{1b}]0;x\u{7}", "tsmgate://client/a\0b"] {
        params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
    }
    let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    let path = place.path("evil.pem");
    fs::write(&path, pem).unwrap();
    let view = certificate(&path);
    let escaped = "CN=a\\u{1b}[2J\\u{202e}b\\u{a}c\\u{0}";
    assert!(view.subject.starts_with(escaped), "{}", view.subject);
    assert!(view.subject.len() < 1000);
    assert_eq!(view.names[0], "URI:tsmgate://client/\\u{1b}]0;x\\u{7}");
    assert_eq!(view.names[1], "URI:tsmgate://client/a\\u{0}b");
    let json = serde_json::to_string(&view).unwrap();
    assert!(json.chars().all(|c| !c.is_control() && c != '\u{202e}'));
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let place = Place::new();
    let path = place.path("file");
    let certificate = fs::read_to_string(place.authority.certificate()).unwrap();
    let torn = &certificate[..certificate.len() / 2];
    let strange = "-----BEGIN NONSENSE-----\nAAAA\n-----END NONSENSE-----\n";
    for bad in ["", "nonsense", torn, strange, "-----BEGIN ", "\u{30}\u{3}abc"] {
        fs::write(&path, bad).unwrap();
        let error = inspect(&path, now()).unwrap_err();
        assert_eq!(error, PkiError::Unknown(path.clone()), "{bad:.40}");
        assert!(!error.hint().contains("inspect"));
        assert!(renewal(&path, None, now()).is_err());
    }
    let gone = place.path("gone");
    let error = inspect(&gone, now()).unwrap_err();
    let said = format!("cannot read {}: no such file or folder", gone.display());
    assert_eq!(error.to_string(), said);
}

/// R50: renewal is due when less than a third of the life, or less than asked for, is left
#[test]
fn renewal_is_judged_by_dates() {
    let place = Place::new();
    let issued = place.client("jump01");
    let list = place.authority.issue_crl().unwrap();
    for (path, ends) in [(&issued.certificate, issued.not_after), (&list.path, list.next_update)] {
        for (left, within, needed) in [
            (Duration::days(89), None, false),
            (Duration::days(31), None, false),
            (Duration::days(29), None, true),
            (Duration::days(-1), None, true),
            (Duration::days(31), Some(Duration::days(32)), true),
            (Duration::days(29), Some(Duration::days(28)), false),
            (Duration::days(-1), Some(Duration::ZERO), true),
        ] {
            let renewal = renewal(path, within, ends - left).unwrap();
            assert_eq!(renewal, Renewal { needed, ends: Some(ends) }, "{left} {within:?}");
        }
    }
    // In a chain the leaf counts.
    let chain = place.path("chain.pem");
    let parts = [&issued.certificate, &place.authority.certificate()];
    fs::write(&chain, parts.map(|part| fs::read_to_string(part).unwrap()).concat()).unwrap();
    assert_eq!(renewal(&chain, None, now()).unwrap().ends, Some(issued.not_after));
    assert!(renewal(issued.private_key.as_ref().unwrap(), None, now()).is_err());
}
