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
