//! Inviting, and what an operator does on the host of a service: as root, in the service's own folder.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use tsmgate_pki::enrolment::{Service, Token};

use crate::rig::{Place, modes, text, write_secret};

/// An authority with a service, as in `tsmgated setup`.
fn served() -> Place {
    let place = Place::new();
    prepare(&place);
    place
}

fn prepare(place: &Place) {
    let address = "tsm.example.com:18851".to_owned();
    let service = Service { address, published: place.path("gate"), life_seconds: 2_592_000 };
    service.write(&place.path("pki")).unwrap();
    service.published().prepare(&place.path("pki")).unwrap();
}

/// Nobody's files may be made by root: what this user may not do, the command does not do.
const SERVICE_USER: u32 = 64_987;

/// R48: the token is on standard output alone, and its secret in no file
#[test]
fn an_invite_is_one_line_on_standard_output() {
    let place = served();
    let args = ["invite", "jump01", "--roles", "operator,login", "--networks", "10.20.1.0/24"];
    let output = place.run(&args);
    let (line, talk) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{talk}");
    let token: Token = line.trim_end().parse().unwrap();
    assert_eq!((token.name.as_str(), token.address.as_str()), ("jump01", "tsm.example.com:18851"));
    assert!(talk.contains("invited jump01 as operator, login, until "), "{talk}");
    assert!(!talk.contains(line.trim_end()), "{talk}");
    let secret = token.secret.to_text();
    for (path, _) in modes(&place.path("pki")).into_iter().filter(|(path, _)| path.is_file()) {
        let contents = fs::read_to_string(&path).unwrap();
        assert!(!contents.contains(secret.as_str()), "{}", path.display());
    }
    let listed = place.json(&["invites", "list"]);
    assert_eq!(listed[0]["name"], "jump01");
    assert_eq!(listed[0]["roles"], serde_json::json!(["operator", "login"]));
    assert_eq!(listed[0]["joined"], serde_json::Value::Null);
    let lines = place.good(&["invites", "list"]);
    assert!(lines.contains("jump01  open") && lines.contains("10.20.1.0/24"), "{lines}");
    assert_eq!(place.json(&["invites", "revoke", "jump01"])["revoked"], true);
    assert_eq!(place.json(&["invites", "revoke", "jump01"])["revoked"], false);
    assert_eq!(place.json(&["invites", "list"]), serde_json::json!([]));
}

#[test]
fn an_invite_that_makes_no_sense_is_refused() {
    let place = served();
    place.good(&["client", "jump02"]);
    let cases: [(&[&str], i32, &str); 5] = [
        (&["invite", "jump01", "--roles", "a b"], 64, "role"),
        (&["invite", "jump01", "--roles", "login", "--valid", "8d"], 64, "7 days"),
        (&["invite", "jump02", "--roles", "login"], 65, "jump02 has a live certificate"),
        (&["invite", "Jump01", "--roles", "login"], 64, "cannot name a client"),
        (
            &["invite", "jump01", "--roles", "login", "--networks", "10.20.1.5/24"],
            64,
            "10.20.1.0/24",
        ),
    ];
    for (args, code, words) in cases {
        let output = place.run(args);
        let talk = text(&output.stderr);
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(code), 0),
            "{args:?}: {talk}"
        );
        assert!(talk.contains(words), "{args:?}: {talk}");
    }
    let plain = Place::new();
    let (code, talk) = plain.bad(&["invite", "jump01", "--roles", "login"]);
    assert_eq!(code, 66);
    assert!(talk.contains("tsmgated setup"), "{talk}");
}

/// R50: out at the gate before anybody asks for a passphrase, and also where nobody can give it
#[test]
fn whoever_is_revoked_is_out_before_the_key_is_asked_for() {
    let place = Place(tempfile::tempdir().unwrap());
    write_secret(&place.path("phrase"), "correct horse\n");
    let with_phrase = ["--passphrase-file", "phrase"];
    place.good(&[&["init", "--encrypt"][..], &with_phrase].concat());
    prepare(&place);
    let issued = place.json(&[&["client", "jump01"][..], &with_phrase].concat());
    let serial = issued[0]["serial_number"].as_str().unwrap();
    let output = place.run(&["revoke", "jump01"]);
    let talk = text(&output.stderr);
    assert_eq!(output.status.code(), Some(65), "{talk}");
    assert!(talk.starts_with("out at the gate already: 1 certificates"), "{talk}");
    let denied = fs::read_to_string(place.path("gate/revoked.toml")).unwrap();
    assert!(denied.contains(serial), "{denied}");
    let done = place.json(&[&["revoke", "jump01"][..], &with_phrase].concat());
    assert_eq!(done["revoked_before"], serde_json::json!([serial]));
    let list = fs::read(place.path("pki/clients.crl")).unwrap();
    assert_eq!(fs::read(place.path("gate/clients.crl")).unwrap(), list);
}

/// R46: root that works in the service's folder makes nothing there that is not the service's
#[test]
fn root_works_in_the_folder_as_its_owner() {
    let place = served();
    place.good(&["client", "jump02"]);
    for (path, _) in modes(place.0.path()) {
        if !path.ends_with("ca.key") {
            chown(&path, Some(SERVICE_USER), Some(SERVICE_USER)).unwrap();
        }
    }
    // the way there is open, as /var/lib is
    fs::set_permissions(place.0.path(), PermissionsExt::from_mode(0o755)).unwrap();
    place.good(&["invite", "jump01", "--roles", "operator"]);
    let done = place.json(&["revoke", "jump02"]);
    assert_eq!(done["revoked"].as_array().unwrap().len(), 1);
    place.good(&["list"]);
    for (path, _) in modes(place.0.path()) {
        let owner = if path.ends_with("ca.key") { 0 } else { SERVICE_USER };
        assert_eq!(path.metadata().unwrap().uid(), owner, "{}", path.display());
    }
    // what the service's user may not write, root does not write for it
    let elsewhere = tempfile::tempdir().unwrap();
    let address = "tsm.example.com:18851".to_owned();
    let published = elsewhere.path().to_owned();
    Service { address, published, life_seconds: 60 }.write(&place.path("pki")).unwrap();
    chown(place.path("pki/service.json"), Some(SERVICE_USER), Some(SERVICE_USER)).unwrap();
    let (code, talk) = place.bad(&["revoke", "jump01"]);
    assert_eq!(code, 66, "{talk}");
    assert_eq!(elsewhere.path().read_dir().unwrap().count(), 0);
}

#[test]
fn what_was_granted_can_be_changed() {
    let place = served();
    let (code, talk) = place.bad(&["grant", "jump01", "--roles", "login"]);
    assert_eq!(code, 65, "{talk}");
    assert!(talk.contains("jump01 has not joined"), "{talk}");
    let entry = "[[client]]\nname = \"jump01\"\nidentity = \"URI:tsmgate://client/jump01\"\nroles = [\"monitor\"]\n";
    fs::write(place.path("gate/clients.d/jump01.toml"), entry).unwrap();
    let text = || fs::read_to_string(place.path("gate/clients.d/jump01.toml")).unwrap();
    place.good(&["grant", "jump01", "--networks", "10.20.1.0/24,::1"]);
    assert!(text().contains("roles = [\"monitor\"]"), "{}", text());
    assert!(text().contains("networks = [\"10.20.1.0/24\", \"::1/128\"]"), "{}", text());
    let done = place.json(&["grant", "jump01", "--roles", "operator,login", "--any-network"]);
    assert_eq!(done["roles"], serde_json::json!(["operator", "login"]));
    assert!(text().contains("roles = [\"operator\", \"login\"]"), "{}", text());
    assert!(!text().contains("networks"), "{}", text());
    assert_eq!(place.run(&["grant", "jump01"]).status.code(), Some(64));
    assert_eq!(place.bad(&["grant", "jump01", "--roles", "a b"]).0, 64);
}

#[test]
fn the_list_says_who_holds_what_and_was_seen_when() {
    let place = served();
    place.good(&["client", "jump01"]);
    let entry = "[[client]]\nname = \"jump01\"\nidentity = \"URI:tsmgate://client/jump01\"\nroles = [\"monitor\"]\n";
    fs::write(place.path("gate/clients.d/jump01.toml"), entry).unwrap();
    let record = r#"{"@timestamp":"2026-02-01T08:00:00Z","event.action":"connection","client.user.name":"jump01"}"#;
    fs::write(place.path("audit.jsonl"), format!("{record}\n")).unwrap();
    let list = place.json(&["list", "--audit", "audit.jsonl"]);
    assert_eq!(list[0]["roles"], serde_json::json!(["monitor"]));
    assert_eq!(list[0]["last_seen"], "2026-02-01T08:00:00Z");
    let lines = place.good(&["list", "--audit", "audit.jsonl"]);
    assert!(lines.contains("LAST SEEN") && lines.contains("monitor"), "{lines}");
    assert_eq!(place.bad(&["list", "--audit", "gone.jsonl"]).0, 66);
}

/// R50: who was invited and never came is revoked as well as anybody; a file that is missing stops nothing
#[test]
fn revoking_goes_as_far_as_it_can() {
    let place = served();
    place.good(&["invite", "jump01", "--roles", "login"]);
    let done = place.json(&["revoke", "jump01"]);
    assert_eq!(done["revoked"], serde_json::json!([]));
    assert_eq!(place.json(&["invites", "list"]), serde_json::json!([]));
    let issued = place.json(&["client", "jump02"]);
    let output = place.run(&["revoke", "jump02", "--passphrase-file", "nowhere"]);
    assert_eq!(output.status.code(), Some(66));
    let denied = fs::read_to_string(place.path("gate/revoked.toml")).unwrap();
    assert!(denied.contains(issued[0]["serial_number"].as_str().unwrap()), "{denied}");
}
