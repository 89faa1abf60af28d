//! What is shown of a command: nothing that steers a terminal, whole lines, its progress, where it stands.

use serde_json::json;

use super::{Lane, end, out};
use crate::terminal::Terminal;

const REGENERATE: [&str; 3] = ["security", "regenerate-internal-tokens", "--yes"];
const LIST: [&str; 3] = ["security", "external-ssl", "list"];

/// R43: what a command prints reaches no terminal as it is, and lines stay whole
#[test]
fn what_could_steer_a_terminal_is_shown_as_an_escape() {
    let long = "x".repeat(8000);
    let lane = Lane::of(&[
        out("a\u{1b}[2J\u{9b}31m\u{7f}\r\u{202e}b\tc"),
        json!({ "stderr": "\u{1b}]0;title\u{7}" }),
        json!({ "progress": { "percent": 5, "step": "\u{1b}[1mstep" } }),
        json!({ "state": { "state": "continuing", "detail": "\u{1b}c" } }),
        out(&long),
        end(0),
    ]);
    let run = lane.run(&LIST);
    let first = "a\\u{1b}[2J\\u{9b}31m\\u{7f}\\u{d}\\u{202e}b\tc";
    assert_eq!(run.out, format!("{first}\n5% - \\u{{1b}}[1mstep\n{long}\n"));
    assert_eq!(run.talk, "\\u{1b}]0;title\\u{7}\ntsmgate: continuing at TSM: \\u{1b}c\n");
}

#[test]
fn a_script_gets_the_progress_as_tsm_prints_it_and_where_it_stands_aside() {
    let lane = Lane::of(&[
        json!({ "state": { "state": "queued", "ahead": 2 } }),
        json!({ "state": { "state": "queued", "ahead": 1 } }),
        json!({ "state": { "state": "running" } }),
        out("Job id is '5', timeout is 30 minutes."),
        json!({ "progress": { "percent": 4, "step": "Running the prechecks." } }),
        json!({ "progress": { "percent": 100, "step": "Starting the server." } }),
        json!({ "cut": null }),
        json!({ "state": { "state": "continuing" } }),
        end(0),
    ]);
    let run = lane.run(&REGENERATE);
    assert_eq!(
        run.talk,
        "tsmgate: command 7: `tsm security regenerate-internal-tokens`\n\
         tsmgate: queued: 2 before it\n\
         tsmgate: queued: 1 before it\n\
         tsmgate: running\n\
         tsmgate: from here on there was more output than is kept on the host\n\
         tsmgate: continuing at TSM\n"
    );
    assert_eq!(
        run.good(),
        "Job id is '5', timeout is 30 minutes.\n4% - Running the prechecks.\n\
         100% - Starting the server.\n"
    );
}

#[test]
fn a_person_gets_a_bar_that_goes_away() {
    let lane = Lane::of(&[
        json!({ "progress": { "percent": 50, "step": "Halfway." } }),
        out("a line"),
        json!({ "progress": { "percent": 75, "step": "More." } }),
        end(0),
    ]);
    let (shown, code) = Terminal::of(&lane.asked(&REGENERATE)).end();
    assert_eq!(code, Some(0), "{shown:?}");
    assert!(shown.contains("[##########----------]  50%  0:0"), "{shown:?}");
    assert!(shown.contains("\r\u{1b}[Ka line\r\n"), "{shown:?}");
    assert!(shown.ends_with("\r\u{1b}[K"), "{shown:?}");
    assert!(!shown.contains("50% - "), "{shown:?}");
}

#[test]
fn a_program_gets_each_event_as_a_line_of_json() {
    let lane = Lane::of(&[out("é\u{1b}"), json!({ "cut": null }), end(2)]);
    let run = lane.run(&["security", "external-ssl", "list", "--json"]);
    assert_eq!((run.code, run.talk.as_str()), (Some(2), ""));
    let lines: Vec<_> = run.out.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].contains("\\u00e9\\u001b"), "{run:?}");
    let last: serde_json::Value = serde_json::from_str(lines[2]).unwrap();
    assert_eq!(last["end"], json!({ "how": "exited", "code": 2 }));
}

/// Who reads no further has read enough, and the exit code is that of the command all the same.
#[test]
fn a_reader_that_went_away_does_not_end_the_command() {
    let mut events: Vec<_> = (0..2000).map(|n| out(&format!("{n} {}", "x".repeat(200)))).collect();
    events.push(end(4));
    let lane = Lane::of(&events);
    let mut command = lane.asked(&LIST);
    command.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
}
