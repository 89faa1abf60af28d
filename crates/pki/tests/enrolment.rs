//! Joining and renewing: who gets what, once, and what is left where something was cut short.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test a failed unwrap is a failed test")]

use std::fs;
use std::net::IpAddr;

use rcgen::{CertificateParams, KeyPair, KeyUsagePurpose};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use support::{Place, client, mode, openssl_on};
use time::{Duration, OffsetDateTime};
use tsmgate_pki::enrolment::{
    EnrolFault, InviteOrder, JoinRequest, Joined, LIVE_MOST, RenewRequest, Service, Token, invite,
    invites, withdraw,
};
use tsmgate_pki::{Authority, PkiError, Reason, Revokee, State, cut};

mod support;

const LIFE: Duration = Duration::days(30);

/// An authority with a service.
fn served() -> Place {
    let place = Place::new();
    let service = Service {
        address: "tsm.example.com:18851".into(),
        published: place.path("gate"),
        life_seconds: 60,
    };
    service.write(&place.path("ca")).unwrap();
    service.published().prepare(&place.path("ca")).unwrap();
    place
}

fn order(name: &str) -> InviteOrder {
    InviteOrder {
        name: client(name),
        roles: vec!["operator".into()],
        networks: vec!["10.20.1.0/24".parse().unwrap()],
        valid: Duration::HOUR,
        replace: false,
    }
}

fn invited(place: &Place, order: &InviteOrder) -> Token {
    invite(&place.path("ca"), order, OffsetDateTime::now_utc()).unwrap().0
}

fn csr(key: &KeyPair) -> String {
    CertificateParams::default().serialize_request(key).unwrap().pem().unwrap()
}

fn ask(token: &Token, key: &KeyPair) -> JoinRequest {
    let secret = token.secret.to_text();
    JoinRequest { name: token.name.to_string(), secret, request: csr(key) }
}

fn join(place: &Place, token: &Token, key: &KeyPair) -> Result<Joined, EnrolFault> {
    place.authority.join(&ask(token, key), LIFE)
}

fn der(joined: &Joined) -> Vec<u8> {
    of_pem(&joined.certificate_pem)
}

fn of_pem(pem: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

fn renew(place: &Place, old: &Joined, from: &str, key: &KeyPair) -> Result<Joined, EnrolFault> {
    let from: IpAddr = from.parse().unwrap();
    place.authority.renew(&der(old), from, &RenewRequest { request: csr(key) }, LIFE)
}

fn published(place: &Place, file: &str) -> String {
    fs::read_to_string(place.path("gate").join(file)).unwrap_or_default()
}

fn live(place: &Place, name: &str) -> usize {
    let now = OffsetDateTime::now_utc();
    let entries = Authority::list(&place.path("ca")).unwrap();
    let live = |entry: &&tsmgate_pki::Entry| entry.state(now) == State::Live;
    entries.iter().filter(live).filter(|entry| entry.names == [name]).count()
}

/// R49: an invite gives one certificate with the invited name, to one key
#[test]
fn an_invite_is_good_for_one_key() {
    let place = served();
    let token = invited(&place, &order("jump01"));
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let joined = join(&place, &token, &key).unwrap();
    assert!(!joined.again && joined.not_after - joined.not_before == LIFE + Duration::MINUTE);
    let file = place.path("leaf.pem");
    fs::write(&file, &joined.certificate_pem).unwrap();
    let (good, said) = place.verify(&["-purpose", "sslclient"], &file);
    assert!(good, "{said}");
    let text = openssl_on(&["x509", "-noout", "-text"], &file);
    assert!(text.contains("URI:tsmgate://client/jump01") && text.contains("CA:FALSE"), "{text}");
    let entry = published(&place, "clients.d/jump01.toml");
    for line in [
        "name = \"jump01\"",
        "identity = \"URI:tsmgate://client/jump01\"",
        "roles = [\"operator\"]",
        "networks = [\"10.20.1.0/24\"]",
    ] {
        assert!(entry.contains(line), "{line}: {entry}");
    }
    assert_eq!(mode(&place.path("gate/clients.d/jump01.toml")), 0o644);

    // the same key again: the answer may have been lost
    let again = join(&place, &token, &key).unwrap();
    assert!(again.again && again.certificate_pem == joined.certificate_pem);
    let refused = join(&place, &token, &other).unwrap_err();
    assert_eq!(refused.code(), "invite_used");
    assert_eq!(live(&place, "jump01"), 1);

    // once renewed, the old answer is no longer a lost one
    renew(&place, &joined, "10.20.1.5", &key).unwrap();
    assert_eq!(join(&place, &token, &key).unwrap_err().code(), "invite_used");
}

/// R48: what is kept of an invite does not let anybody join
#[test]
fn a_secret_is_kept_as_its_hash() {
    let place = served();
    let token = invited(&place, &order("jump01"));
    let file = place.in_ca("invites/jump01.json");
    let kept = fs::read_to_string(&file).unwrap();
    assert!(!kept.contains(token.secret.to_text().as_str()), "{kept}");
    assert_eq!(mode(&file), 0o600);
}

/// R47: who does not know the secret cannot tell which names are invited
#[test]
fn a_wrong_secret_and_an_unknown_name_are_the_same() {
    let place = served();
    let (token, other) = (invited(&place, &order("jump01")), invited(&place, &order("jump02")));
    let key = KeyPair::generate().unwrap();
    let good = ask(&token, &key);
    let wrong = [
        JoinRequest { name: "jump02".into(), ..good.clone() },
        JoinRequest { name: "jump03".into(), ..good.clone() },
        JoinRequest { name: "../jump01".into(), ..good.clone() },
        JoinRequest { secret: String::new().into(), ..good.clone() },
        JoinRequest { secret: other.secret.to_text(), ..good },
    ];
    for ask in wrong {
        assert_eq!(place.authority.join(&ask, LIFE).unwrap_err(), EnrolFault::InviteUnknown);
    }
    // an earlier token of the same name is none any more
    let newer = invited(&place, &order("jump01"));
    assert_eq!(join(&place, &token, &key).unwrap_err(), EnrolFault::InviteUnknown);
    assert!(withdraw(&place.path("ca"), &client("jump01")).unwrap());
    assert_eq!(join(&place, &newer, &key).unwrap_err(), EnrolFault::InviteUnknown);
    assert_eq!((live(&place, "jump01"), live(&place, "jump02")), (0, 0));
    assert_eq!(published(&place, "clients.d/jump01.toml"), "");
}

#[test]
fn an_invite_ends() {
    let mut place = served();
    let token = invited(&place, &order("jump01"));
    place.authority.danger_set_now(OffsetDateTime::now_utc() + Duration::minutes(61));
    let refused = join(&place, &token, &KeyPair::generate().unwrap()).unwrap_err();
    assert_eq!(
        refused,
        EnrolFault::InviteExpired(invites(&place.path("ca")).unwrap()[0].not_after)
    );
    assert_eq!(live(&place, "jump01"), 0);
}

/// R49: of a request the key is taken and nothing else, and no weak one
#[test]
fn a_request_cannot_ask_for_more() {
    let place = served();
    let token = invited(&place, &order("jump01"));
    let key = KeyPair::generate().unwrap();
    let mut wishes = CertificateParams::new(vec!["root.example.com".into()]).unwrap();
    wishes.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let request = wishes.serialize_request(&key).unwrap().pem().unwrap();
    let ask = JoinRequest { request, ..ask(&token, &key) };
    let joined = place.authority.join(&ask, LIFE).unwrap();
    let file = place.path("leaf.pem");
    fs::write(&file, &joined.certificate_pem).unwrap();
    let text = openssl_on(&["x509", "-noout", "-text"], &file);
    assert!(!text.contains("root.example.com") && !text.contains("Certificate Sign"), "{text}");

    let token = invited(&place, &order("jump02"));
    let broken = JoinRequest { request: "no request".into(), ..self::ask(&token, &key) };
    let refused = place.authority.join(&broken, LIFE).unwrap_err();
    assert_eq!(refused, EnrolFault::RequestRefused(PkiError::RequestMalformed));
    // the invite is as good as before
    join(&place, &token, &key).unwrap();
}

#[test]
fn a_name_with_a_certificate_is_invited_to_replace_it_alone() {
    let place = served();
    let old = place.client("jump01");
    let now = OffsetDateTime::now_utc();
    let refused = invite(&place.path("ca"), &order("jump01"), now).unwrap_err();
    assert!(matches!(refused, PkiError::LiveCertificate { .. }), "{refused}");
    let token = invited(&place, &InviteOrder { replace: true, ..order("jump01") });
    let joined = join(&place, &token, &KeyPair::generate().unwrap()).unwrap();
    assert_eq!(live(&place, "jump01"), 1);
    assert!(published(&place, "revoked.toml").contains(&old.serial));
    assert!(!published(&place, "revoked.toml").contains(&joined.serial));
    assert_eq!(
        published(&place, "clients.crl"),
        fs::read_to_string(place.in_ca("clients.crl")).unwrap()
    );
}

/// a service killed between any two of its writes: the same request finishes what was begun
#[test]
fn what_was_cut_short_is_finished_by_the_same_request() {
    let place = served();
    let token = invited(&place, &order("jump01"));
    let key = KeyPair::generate().unwrap();
    let unused = fs::read(place.in_ca("invites/jump01.json")).unwrap();
    let first = join(&place, &token, &key).unwrap();
    // as it was before the last writes
    fs::write(place.in_ca("invites/jump01.json"), unused).unwrap();
    fs::remove_file(place.path("gate/clients.d/jump01.toml")).unwrap();
    let second = join(&place, &token, &key).unwrap();
    assert_ne!(second.serial, first.serial);
    assert_eq!(live(&place, "jump01"), 1);
    assert!(published(&place, "clients.d/jump01.toml").contains("jump01"));
    assert!(published(&place, "revoked.toml").contains(&first.serial));
}

#[test]
fn a_certificate_is_the_ticket_to_the_next() {
    let place = served();
    let key = KeyPair::generate().unwrap();
    let first = join(&place, &invited(&place, &order("jump01")), &key).unwrap();
    let second = renew(&place, &first, "10.20.1.5", &key).unwrap();
    // the one before stays good until it ends
    assert_eq!(live(&place, "jump01"), 2);
    assert_ne!(first.serial, second.serial);
    assert_eq!(renew(&place, &first, "::ffff:10.20.1.5", &key).map(|_| ()), Ok(()));
    let elsewhere = renew(&place, &first, "10.20.2.5", &key).unwrap_err();
    assert_eq!(elsewhere, EnrolFault::NetworkRefused("jump01".into()));
    for _ in live(&place, "jump01")..LIVE_MOST {
        renew(&place, &first, "10.20.1.5", &key).unwrap();
    }
    let refused = renew(&place, &first, "10.20.1.5", &key).unwrap_err();
    assert_eq!(refused, EnrolFault::TooManyCertificates("jump01".into()));
}

/// R50: revoked by name means out: no renewal, no entry, no invite, and on the deny list
#[test]
fn revoked_by_name_is_out_in_one_go() {
    let place = served();
    let key = KeyPair::generate().unwrap();
    let first = join(&place, &invited(&place, &order("jump01")), &key).unwrap();
    let second = renew(&place, &first, "10.20.1.5", &key).unwrap();
    invited(&place, &InviteOrder { replace: true, ..order("jump01") });
    // without the authority's key all of it happens but the list
    let what = [Revokee::Client(client("jump01"))];
    let done = cut(&place.path("ca"), &what, Reason::KeyCompromise).unwrap();
    assert_eq!(done.revoked, [first.serial.clone(), second.serial.clone()]);
    assert_eq!(published(&place, "clients.d/jump01.toml"), "");
    let denied = published(&place, "revoked.toml");
    assert!(denied.contains(&first.serial) && denied.contains(&second.serial), "{denied}");
    assert!(invites(&place.path("ca")).unwrap().is_empty());
    let refused = renew(&place, &second, "10.20.1.5", &key).unwrap_err();
    assert_eq!(refused, EnrolFault::CertificateRevoked);
    // with it the list too, and again is no fault
    let done = place.authority.revoke_because(&what, Reason::KeyCompromise).unwrap();
    assert_eq!((done.revoked.len(), done.already.len(), done.list.entries), (0, 2, 2));
    assert_eq!(
        published(&place, "clients.crl"),
        fs::read_to_string(place.in_ca("clients.crl")).unwrap()
    );
    // and the key does not come back by another invite
    let token = invited(&place, &order("jump01"));
    let refused = join(&place, &token, &key).unwrap_err();
    assert_eq!(refused.code(), "request_refused");
}

#[test]
fn what_was_made_by_hand_or_has_ended_is_not_renewed() {
    let mut place = served();
    let by_hand = place.client("hand");
    let leaf = of_pem(&fs::read_to_string(&by_hand.certificate).unwrap());
    let key = KeyPair::generate().unwrap();
    let from: IpAddr = "10.20.1.5".parse().unwrap();
    let ask = RenewRequest { request: csr(&key) };
    let refused = place.authority.renew(&leaf, from, &ask, LIFE).unwrap_err();
    assert_eq!(refused, EnrolFault::NotEnrolled("hand".into()));
    let other = served();
    let refused = other.authority.renew(&leaf, from, &ask, LIFE).unwrap_err();
    assert_eq!(refused, EnrolFault::CertificateUnknown);
    let joined = join(&place, &invited(&place, &order("jump01")), &key).unwrap();
    place.authority.danger_set_now(joined.not_after + Duration::SECOND);
    let refused = renew(&place, &joined, "10.20.1.5", &key).unwrap_err();
    assert_eq!(refused, EnrolFault::CertificateExpired(joined.not_after));
}

#[test]
fn what_ended_long_ago_is_forgotten_where_there_is_a_later_one() {
    let mut place = served();
    let key = KeyPair::generate().unwrap();
    let now = OffsetDateTime::now_utc();
    let first = join(&place, &invited(&place, &order("jump01")), &key).unwrap();
    join(&place, &invited(&place, &order("jump02")), &KeyPair::generate().unwrap()).unwrap();
    let request = RenewRequest { request: csr(&key) };
    let from: IpAddr = "10.20.1.5".parse().unwrap();
    let life = Duration::days(100);
    let second = place.authority.renew(&der(&first), from, &request, life).unwrap();
    place.authority.danger_set_now(now + Duration::days(65));
    let third = renew(&place, &second, "10.20.1.5", &key).unwrap();
    let entries = Authority::list(&place.path("ca")).unwrap();
    let serials: Vec<_> = entries.iter().map(|entry| entry.serial.to_string()).collect();
    assert!(!serials.contains(&first.serial), "{serials:?}");
    assert!(serials.contains(&second.serial) && serials.contains(&third.serial), "{serials:?}");
    // that of jump02 ended as long ago, and is the last that is known of it
    assert_eq!(serials.len(), 3);
}

/// R50: renewing keeps a key: one that got out is out with all of its certificates, and gets no new one
#[test]
fn a_key_that_got_out_is_out_with_all_its_certificates() {
    let place = served();
    let key = KeyPair::generate().unwrap();
    let first = join(&place, &invited(&place, &order("jump01")), &key).unwrap();
    let second = renew(&place, &first, "10.20.1.5", &key).unwrap();
    let what = [Revokee::Serial(first.serial.parse().unwrap())];
    let done = cut(&place.path("ca"), &what, Reason::KeyCompromise).unwrap();
    assert_eq!(done.revoked, [first.serial, second.serial.clone()]);
    assert!(published(&place, "revoked.toml").contains(&second.serial));
    let fresh = KeyPair::generate().unwrap();
    let refused = renew(&place, &second, "10.20.1.5", &fresh).unwrap_err();
    assert_eq!(refused, EnrolFault::CertificateRevoked);
}

/// R50: a broken invite, of anybody, is in nobody's way out
#[test]
fn a_broken_invite_keeps_nobody_in() {
    let place = served();
    let joined =
        join(&place, &invited(&place, &order("jump01")), &KeyPair::generate().unwrap()).unwrap();
    fs::write(place.in_ca("invites/jump01.json"), "no invite").unwrap();
    fs::write(place.in_ca("invites/other.json"), "no invite").unwrap();
    let what = [Revokee::Client(client("jump01"))];
    let done = cut(&place.path("ca"), &what, Reason::Unspecified).unwrap();
    assert_eq!(done.revoked, [joined.serial]);
    assert!(!place.in_ca("invites/jump01.json").exists());
}

/// a pipe in the folder, which a taken-over service could put there, keeps nobody
#[test]
fn a_pipe_in_the_folder_is_an_error_at_once() {
    for file in ["index.json", "ca.key", "ca.pem", "service.json"] {
        let place = served();
        fs::remove_file(place.in_ca(file)).unwrap();
        let made = std::process::Command::new("mkfifo").arg(place.in_ca(file)).status().unwrap();
        assert!(made.success());
        let what = [Revokee::Client(client("jump01"))];
        assert!(cut(&place.path("ca"), &what, Reason::Unspecified).is_err(), "{file}");
        let opened = Authority::open(&place.path("ca"), None);
        assert_eq!(opened.is_err(), file != "service.json", "{file}");
    }
}
