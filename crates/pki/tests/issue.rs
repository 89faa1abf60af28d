//! Issuing: what certificates say, where files go, and when nothing is issued.
#![allow(clippy::unwrap_used, reason = "in a test a failed unwrap is a failed test")]

use std::fs;
use std::os::unix::fs::symlink;

use support::{Place, client, files, mode, openssl_on, server, try_openssl};
use time::{Duration, OffsetDateTime};
use tsmgate_pki::{Authority, InitOptions, IssueOptions, PkiError, Revokee, State};

mod support;

/// R48: client and server keys are created 0600 in a 0700 folder, PKCS#8
#[test]
fn keys_are_private() {
    let place = Place::new();
    let issued = [
        place.client("jump01"),
        place.authority.server(&[server("tsm.example.com")], IssueOptions::default()).unwrap(),
    ];
    for one in issued {
        let key = one.private_key.unwrap();
        assert_eq!(mode(&key), 0o600);
        assert_eq!(mode(key.parent().unwrap()), 0o700);
        assert_eq!(mode(&one.certificate), 0o644);
        assert!(fs::read_to_string(&key).unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let public = openssl_on(&["pkey", "-pubout"], &key);
        assert_eq!(public, openssl_on(&["x509", "-noout", "-pubkey"], &one.certificate));
    }
    assert_eq!(files(&place.in_ca("clients")), ["jump01.key", "jump01.pem"]);
    assert_eq!(files(&place.in_ca("servers")), ["tsm.example.com.key", "tsm.example.com.pem"]);
}

/// R48: files that are there stay, links included, and nothing is issued
#[test]
fn nothing_is_overwritten_unasked() {
    let place = Place::new();
    place.client("first");
    let precious = place.path("precious");
    fs::write(&precious, "precious").unwrap();
    for (name, ending) in [("a", "key"), ("a", "pem"), ("b", "key"), ("b", "pem")] {
        let target = place.in_ca(&format!("clients/{name}.{ending}"));
        if name == "a" {
            fs::write(&target, "precious").unwrap();
        } else {
            symlink(&precious, &target).unwrap();
        }
        let error = place.authority.client(&client(name), IssueOptions::default()).unwrap_err();
        assert_eq!(error, PkiError::Exists(target.clone()));
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
        fs::remove_file(&target).unwrap();
    }
    assert_eq!(Authority::list(&place.path("ca")).unwrap().len(), 1);
    assert_eq!(files(&place.in_ca("clients")), ["first.key", "first.pem"]);
}

/// R48: asked to replace, it replaces a link itself and not what it points to
#[test]
fn replacing_does_not_follow_a_link() {
    let place = Place::new();
    place.client("other");
    let precious = place.path("precious");
    fs::write(&precious, "precious").unwrap();
    let key = place.in_ca("clients/jump01.key");
    symlink(&precious, &key).unwrap();
    let options = IssueOptions { replace: true, ..IssueOptions::default() };
    place.authority.client(&client("jump01"), options).unwrap();
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    assert_eq!(mode(&key), 0o600);
    assert!(key.symlink_metadata().unwrap().is_file());
}

/// R48: a `clients` folder that is a link is not written through
#[test]
fn a_linked_folder_is_refused() {
    let place = Place::new();
    fs::create_dir(place.path("elsewhere")).unwrap();
    symlink(place.path("elsewhere"), place.in_ca("clients")).unwrap();
    let error = place.authority.client(&client("jump01"), IssueOptions::default()).unwrap_err();
    let expected = PkiError::Malformed { path: place.in_ca("clients"), expected: "a folder" };
    assert_eq!(error, expected);
    assert!(files(&place.path("elsewhere")).is_empty());
    // What could not be written does not count as issued.
    assert!(Authority::list(&place.path("ca")).unwrap().is_empty());
}

/// R49, R51: a client certificate says what it should and no more, and OpenSSL takes it strictly
#[test]
fn a_client_certificate_is_for_one_client() {
    let place = Place::new();
    let issued = place.client("jump-01.example");
    let (good, said) = place.verify(&["-purpose", "sslclient"], &issued.certificate);
    assert!(good, "{said}");
    let (good, _) = place.verify(&["-purpose", "sslserver"], &issued.certificate);
    assert!(!good, "a client certificate must not serve");
    let text = openssl_on(&["x509", "-noout", "-text"], &issued.certificate);
    for expected in [
        "Version: 3",
        "Signature Algorithm: ecdsa-with-SHA256",
        "prime256v1",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                TLS Web Client Authentication\n",
        "X509v3 Subject Alternative Name: \n                URI:tsmgate://client/jump-01.example\n",
        "CA:FALSE",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let serial = openssl_on(&["x509", "-noout", "-serial"], &issued.certificate);
    assert_eq!(serial.trim().to_lowercase(), format!("serial={}", issued.serial));
}

/// R49: a life is 90 days unless asked otherwise, 1 to 365, and starts a minute ago
#[test]
fn lives_are_backdated_and_bounded() {
    let place = Place::new();
    let before = OffsetDateTime::now_utc();
    place.client("jump01");
    let one = IssueOptions { days: Some(1), ..IssueOptions::default() };
    place.authority.client(&client("short"), one).unwrap();
    let most = IssueOptions { days: Some(365), ..IssueOptions::default() };
    place.authority.client(&client("long"), most).unwrap();
    for (entry, days) in Authority::list(&place.path("ca")).unwrap().iter().zip([90, 1, 365]) {
        assert_eq!(entry.not_after - entry.not_before, Duration::days(days));
        let backdated = before - entry.not_before;
        assert!((59..=61).contains(&backdated.whole_seconds()), "{backdated}");
    }
    for days in [0, 366, u16::MAX] {
        let options = IssueOptions { days: Some(days), ..IssueOptions::default() };
        let error = place.authority.client(&client("never"), options).unwrap_err();
        assert_eq!(error, PkiError::BadLifetime(days));
    }
}

/// R49: a second live certificate of a name needs to be allowed; an expired or revoked one is none
#[test]
fn a_name_has_one_live_certificate() {
    let mut place = Place::new();
    let first = place.client("jump01");
    let replace = IssueOptions { replace: true, ..IssueOptions::default() };
    let error = place.authority.client(&client("jump01"), replace).unwrap_err();
    assert_eq!(
        error,
        PkiError::LiveCertificate {
            name: "jump01".into(),
            serial: first.serial.clone(),
            not_after: first.not_after,
        }
    );
    let second = IssueOptions { allow_second: true, ..replace };
    let second = place.authority.client(&client("jump01"), second).unwrap();
    place.authority.revoke(&Revokee::Client(client("jump01"))).unwrap();
    let third = place.authority.client(&client("jump01"), replace).unwrap();
    place.authority.danger_set_now(third.not_after + Duration::SECOND);
    let fourth = place.authority.client(&client("jump01"), replace).unwrap();
    let entries = Authority::list(&place.path("ca")).unwrap();
    let serials: Vec<_> = entries.iter().map(|entry| entry.serial.to_string()).collect();
    assert_eq!(serials, [first.serial, second.serial, third.serial, fourth.serial]);
    let states: Vec<_> = entries.iter().map(|entry| entry.state(third.not_after)).collect();
    assert_eq!(states, [State::Revoked, State::Revoked, State::Live, State::Live]);
}

/// R51: a server certificate serves all its names, and OpenSSL takes it strictly
#[test]
fn a_server_certificate_has_all_its_names() {
    let place = Place::new();
    let names = ["tsm.example.com", "localhost", "192.0.2.7", "::1"].map(server);
    let issued = place.authority.server(&names, IssueOptions::default()).unwrap();
    assert_eq!(issued.certificate, place.in_ca("servers/tsm.example.com.pem"));
    for check in [
        ["-verify_hostname", "tsm.example.com"],
        ["-verify_hostname", "localhost"],
        ["-verify_ip", "192.0.2.7"],
        ["-verify_ip", "::1"],
    ] {
        let more = [&["-purpose", "sslserver"][..], &check].concat();
        let (good, said) = place.verify(&more, &issued.certificate);
        assert!(good, "{said}");
    }
    let (good, _) = place.verify(&["-purpose", "sslclient"], &issued.certificate);
    assert!(!good, "a server certificate must not be a client");
    let entry = Authority::list(&place.path("ca")).unwrap().remove(0);
    assert_eq!(entry.not_after - entry.not_before, Duration::days(365));
    let error = place.authority.server(&[], IssueOptions::default()).unwrap_err();
    assert_eq!(error, PkiError::NoServerName);
}

#[test]
fn a_server_name_longer_than_a_subject_may_be_is_a_san_alone() {
    let place = Place::new();
    let name = format!("{}.example.com", "a".repeat(60));
    let issued = place.authority.server(&[server(&name)], IssueOptions::default()).unwrap();
    let more = ["-purpose", "sslserver", "-verify_hostname", &name];
    let (good, said) = place.verify(&more, &issued.certificate);
    assert!(good, "{said}");
}

#[test]
fn nothing_outlives_its_authority() {
    let folder = tempfile::tempdir().unwrap();
    let long_ago = OffsetDateTime::now_utc() - Duration::days(3652 - 30);
    let ca = folder.path().join("ca");
    drop(Authority::danger_init_at(&ca, InitOptions::default(), long_ago).unwrap());
    let authority = Authority::open(&ca, None).unwrap();
    let error = authority.client(&client("jump01"), IssueOptions::default()).unwrap_err();
    assert_eq!(error, PkiError::OutlivesAuthority(authority.not_after()));
    let month = IssueOptions { days: Some(29), ..IssueOptions::default() };
    authority.client(&client("jump01"), month).unwrap();
}

/// R49: serial numbers differ and are positive
#[test]
fn serials_of_certificates_differ() {
    let place = Place::new();
    let (a, b) = (place.client("a"), place.client("b"));
    assert_ne!(a.serial, b.serial);
    let (_, text) =
        try_openssl(&["x509", "-noout", "-text", "-in", a.certificate.to_str().unwrap()]);
    assert!(!text.contains("(Negative)"));
}

/// R50: changes at once lose no entry of the index
#[test]
fn changes_at_once_lose_nothing() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let ca = place.path("ca");
            scope.spawn(move || {
                let authority = Authority::open(&ca, None).unwrap();
                for number in 0..5 {
                    let name = client(&format!("client-{thread}-{number}"));
                    authority.client(&name, IssueOptions::default()).unwrap();
                    authority.revoke(&Revokee::Client(name)).unwrap();
                }
            });
        }
    });
    let entries = Authority::list(&place.path("ca")).unwrap();
    assert_eq!(entries.len(), 20);
    assert!(entries.iter().all(|entry| entry.revoked.is_some()));
    assert_eq!(place.authority.issue_crl().unwrap().number, 22);
}
