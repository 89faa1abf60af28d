//! Revoking by name, serial number and file, and the lists that say so.
#![allow(clippy::unwrap_used, reason = "in a test a failed unwrap is a failed test")]

use std::fs;

use support::{Place, client, files, mode, openssl, openssl_on, server, set_mode};
use time::{Duration, OffsetDateTime};
use tsmgate_pki::{Authority, IssueOptions, Issued, PkiError, Reason, Revokee, Serial};

mod support;

fn list_text(place: &Place) -> String {
    openssl_on(&["crl", "-noout", "-text"], &place.in_ca("clients.crl"))
}

/// What `openssl verify` says when it is given the list.
fn verify(place: &Place, issued: &Issued) -> (bool, String) {
    let list = place.in_ca("clients.crl");
    let more = ["-crl_check", "-purpose", "sslclient", "-CRLfile", list.to_str().unwrap()];
    place.verify(&more, &issued.certificate)
}

fn serial(issued: &Issued) -> Serial {
    issued.serial.parse().unwrap()
}

/// R50, R51: a new authority has an empty list that OpenSSL takes
#[test]
fn a_new_authority_has_an_empty_list() {
    let place = Place::new();
    let ca = place.authority.certificate();
    let list = place.in_ca("clients.crl");
    let said = openssl_on(&["crl", "-noout", "-CAfile", ca.to_str().unwrap()], &list);
    assert!(said.contains("verify OK"), "{said}");
    let text = list_text(&place);
    for expected in [
        "Version 2",
        "X509v3 Authority Key Identifier",
        "X509v3 CRL Number: \n                1\n",
        "Last Update",
        "Next Update",
        "No Revoked Certificates",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let (good, said) = verify(&place, &place.client("jump01"));
    assert!(good, "{said}");
}

/// R50: revoking by name ends all live certificates of that client and of nobody else
#[test]
fn a_name_revokes_all_of_its_live_certificates() {
    let place = Place::new();
    let first = place.client("jump01");
    let kept = fs::read(&first.certificate).unwrap();
    let options = IssueOptions { allow_second: true, replace: true, ..IssueOptions::default() };
    let second = place.authority.client(&client("jump01"), options).unwrap();
    let other = place.client("jump02");
    // A server of the same name is somebody else.
    place.authority.server(&[server("jump01")], IssueOptions::default()).unwrap();

    let done = place.authority.revoke(&Revokee::Client(client("jump01"))).unwrap();
    assert_eq!(done.revoked, [first.serial.clone(), second.serial.clone()]);
    assert!(done.already.is_empty());
    assert_eq!((done.list.number, done.list.entries), (2, 2));

    let (good, said) = verify(&place, &second);
    assert!(!good && said.contains("certificate revoked"), "{said}");
    fs::write(&first.certificate, kept).unwrap();
    assert!(!verify(&place, &first).0);
    assert!(verify(&place, &other).0);
}

/// R50: revoking by serial number works though the certificate is lost
#[test]
fn a_serial_revokes_a_lost_certificate() {
    let place = Place::new();
    let issued = place.client("jump01");
    fs::remove_dir_all(place.in_ca("clients")).unwrap();
    let digits = issued.serial.to_uppercase();
    let pairs: Vec<_> =
        digits.as_bytes().chunks(2).map(|p| std::str::from_utf8(p).unwrap()).collect();
    let what = Revokee::Serial(pairs.join(":").parse().unwrap());
    assert_eq!(place.authority.revoke(&what).unwrap().revoked, [issued.serial]);
    assert!(list_text(&place).contains(&digits));
}

/// R50: revoking by name works though the certificate is lost
#[test]
fn a_name_revokes_a_lost_certificate() {
    let place = Place::new();
    let issued = place.client("jump01");
    fs::remove_dir_all(place.in_ca("clients")).unwrap();
    let done = place.authority.revoke(&Revokee::Client(client("jump01"))).unwrap();
    assert_eq!(done.revoked, [issued.serial]);
}

/// R50: revoking by file works, in PEM and DER, even for what the index has forgotten
#[test]
fn a_file_revokes_its_certificate() {
    let place = Place::new();
    let before = fs::read(place.in_ca("index.json")).unwrap();
    let issued = place.client("jump01");
    let der = place.path("jump01.der");
    openssl_on(&["x509", "-outform", "DER", "-out", der.to_str().unwrap()], &issued.certificate);
    // The index comes back from a backup that is older than the certificate.
    fs::write(place.in_ca("index.json"), before).unwrap();
    let unknown = place.authority.revoke(&Revokee::Serial(serial(&issued)));
    assert!(matches!(unknown, Err(PkiError::UnknownCertificate(_))));

    let done = place.authority.revoke(&Revokee::Certificate(der)).unwrap();
    assert_eq!(done.revoked, [issued.serial.as_str()]);
    assert!(!verify(&place, &issued).0);
    let entries = Authority::list(&place.path("ca")).unwrap();
    assert_eq!(entries[0].names, ["jump01"]);
    let done = place.authority.revoke(&Revokee::Certificate(issued.certificate)).unwrap();
    assert_eq!(done.already, [issued.serial]);
}

/// R50: another authority's certificate, and the authority itself, are not revoked here
#[test]
fn a_foreign_certificate_is_refused() {
    let (place, other) = (Place::new(), Place::new());
    let foreign = other.client("jump01").certificate;
    let own = place.authority.certificate();
    for path in [foreign, own] {
        let error = place.authority.revoke(&Revokee::Certificate(path.clone())).unwrap_err();
        assert_eq!(error, PkiError::ForeignCertificate(path));
    }
    let path = place.in_ca("index.json");
    let error = place.authority.revoke(&Revokee::Certificate(path.clone())).unwrap_err();
    assert_eq!(error, PkiError::Malformed { path, expected: "a certificate" });
    assert!(Authority::list(&place.path("ca")).unwrap().is_empty());
}

/// R50: revoking again changes nothing but the list's number, whatever the reason given
#[test]
fn revoking_again_keeps_the_first_date_and_reason() {
    let mut place = Place::new();
    let issued = place.client("jump01");
    let what = [Revokee::Client(client("jump01"))];
    place.authority.revoke_because(&what, Reason::KeyCompromise).unwrap();
    let first = Authority::list(&place.path("ca")).unwrap();
    place.authority.danger_set_now(OffsetDateTime::now_utc() + Duration::DAY);
    let again = place.authority.revoke_because(&what, Reason::Superseded).unwrap();
    assert_eq!((again.revoked.as_slice(), again.list.number), (&[][..], 3));
    assert_eq!(again.already, [issued.serial]);
    assert_eq!(Authority::list(&place.path("ca")).unwrap(), first);
    let text = list_text(&place);
    assert_eq!(text.matches("Serial Number").count(), 1);
    assert!(text.contains("Key Compromise") && !text.contains("Superseded"), "{text}");

    // The same certificate meant twice in one command counts once.
    let fresh = place.client("jump02");
    let what = [Revokee::Client(client("jump02")), Revokee::Serial(serial(&fresh))];
    let done = place.authority.revoke_because(&what, Reason::Unspecified).unwrap();
    assert_eq!((done.revoked, done.already), (vec![fresh.serial], vec![]));
}

/// R50: numbers grow, dates are set, and an old list's file is replaced, not changed
#[test]
fn each_list_is_a_new_file_with_a_higher_number() {
    use std::os::unix::fs::MetadataExt;
    let mut place = Place::new();
    let path = place.in_ca("clients.crl");
    let mut last = (1, path.metadata().unwrap().ino());
    let reader = fs::File::open(&path).unwrap();
    for _ in 0..3 {
        let list = place.authority.issue_crl().unwrap();
        let inode = path.metadata().unwrap().ino();
        assert!(list.number > last.0 && inode != last.1);
        assert_eq!(list.next_update - list.this_update, Duration::days(90));
        last = (list.number, inode);
    }
    // Who had the old file open still reads it whole.
    let old = std::io::read_to_string(reader).unwrap();
    assert!(old.ends_with("-----END X509 CRL-----\n"));
    assert_eq!(mode(&path), 0o644);
    assert_eq!(files(&place.path("ca")), ["ca.key", "ca.pem", "clients.crl", "index.json"]);

    // A lost list's number is not used again.
    fs::remove_file(&path).unwrap();
    assert_eq!(place.authority.issue_crl().unwrap().number, last.0 + 1);
    place.authority.danger_set_now(OffsetDateTime::now_utc() + Duration::days(30));
    assert_eq!(place.authority.issue_crl_of(7).unwrap().number, last.0 + 2);
    assert_eq!(place.authority.issue_crl_of(0), Err(PkiError::BadLifetime(0)));
}

/// R50: a list that cannot be written is written by the next command, nothing is forgotten
#[test]
fn an_interrupted_revocation_is_mended_by_repeating_it() {
    let place = Place::new();
    let issued = place.client("jump01");
    // A folder in its place is something that rename does not replace.
    fs::remove_file(place.in_ca("clients.crl")).unwrap();
    fs::create_dir(place.in_ca("clients.crl")).unwrap();
    set_mode(&place.in_ca("clients.crl"), 0o700);
    let what = Revokee::Client(client("jump01"));
    let error = place.authority.revoke(&what).unwrap_err();
    assert!(matches!(error, PkiError::File { doing: "write", .. }), "{error}");
    fs::remove_dir(place.in_ca("clients.crl")).unwrap();
    let done = place.authority.revoke(&what).unwrap();
    assert_eq!((done.already, done.list.number), (vec![issued.serial.clone()], 3));
    assert!(!verify(&place, &issued).0);
}

#[test]
fn what_was_never_issued_cannot_be_revoked() {
    let place = Place::new();
    place.client("jump01");
    let before = fs::read(place.in_ca("clients.crl")).unwrap();
    let what = [Revokee::Client(client("jump01")), Revokee::Client(client("jump02"))];
    let error = place.authority.revoke_because(&what, Reason::Unspecified).unwrap_err();
    assert_eq!(error, PkiError::UnknownCertificate("client jump02".into()));
    // All or nothing.
    assert_eq!(fs::read(place.in_ca("clients.crl")).unwrap(), before);
    assert!(Authority::list(&place.path("ca")).unwrap()[0].revoked.is_none());
}

/// R50: an expired certificate has nothing to revoke by name, and can be by serial number
#[test]
fn an_expired_certificate_is_revoked_by_serial_only() {
    let mut place = Place::new();
    let issued = place.client("jump01");
    place.authority.danger_set_now(issued.not_after + Duration::SECOND);
    let done = place.authority.revoke(&Revokee::Client(client("jump01"))).unwrap();
    assert!(done.revoked.is_empty() && done.already.is_empty());
    let done = place.authority.revoke(&Revokee::Serial(serial(&issued))).unwrap();
    assert_eq!(done.revoked, [issued.serial]);
}

/// R50, R51: each reason has the code that OpenSSL reads
#[test]
fn reasons_are_readable() {
    let place = Place::new();
    let reasons = [
        (Reason::KeyCompromise, "Key Compromise"),
        (Reason::AffiliationChanged, "Affiliation Changed"),
        (Reason::Superseded, "Superseded"),
        (Reason::CessationOfOperation, "Cessation Of Operation"),
        (Reason::PrivilegeWithdrawn, "Privilege Withdrawn"),
    ];
    for (number, (reason, text)) in reasons.into_iter().enumerate() {
        let issued = place.client(&format!("client-{number}"));
        let what = [Revokee::Serial(serial(&issued))];
        place.authority.revoke_because(&what, reason).unwrap();
        assert!(list_text(&place).contains(text), "{text}");
    }
    let servers = [server("tsm.example.com")];
    let issued = place.authority.server(&servers, IssueOptions::default()).unwrap();
    let done = place.authority.revoke(&Revokee::Server(server("tsm.example.com"))).unwrap();
    assert_eq!(done.revoked, [issued.serial]);
    assert!(openssl(&["version"]).starts_with("OpenSSL"));
}
