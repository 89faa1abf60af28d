//! Issuing and signing, and what is refused before anything is made.

use std::process::Command;

use crate::rig::{Place, text};

/// R49: bad names and lives are refused as usage, before anything is made
#[test]
fn bad_names_and_lives_are_usage_errors() {
    let place = Place::new();
    for args in [
        &["client", "Jump01"][..],
        &["client", "../evil"],
        &["client", ".."],
        &["client", "good", "-evil"],
        &["client", "good", "a/b"],
        &["client", "good", "--days", "0"],
        &["client", "good", "--days", "366"],
        &["client"],
        &["server", "*.example.com"],
        &["server"],
        &["sign", "pki/ca.pem"],
        &["sign", "pki/ca.pem", "--client", "a", "--server", "b"],
        &["needs-renewal", "pki/ca.pem", "--within", "soon"],
        &["nonsense"],
    ] {
        let output = place.run(args);
        assert_eq!(output.status.code(), Some(64), "{args:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
    }
    assert_eq!(place.bad(&["revoke", "Bad Name"]).0, 64);
    let (_, talk) = place.bad(&["client", "Jump01"]);
    assert!(talk.contains("hint: 1 to 64 of a-z, 0-9, dot and dash"), "{talk}");
    assert_eq!(talk.matches("Jump01").count(), 1, "{talk}");
    assert!(!place.path("pki/clients").exists());
}

/// R49: a second live certificate of a name needs --allow-second
#[test]
fn a_second_live_certificate_needs_to_be_allowed() {
    let place = Place::new();
    let first = place.json(&["client", "jump01"]);
    let serial = first[0]["serial_number"].as_str().unwrap();
    let (code, talk) = place.bad(&["client", "jump01", "--force"]);
    assert_eq!(code, 65);
    assert!(talk.contains(serial) && talk.contains("--allow-second"), "{talk}");
}

/// R49: names in a request are ignored by `sign`, whatever they are
#[test]
fn sign_takes_the_key_alone() {
    let place = Place::new();
    let openssl = |args: &[&str]| {
        let output = Command::new("openssl").args(args).current_dir(place.0.path()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    openssl(&[
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "jump02.key",
        "-out",
        "jump02.csr",
        "-subj",
        "/CN=admin",
        "-addext",
        "subjectAltName=URI:tsmgate://client/admin",
    ]);
    let answer = place.good(&["sign", "jump02.csr", "--client", "jump02", "--out", "jump02.pem"]);
    assert!(answer.contains("jump02.pem") && !answer.contains("private key"), "{answer}");
    let shown = openssl(&["x509", "-noout", "-text", "-in", "jump02.pem"]);
    assert!(shown.contains("URI:tsmgate://client/jump02") && !shown.contains("admin"), "{shown}");
    let names = ["--server", "a.example", "--server", "192.0.2.1"];
    let args = [&["sign", "--out", "srv.pem"], &names[..], &["jump02.csr"]].concat();
    assert!(place.good(&args).contains("a.example, 192.0.2.1"));
    openssl(&[
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-CAfile",
        "pki/ca.pem",
        "srv.pem",
    ]);
    let (code, talk) = place.bad(&["sign", "gone.csr", "--client", "a"]);
    assert_eq!(code, 66);
    assert!(talk.contains("cannot read gone.csr: no such file or folder"), "{talk}");
    assert_eq!(place.bad(&["sign", "pki/ca.pem", "--client", "a"]).0, 65);
    let (code, talk) = place.bad(&["sign", "/dev/zero", "--client", "a"]);
    assert_eq!(code, 66);
    assert!(talk.contains("cannot read /dev/zero: file too large"), "{talk}");
}

#[test]
fn the_folder_comes_from_flag_variable_or_default() {
    let place = Place::new();
    let elsewhere = place.path("elsewhere");
    place.good(&["--dir", elsewhere.to_str().unwrap(), "init"]);
    place.good(&["client", "a", "--dir", "elsewhere"]);
    let output = place.command(&["list"]).env("TSMGATE_PKI_DIR", &elsewhere).output().unwrap();
    assert!(text(&output.stdout).contains("client"));
    assert_eq!(place.good(&["list"]), "");
    let (code, talk) = place.bad(&["list", "--dir", "nowhere"]);
    assert_eq!(code, 66);
    assert!(talk.contains("nowhere holds no authority"), "{talk}");
}

#[test]
fn list_is_a_table_for_people() {
    let place = Place::new();
    place.good(&["server", "tsm.example.com", "192.0.2.1"]);
    place.good(&["client", "jump01", "jump02"]);
    place.good(&["revoke", "jump02"]);
    let table = place.good(&["list"]);
    let words: Vec<Vec<_>> = table.lines().map(|line| line.split("  ").collect()).collect();
    assert!(words[0].first().is_some_and(|word| *word == "NAME"), "{table}");
    for expected in ["tsm.example.com,192.0.2.1", "364 days left", "89 days left", "revoked"] {
        assert!(table.contains(expected), "{expected} in {table}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = place.command(&["client", "jump01"]).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!text(&output.stderr).contains("panicked"));
    assert!(place.path("pki/clients/jump01.pem").exists());
}
