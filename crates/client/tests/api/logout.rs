//! `logout`: the cookie reaches the gate alone, and nothing of it is seen.

use std::fs;

use crate::rig::gate::bytes;
use crate::rig::{Gate, Reply, Run, at};

const COOKIE: &str = "kZ7-SECRET-q1/w2+e3=";

fn ending() -> Gate {
    Gate::start(|_| Reply::Bytes(bytes("204 No Content", "tsmgate-request: L-7-1\r\n", "")))
}

#[test]
fn a_session_is_ended_by_whatever_login_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session");
    let json =
        format!(r#"{{"name":"AUTH_COOKIE","value":"{COOKIE}","username":"u","expiry":"x"}}"#);
    let netscape = format!(
        "# Netscape HTTP Cookie File\n#HttpOnly_h\tFALSE\t/\tTRUE\t1\tAUTH_COOKIE\t{COOKIE}\n"
    );
    for text in [
        COOKIE.to_owned(),
        format!("{COOKIE}\n"),
        format!("{COOKIE}\r\n"),
        json,
        netscape,
        format!("Cookie: AUTH_COOKIE={COOKIE}\n"),
        format!("AUTH_COOKIE={COOKIE}\n"),
        format!("AUTH_COOKIE='{COOKIE}'\n"),
        format!("AUTH_COOKIE=\"{COOKIE}\"\n"),
    ] {
        let gate = ending();
        fs::write(&file, &text).unwrap();
        let run = Run::of(at(&gate, &["logout"]).arg("--cookie-file").arg(&file));
        assert_eq!(run.talk, "tsmgate: the session is ended\n");
        assert_eq!(run.good(), "");
        let run = Run::with_input(&mut at(&gate, &["logout", "--json"]), text.as_bytes());
        assert_eq!(run.good(), "{\"ended\":true}\n");
        for seen in gate.seen() {
            assert_eq!(seen.line, "POST /v1/logout");
            assert_eq!(seen.body, format!(r#"{{"cookie":"{COOKIE}"}}"#));
            assert_eq!(seen.header("content-type"), Some("application/json"));
            assert_eq!(seen.header("cookie"), None);
        }
    }
}

#[test]
fn what_is_no_cookie_is_not_sent() {
    let gate = ending();
    for text in [
        "",
        "\n",
        "two words",
        "SECRET;x",
        "two\nSECRETs\n",
        "{\"value\":7}",
        "{\"name\":\"x\"}",
        "{SECRET",
        "# Netscape HTTP Cookie File\n",
        "AUTH_COOKIE='SECRET",
        "AUTH_COOKIE=''",
        "Cookie: SECRET",
    ] {
        let run = Run::with_input(&mut at(&gate, &["logout"]), text.as_bytes());
        run.says(66, "cannot read stdin: no cookie in it", "as `tsmgate login` writes it");
    }
    let run = Run::of(at(&gate, &["logout"]).args(["--cookie-file", "/no/such"]));
    run.says(66, "cannot read /no/such: ", "check the path");
    assert!(gate.seen().is_empty());
}

#[test]
fn a_gate_that_refuses_is_told() {
    let body = format!(
        r#"{{"error":{{"code":"not_permitted","summary":"s","detail":"d","permission":"login"}},"x":"{COOKIE}"}}"#
    );
    let gate = Gate::start(move |_| Reply::refused(403, "not_permitted", "", &body));
    let run = Run::with_input(&mut at(&gate, &["logout"]), COOKIE.as_bytes());
    run.says(77, "the permission login is missing", "a role with login");
}
