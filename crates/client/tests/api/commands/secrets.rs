//! Secrets: from a file, the environment, a terminal or an argument; in the request and nowhere else.

use std::io::Write;

use serde_json::json;

use super::{Lane, end, out};
use crate::rig::{Run, SECRET};
use crate::terminal::Terminal;

fn enable<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let service = [
        "security",
        "vizql-extsvc-ssl",
        "enable",
        "--connection-type",
        "tabpy",
        "--extsvc-host",
        "tabpy",
        "--extsvc-port",
        "9004",
    ];
    [&service[..], more].concat()
}

fn sent(lane: &Lane) -> serde_json::Value {
    lane.orders().last().unwrap()["options"][3].clone()
}

/// R39: a secret is in no argument of ours, no output and no record of ours
#[test]
fn a_secret_comes_from_a_file_or_the_environment_and_goes_into_the_request_alone() {
    let lane = Lane::of(&[out("done"), end(0)]);
    let secret = format!("a {SECRET} \"pässword\"");
    let wanted = json!({ "name": "extsvc-password", "value": secret });
    lane.private("secret", &format!("{secret}\n"));
    let file = lane.gate.certificates.path("secret");
    let run = lane.run(&enable(&["--extsvc-password-file", file.to_str().unwrap()]));
    assert!(!run.talk.contains("warning"), "{run:?}");
    run.good();
    assert_eq!(sent(&lane), wanted);
    let mut command = lane.asked(&enable(&[]));
    let run = Run::of(command.env("TSMGATE_EXTSVC_PASSWORD", &secret));
    assert!(!run.talk.contains("warning"), "{run:?}");
    run.good();
    assert_eq!(sent(&lane), wanted);
    // an empty variable is none
    Run::of(lane.asked(&enable(&[])).env("TSMGATE_EXTSVC_PASSWORD", "")).good();
    assert_eq!(sent(&lane), json!(null));
}

#[test]
fn a_secret_as_an_argument_works_and_is_warned_of() {
    let lane = Lane::of(&[end(0)]);
    let secret = format!("-{SECRET} with a dash");
    for given in [&["--extsvc-password", &*secret][..], &[&*format!("--extsvc-password={secret}")]]
    {
        let run = lane.run(&enable(given));
        assert_eq!(run.talk.matches("can be seen by others in ps").count(), 1, "{run:?}");
        assert!(run.talk.contains("TSMGATE_EXTSVC_PASSWORD"), "{run:?}");
        run.good();
        assert_eq!(sent(&lane), json!({ "name": "extsvc-password", "value": secret }));
    }
}

#[test]
fn a_secret_that_cannot_be_had_ends_it_before_anything_is_sent() {
    let lane = Lane::of(&[end(0)]);
    lane.private("two", "one\ntwo\n");
    let (two, none) = (lane.gate.certificates.path("two"), lane.gate.certificates.path("none"));
    let file = "--extsvc-password-file";
    lane.run(&enable(&[file, two.to_str().unwrap()])).says(66, "holds not one line of text", "");
    lane.run(&enable(&[file, none.to_str().unwrap()])).says(66, "no such file", "");
    // others may read a certificate
    let open = lane.gate.certificates.path("ca.pem");
    lane.run(&enable(&[file, open.to_str().unwrap()])).says(
        66,
        "accessible to group or others",
        "",
    );
    lane.run(&enable(&[file, "x", "--extsvc-password", "y"])).says(64, "cannot be used with", "");
    let mut command = lane.asked(&enable(&[]));
    Run::of(command.env("TSMGATE_EXTSVC_PASSWORD", "one\ntwo")).says(64, "one line of text", "");
    assert!(lane.lines().is_empty());
}

/// R39: a typed secret is not shown
#[test]
fn a_dash_asks_on_the_terminal_and_shows_nothing() {
    let lane = Lane::of(&[out("done"), end(0)]);
    let mut terminal = Terminal::of(&lane.asked(&enable(&["--extsvc-password", "-"])));
    terminal.until("--extsvc-password: ");
    terminal.until_hidden();
    terminal.master.write_all(format!("{SECRET}\n").as_bytes()).unwrap();
    let (shown, code) = terminal.end();
    assert_eq!(code, Some(0), "{shown:?}");
    assert_eq!(sent(&lane), json!({ "name": "extsvc-password", "value": SECRET }));
    let mut terminal = Terminal::of(&lane.asked(&enable(&["--extsvc-password", "-"])));
    terminal.until("--extsvc-password: ");
    terminal.until_hidden();
    terminal.master.write_all(b"\n").unwrap();
    let (shown, code) = terminal.end();
    assert!(shown.contains("--extsvc-password is empty"), "{shown:?}");
    assert_eq!(code, Some(65));
}

/// A word too many may be a part of a secret that was not quoted.
#[test]
fn what_clap_cannot_read_is_not_said_again_beside_a_secret() {
    let lane = Lane::of(&[end(0)]);
    let run = lane.run(&enable(&["--extsvc-password", "my", SECRET]));
    run.says(64, "an argument that the command does not take", "quote");
    let run = lane.run(&enable(&["--extsvc-password=x", &format!("--{SECRET}")]));
    run.says(64, "an argument that the command does not take", "quote");
}
