//! What is shown of files, and the page that shows how to use it all.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::rig::{Place, TSMGATE, text};

/// R51: what inspect shows of a hostile file cannot reach the terminal raw
#[test]
fn inspect_escapes_what_a_file_says() {
    let place = Place::new();
    let config = "[req]\ndistinguished_name=dn\nprompt=no\nutf8=yes\nstring_mask=utf8only\n\
                  [dn]\nCN=\"evil \u{1b}[2J \u{202e} \u{9b}31m\"\n";
    fs::write(place.path("evil.cnf"), config).unwrap();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-keyout", "evil.key", "-out", "evil.pem", "-config", "evil.cnf"])
        .current_dir(place.0.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    for args in [&["inspect", "evil.pem"][..], &["inspect", "evil.pem", "--json"]] {
        let shown = place.good(args);
        assert!(shown.contains("evil") && shown.contains("u{202e}"), "{shown}");
        let raw = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.contains(raw), "{shown:?}");
    }
    // A file's own name is text from elsewhere too.
    let name = "no\u{1b}[2Jsuch\u{202e}.pem";
    let (code, talk) = place.bad(&["inspect", name]);
    assert_eq!(code, 66);
    assert!(!talk.contains('\u{1b}') && !talk.contains('\u{202e}'), "{talk:?}");
}

/// One name per thing in the JSON of every command.
#[test]
fn json_calls_a_thing_by_one_name() {
    let place = Place::new();
    let issued = &place.json(&["client", "jump01"])[0];
    let listed = &place.json(&["list"])[0];
    let shown = &place.json(&["inspect", "pki/clients/jump01.pem"])[0];
    for field in ["serial_number", "ends", "public_key"] {
        assert!(issued[field].is_string());
        assert_eq!(issued[field], listed[field]);
        assert_eq!(issued[field], shown[field]);
    }
    assert_eq!(listed["begins"], shown["begins"]);
    assert!(shown["public_key"].as_str().unwrap().starts_with("KEY:"));
    assert_eq!(shown["key_type"], "ECDSA P-256");
    let key = &place.json(&["inspect", "pki/clients/jump01.key"])[0];
    assert_eq!((&key["public_key"], &key["key_type"]), (&shown["public_key"], &shown["key_type"]));
    let made = &place.json(&["revoke", "jump01"])["list"];
    let shown = &place.json(&["inspect", "pki/clients.crl"])[0];
    assert_eq!((&made["number"], &made["ends"]), (&shown["number"], &shown["ends"]));
    assert!(made["number"].is_u64());
    assert_eq!(shown["entries"][0]["serial_number"], issued["serial_number"]);
}

/// R51: the page's commands work as written, and OpenSSL takes what they make
#[test]
fn the_page_of_certificates_works_as_written() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../certs/README.md");
    let page = fs::read_to_string(page).unwrap();
    let script = page.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(script.lines().count() >= 6);
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("certs")).unwrap();
    let programs = Path::new(TSMGATE).parent().unwrap().to_str().unwrap();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
    let run = |script: &str| {
        let mut sh = Command::new("sh");
        sh.args(["-euc", script]).env("PATH", &path).current_dir(folder.path());
        let output = sh.output().unwrap();
        assert!(output.status.success(), "{script}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let said = run(script);
    assert!(said.contains("URI:tsmgate://client/jump01"));
    run("cd certs/dev
         strict='openssl verify -x509_strict -CAfile ca.pem'
         $strict -purpose sslserver -verify_ip 127.0.0.1 servers/localhost.pem
         $strict -purpose sslclient -crl_check -CRLfile clients.crl clients/jump01.pem
         ! $strict -purpose sslclient -crl_check -CRLfile clients.crl clients/night-backup.pem");
    // The indented example of a request, too.
    let request: Vec<_> =
        page.lines().filter_map(|line| line.strip_prefix("    ")).take(3).collect();
    assert!(request[2].starts_with("tsmgate pki sign"), "{request:?}");
    run(&format!("export TSMGATE_PKI_DIR=certs/dev\n{}", request.join("\n")));
}
