//! Leaving a command, coming back to it, and what is asked before one: nothing is ended by leaving.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{Lane, Stream, end, events, out};
use crate::rig::{Gate, Reply, Run};
use crate::terminal::Terminal;

const REGENERATE: [&str; 2] = ["security", "regenerate-internal-tokens"];
const DISABLE: [&str; 3] = ["security", "external-ssl", "disable"];

fn until(what: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !what() {
        assert!(Instant::now() < until, "it did not come to that");
        std::thread::yield_now();
    }
}

/// Runs it until this holds, sends the signal, and gives its end.
fn left(command: &mut std::process::Command, signal: Signal, when: impl Fn() -> bool) -> Run {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    until(when);
    kill_process(Pid::from_child(&child), signal).unwrap();
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        talk: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_signal_leaves_the_command_and_says_how_to_come_back() {
    for signal in [Signal::INT, Signal::TERM] {
        let lane = Lane::streaming(vec![Stream::Hold(events(&[out("one"), end(0)]), 1)]);
        let run = left(&mut lane.asked(&REGENERATE), signal, || lane.lines().len() == 2);
        assert_eq!(run.code, Some(130), "{run:?}");
        run.told(
            "command 7 goes on",
            "`tsmgate commands attach 7` comes back to it, `tsmgate commands cancel 7` ends it",
        );
        // nothing more was asked for
        assert_eq!(lane.lines(), ["POST /v1/commands", "GET /v1/commands/7/output?from=0"]);
    }
}

#[test]
fn a_file_that_was_to_come_back_can_still_be_fetched_afterwards() {
    let lane = Lane::streaming(vec![Stream::Hold(Vec::new(), 1)]);
    let get =
        ["security", "repository-ssl", "get-certificate-file", "--file", "/tmp/repository.crt"];
    let run = left(&mut lane.asked(&get), Signal::INT, || lane.lines().len() == 2);
    run.told("goes on", "`tsmgate commands attach 7 --file /tmp/repository.crt` comes back");
}

#[test]
fn a_signal_before_the_number_is_known_says_where_to_look() {
    let gate = Gate::start(|_| Reply::Hold(Vec::new()));
    let mut command = crate::rig::at(&gate, &REGENERATE);
    let run = left(&mut command, Signal::INT, || !gate.seen().is_empty());
    assert_eq!(run.code, Some(130), "{run:?}");
    run.told("interrupted", "it may run all the same: `tsmgate commands list` shows it");
}

#[test]
fn to_detach_is_to_get_the_number_alone() {
    let lane = Lane::of(&[end(0)]);
    let run = lane.run(&[&REGENERATE[..], &["--detach"]].concat());
    assert_eq!((run.talk.as_str(), run.out.as_str()), ("", "7\n"));
    let json = lane.run(&[&REGENERATE[..], &["--detach", "--json"]].concat()).good();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["id"], "7");
    assert_eq!(lane.lines(), ["POST /v1/commands", "POST /v1/commands"]);
    lane.run(&[&DISABLE[..], &["--detach", "--apply", "--yes"]].concat()).says(64, "--detach", "");
}

#[test]
fn to_apply_is_a_second_command_after_the_first_worked() {
    let lane = Lane::of(&[out("done"), end(0)]);
    let run = lane.run(&[&DISABLE[..], &["--apply", "--yes"]].concat());
    assert_eq!(run.good(), "done\ndone\n");
    let paths = |lane: &Lane| -> Vec<Value> {
        lane.orders().into_iter().map(|order| json!([order["command"], order["options"]])).collect()
    };
    let disable = json!(["security external-ssl disable", []]);
    assert_eq!(paths(&lane), [disable.clone(), json!(["pending-changes apply", []])]);

    let lane = Lane::of(&[end(0)]);
    lane.run(&[&DISABLE[..], &["--apply", "--ignore-warnings", "--ignore-prompt"]].concat()).good();
    let ignoring = json!(["pending-changes apply", [{ "name": "ignore-warnings" }]]);
    assert_eq!(paths(&lane), [disable.clone(), ignoring]);

    let lane = Lane::of(&[end(0)]);
    lane.run(&[&DISABLE[..], &["--apply", "--yes", "--request-timeout", "90"]].concat()).good();
    assert_eq!(lane.orders()[0]["run_seconds"], 90);
    let waiting = json!([{ "name": "request-timeout", "value": "90" }]);
    assert_eq!(lane.orders()[1]["options"], waiting);

    let lane = Lane::streaming(vec![Stream::Hold(Vec::new(), 1)]);
    let mut command = lane.asked(&[&DISABLE[..], &["--apply", "--yes"]].concat());
    let run = left(&mut command, Signal::INT, || lane.lines().len() == 2);
    assert!(run.talk.contains("nothing is applied: "), "{run:?}");
    assert_eq!((run.code, lane.orders().len()), (Some(130), 1));

    let lane = Lane::of(&[end(2)]);
    let run = lane.run(&[&DISABLE[..], &["--apply", "--yes"]].concat());
    assert_eq!(run.code, Some(2));
    assert!(run.talk.contains("nothing is applied: the command before it failed"), "{run:?}");
    assert_eq!(paths(&lane), [disable]);
}

#[test]
fn to_apply_is_asked_about_first_or_has_to_be_said() {
    let lane = Lane::of(&[end(0)]);
    let line = [&DISABLE[..], &["--apply"]].concat();
    lane.run(&line).says(64, "no terminal to ask whether to restart", "give --yes");
    assert!(lane.lines().is_empty());
    for (answer, code, sent) in [("\n", 65, 0), ("no\n", 65, 0), ("y\n", 0, 2), ("yes\n", 0, 4)] {
        let mut terminal = Terminal::of(&lane.asked(&line));
        terminal.until("may restart Tableau Server. Go on? [y/N] ");
        assert_eq!(lane.orders().len(), if sent == 4 { 2 } else { 0 }, "asked before it is sent");
        terminal.master.write_all(answer.as_bytes()).unwrap();
        let (shown, ended) = terminal.end();
        assert_eq!(ended, Some(code), "{shown:?}");
        assert_eq!(lane.orders().len(), sent, "{shown:?}");
    }
    // what changes nothing, or applies by itself, has no such option
    lane.run(&["security", "external-ssl", "list", "--apply"]).says(64, "'--apply'", "");
}

#[test]
fn what_tsm_would_ask_about_is_asked_on_a_terminal_alone() {
    let lane = Lane::of(&[end(0)]);
    // a script has decided
    lane.run(&["pending-changes", "apply"]).good();
    let mut terminal = Terminal::of(&lane.asked(&["pending-changes", "apply"]));
    terminal.until("`tsm pending-changes apply` may restart Tableau Server. Go on? [y/N] ");
    terminal.master.write_all(b"n\n").unwrap();
    assert_eq!(terminal.end().1, Some(65));
    for answered in ["--yes", "--ignore-prompt"] {
        let (shown, code) =
            Terminal::of(&lane.asked(&["pending-changes", "apply", answered])).end();
        assert_eq!(code, Some(0), "{shown:?}");
        assert!(!shown.contains("Go on?"), "{shown:?}");
    }
    assert_eq!(lane.orders().len(), 3);
}

#[test]
fn a_dry_run_shows_what_would_run_and_runs_nothing() {
    let lane = Lane::of(&[end(0)]);
    let run = lane.run(&[&DISABLE[..], &["--dry-run"]].concat());
    assert_eq!(
        run.good(),
        "tsm security 'it'\\''s' --passphrase ********\n\
         permitted: security.external-ssl.enable by the role tls-admin; for at most 35 min, 1 before it\n"
    );
    // what is applied afterwards is asked about too, and nobody is asked here
    let run = lane.run(&[&DISABLE[..], &["--dry-run", "--apply"]].concat());
    assert_eq!(run.good().lines().count(), 4);
    assert_eq!(lane.lines(), ["POST /v1/commands/check"; 3]);
    let no = r#"{"arguments":["tsm","x"],"permission":"security.x","role":null,"permitted":false,
        "run_most_seconds":1,"ahead":0,"why":"no role has it\u001b"}"#;
    let run = crate::rig::run_at(Reply::json(no), &[&DISABLE[..], &["--dry-run"]].concat());
    assert_eq!(run.code, Some(77));
    assert_eq!(run.out, "tsm x\nnot permitted: security.x: no role has it\\u{1b}\n");
    let run =
        crate::rig::run_at(Reply::json(no), &[&DISABLE[..], &["--dry-run", "--json"]].concat());
    assert_eq!(serde_json::from_str::<Value>(&run.out).unwrap()["permitted"], json!(false));
}
