//! `tsmgate commands`: the list, one, the catalogue, coming back, cancelling, and running what an operator
//! added.

use serde_json::{Value, json};

use super::{Lane, end, out, task};
use crate::rig::gate::bytes;
use crate::rig::{Gate, Reply, Run, SECRET, at, run_at};

#[test]
fn commands_are_listed_and_shown() {
    let mut ended = task("ended");
    ended["id"] = json!("8");
    ended["command"] = json!("security \u{1b}x");
    ended["ended_at"] = json!("2026-11-22T18:00:09.000Z");
    ended["end"] = json!({ "how": "exited", "code": 1, "detail": "a\u{1b}b" });
    let mut queued = task("queued");
    queued["ahead"] = json!(2);
    let body = json!({ "commands": [ended, queued, task("running")] }).to_string();
    let text = run_at(Reply::json(&body), &["commands", "list"]).good();
    let line = |id, command, state, queued, ended| {
        format!("{id:2}  {command:26}  {state:19}  {:6}  {queued:24}  {ended}\n", "jump01")
    };
    let (queued, over) = ("2026-11-22T18:00:00.000Z", "2026-11-22T18:00:09.000Z");
    let heading = line("ID", "COMMAND", "STATE", "QUEUED", "ENDED").replace("jump01", "CLIENT");
    assert_eq!(
        text,
        [
            heading,
            line("8", "security \\u{1b}x", "exited 1", queued, over),
            line("7", "security external-ssl list", "queued, 2 before it", queued, "-"),
            line("7", "security external-ssl list", "running", queued, "-"),
        ]
        .concat()
    );
    let json = run_at(Reply::json(&body), &["commands", "list", "--json"]).good();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["commands"][0]["end"]["code"], 1);
    let none = run_at(Reply::json(r#"{"commands":[]}"#), &["commands", "list"]).good();
    assert_eq!(none, "There are no commands.\n");

    let run = run_at(Reply::json(&ended.to_string()), &["commands", "show", "8"]);
    let text = run.good();
    assert!(
        text.starts_with("Command 8: tsm security \\u{1b}x\n  state       exited 1\n"),
        "{text}"
    );
    assert!(text.contains("  detail      a\\u{1b}b\n"), "{text}");
    assert!(text.ends_with("  arguments   tsm security external-ssl list\n"), "{text}");
}

#[test]
fn a_number_is_checked_before_it_is_asked_for() {
    let lane = Lane::of(&[end(0)]);
    for verb in ["show", "attach", "cancel"] {
        for number in ["../whoami", "", "a b", "x7", "7/cancel"] {
            lane.run(&["commands", verb, number]).says(64, "", "");
        }
        lane.run(&["commands", verb, "404"]).says(65, "unknown_id", "`tsmgate commands list`");
    }
    assert!(lane.lines().iter().all(|line| line.contains("404")));
}

/// A gate's number is told to be typed: it is nothing that a shell or a terminal would take for more.
#[test]
fn a_number_that_is_none_is_not_passed_on() {
    for number in ["7;reboot", "\u{1b}[2J", "../whoami", ""] {
        let mut task = task("running");
        task["id"] = json!(number);
        let lacks = "the JSON lacks a ";
        let one = Reply::json(&task.to_string());
        run_at(one.clone(), &["commands", "show", "7"]).says(76, lacks, "");
        run_at(one, &["security", "external-ssl", "list", "--detach"]).says(76, lacks, "");
        let all = Reply::json(&json!({ "commands": [task] }).to_string());
        run_at(all, &["commands", "list"]).says(76, lacks, "");
    }
}

#[test]
fn a_command_is_come_back_to_and_cancelled() {
    let lane = Lane::of(&[out("one"), out("two"), end(5)]);
    let run = lane.run(&["commands", "attach", "7"]);
    assert_eq!((run.code, run.out.as_str()), (Some(5), "one\ntwo\n"));
    let run = lane.run(&["commands", "attach", "7", "--from", "1", "--json"]);
    assert_eq!((run.code, run.out.lines().count()), (Some(5), 2));
    let text = lane.run(&["commands", "cancel", "7"]).good();
    assert!(text.contains("  state       running\n"), "{text}");
    assert_eq!(
        lane.lines(),
        [
            "GET /v1/commands/7/output?from=0",
            "GET /v1/commands/7/output?from=1",
            "POST /v1/commands/7/cancel",
        ]
    );
}

#[test]
fn a_file_is_kept_by_whoever_comes_back_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.crt");
    let file = json!({ "file": { "option": "out\u{1b}", "content": "LS0t" } });
    let lane = Lane::of(&[file, end(0)]);
    let run = lane.run(&["commands", "attach", "7"]);
    assert!(run.talk.contains("a file of --out\\u{1b} came back; give --file PATH"), "{run:?}");
    run.good();
    lane.run(&["commands", "attach", "7", "--file", path.to_str().unwrap()]).good();
    assert_eq!(std::fs::read_to_string(path).unwrap(), "---");
}

/// A gate with a catalogue of two commands, one of which no version knows yet.
fn offering() -> Gate {
    let catalogue = json!({ "commands": [
        {
            "path": "configuration set", "permission": "tsm.configuration.set",
            "summary": "sets\u{1b} one key", "effect": "stages", "ignores_prompt": false,
            "prints_secrets": true, "since": null, "until": null, "mark": "added",
            "source": "runner.toml", "granted": true,
            "options": [
                option("key", Some("k"), &json!("text"), true),
                option("value", Some("vv"), &json!({ "choice": ["a", "b"] }), false),
                option("token", None, &json!("secret"), false),
            ],
        },
        { "path": "of tomorrow", "granted": true, "options": [{ "kind": "dream" }] },
    ] });
    Gate::start(move |seen| match &*seen.line {
        "GET /v1/commands/catalogue" => Reply::json(&catalogue.to_string()),
        "POST /v1/commands" => {
            let headers = "Content-Type: application/json\r\n";
            Reply::Bytes(bytes("202 Accepted", headers, &task("queued").to_string()))
        }
        _ => {
            let body = "{\"n\":0,\"at\":\"now\",\"end\":{\"how\":\"exited\",\"code\":0}}\n";
            let headers = "Content-Type: application/x-ndjson\r\n";
            Reply::Bytes(bytes("200 OK", headers, body))
        }
    })
}

fn option(long: &str, short: Option<&str>, kind: &Value, required: bool) -> Value {
    json!({
        "long": long, "short": short, "kind": kind, "required": required, "default": null,
        "repeatable": false, "conflicts": [], "summary": "a part of it",
    })
}

#[test]
fn what_an_operator_added_runs_by_what_the_gate_says_of_it() {
    let gate = offering();
    let run = |line: &[&str]| Run::of(&mut at_first(&gate, line));
    let listed = run(&["commands", "catalogue"]).good();
    assert!(
        listed.contains("configuration set  yes      stages  tsm.configuration.set"),
        "{listed}"
    );
    assert!(!listed.contains('\u{1b}') && !listed.contains("tomorrow"), "{listed}");
    run(&["commands", "run", "--", "configuration", "set", "-k", "a.b", "-vv", "b"]).good();
    let seen = gate.seen();
    let order: Value = serde_json::from_str(&seen[2].body).unwrap();
    assert_eq!(
        order,
        json!({
            "command": "configuration set",
            "options": [{ "name": "key", "value": "a.b" }, { "name": "value", "value": "b" }],
        })
    );
    run(&["commands", "run", "--", "configuration", "set"]).says(64, "--key <TEXT>", "");
    run(&["commands", "run", "--", "configuration", "set", "-k", "x", "-vv", "c"])
        .says(64, "'c'", "");
    run(&["commands", "run", "--", "of", "tomorrow", "--x"]).says(
        65,
        "no command `of tomorrow`",
        "catalogue",
    );
    let secret = ["commands", "run", "--", "configuration", "set", "-k", "x", "--token", SECRET];
    let warned = run(&secret);
    assert!(warned.talk.contains("TSMGATE_TOKEN"), "{warned:?}");
    let more =
        ["commands", "run", "--", "configuration", "set", "-k", "x", "--token", "my", SECRET];
    run(&more).says(64, "an argument that the command does not take", "quote");
    let help = run(&["commands", "run", "--", "configuration", "set", "--help"]).good();
    assert!(help.contains("--key <TEXT>") && help.contains("tsm.configuration.set"), "{help}");
    assert!(!help.contains('\u{1b}'), "{help}");
}

/// The options for this gate right after the verb: what comes after `--` is the command's.
fn at_first(gate: &Gate, line: &[&str]) -> std::process::Command {
    let (verb, rest) = line.split_at(2);
    let mut command = at(gate, verb);
    command.args(rest);
    command
}
