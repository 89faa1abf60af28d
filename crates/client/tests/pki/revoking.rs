//! Revoking, lists, and the question of renewal.

use std::fs;

use crate::rig::{Place, quiet, text};

/// R50: a name, a serial number with and without colons, and a file all revoke
#[test]
fn revoke_takes_names_serials_and_files() {
    let place = Place::new();
    let issued = place.json(&["client", "a", "b", "c", "d"]);
    let serial = |at: usize| issued[at]["serial_number"].as_str().unwrap().to_owned();
    let upper = serial(2).to_uppercase();
    let pairs: Vec<_> =
        upper.as_bytes().chunks(2).map(|p| std::str::from_utf8(p).unwrap()).collect();
    fs::remove_dir_all(place.path("pki/clients")).unwrap();
    let done = place.json(&["revoke", "a", &serial(1), &pairs.join(":"), "--reason", "superseded"]);
    assert_eq!(done["revoked"], serde_json::json!([serial(0), serial(1), serial(2)]));
    assert_eq!((&done["list"]["number"], &done["list"]["entries"]), (&2.into(), &3.into()));

    place.good(&["server", "tsm.example.com", "::1"]);
    let done = place.json(&["revoke", "pki/servers/tsm.example.com.pem", "a"]);
    assert_eq!(done["revoked"].as_array().unwrap().len(), 1);
    assert_eq!(done["revoked_before"], serde_json::json!([serial(0)]));
    let done = place.json(&["revoke", "--as", "server", "tsm.example.com"]);
    assert_eq!(done["revoked"], serde_json::json!([]));

    let output = place.run(&["revoke", "d"]);
    assert!(text(&output.stderr).ends_with("host: it is in force seconds later\n"));
    let (code, talk) = place.bad(&["revoke", "never-issued"]);
    assert_eq!(code, 65);
    assert!(talk.contains("client never-issued"), "{talk}");
    assert_eq!(place.bad(&["revoke", "gone.pem"]).0, 66);
    let shown = place.json(&["inspect", "pki/clients.crl"]);
    assert_eq!(shown[0]["number"], 5);
    assert_eq!(shown[0]["entries"].as_array().unwrap().len(), 5);
    assert_eq!(shown[0]["entries"][0]["reason"], "superseded");
}

/// R50: commands at once, as processes, lose no entry and repeat no number
#[test]
fn commands_at_once_lose_nothing() {
    let place = Place::new();
    let names: Vec<_> = (0..12).map(|number| format!("client-{number}")).collect();
    let spawn = |args: &[&str]| quiet(place.command(args));
    let made: Vec<_> = names.iter().map(|name| spawn(&["client", name])).collect();
    assert!(made.into_iter().all(|mut child| child.wait().unwrap().success()));
    let gone: Vec<_> = names.iter().map(|name| spawn(&["revoke", name])).collect();
    assert!(gone.into_iter().all(|mut child| child.wait().unwrap().success()));
    let list = place.json(&["list"]);
    assert_eq!(list.as_array().unwrap().len(), 12);
    assert!(list.as_array().unwrap().iter().all(|entry| entry["state"] == "revoked"));
    let shown = place.json(&["inspect", "pki/clients.crl"]);
    assert_eq!(
        (shown[0]["number"].as_u64(), shown[0]["entries"].as_array().unwrap().len()),
        (Some(13), 12)
    );
}

/// R50: without its index the authority says so and changes nothing
#[test]
fn a_lost_index_is_said() {
    let place = Place::new();
    fs::remove_file(place.path("pki/index.json")).unwrap();
    for args in [&["client", "a"][..], &["revoke", "a"], &["crl"], &["list"]] {
        let (code, talk) = place.bad(args);
        assert_eq!(code, 66);
        assert!(talk.contains("the index ./pki/index.json is missing"), "{talk}");
    }
}

/// R50: the exit code says whether to renew: 0 yes, 1 no, 66 cannot be read
#[test]
fn needs_renewal_answers_by_exit_code() {
    let place = Place::new();
    place.good(&["client", "jump01"]);
    let file = "pki/clients/jump01.pem";
    let code = |args: &[&str]| place.run(&[&["needs-renewal"], args].concat()).status.code();
    assert_eq!(code(&[file]), Some(1));
    assert_eq!(code(&["pki/clients.crl"]), Some(1));
    assert_eq!(code(&[file, "--within", "91d"]), Some(0));
    assert_eq!(code(&[file, "--within", "2000h"]), Some(1));
    assert_eq!(code(&["pki/clients.crl", "--within", "100d"]), Some(0));
    for unreadable in ["gone.pem", "pki/index.json", "pki/clients/jump01.key", "pki"] {
        assert_eq!(code(&[unreadable]), Some(66), "{unreadable}");
    }
}
