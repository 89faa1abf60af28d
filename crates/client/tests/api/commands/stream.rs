//! Started, streamed, ended: what was printed there is printed here, and its exit code is ours; a stream that
//! ends too early is taken up again.

use serde_json::{Value, json};

use super::{Lane, Stream, end, events, out};
use crate::rig::{Reply, Run};

const LIST: [&str; 3] = ["security", "external-ssl", "list"];

#[test]
fn a_command_is_started_and_printed_to_its_end() {
    let lane = Lane::of(&[
        json!({ "state": { "state": "running" } }),
        out("ssl.enabled: false"),
        out(""),
        json!({ "stderr": "a word aside" }),
        out("\tssl.protocols: all -SSLv2 -SSLv3 C:\\x"),
        end(0),
    ]);
    let run = lane.run(&LIST);
    assert_eq!(run.talk, "a word aside\n");
    assert_eq!(run.good(), "ssl.enabled: false\n\n\tssl.protocols: all -SSLv2 -SSLv3 C:\\x\n");
    assert_eq!(lane.lines(), ["POST /v1/commands", "GET /v1/commands/7/output?from=0"]);
    assert_eq!(lane.orders(), [json!({ "command": "security external-ssl list", "options": [] })]);
}

#[test]
fn the_exit_code_is_that_of_tsm_and_63_for_every_other_end() {
    let ended = |end: Value| Lane::of(&[json!({ "end": end })]).run(&LIST);
    for code in [0, 1, 2, 63] {
        let run = ended(json!({ "how": "exited", "code": code }));
        assert_eq!((run.code, run.talk.as_str()), (Some(code), ""), "{run:?}");
    }
    for (end, said) in [
        (json!({ "how": "exited", "code": 64 }), "tsm ended with 64; exit code 63"),
        (json!({ "how": "exited", "code": 255 }), "tsm ended with 255; exit code 63"),
        (json!({ "how": "exited", "code": -1 }), "tsm ended with -1; exit code 63"),
        (json!({ "how": "exited", "signal": 9 }), "tsm was ended by signal 9; exit code 63"),
        (json!({ "how": "exited" }), "tsm ended, and how is not known; exit code 63"),
        (json!({ "how": "cancelled", "signal": 15 }), "the command was cancelled; exit code 63"),
        (
            json!({ "how": "timed_out" }),
            "the command took longer than it may, and was ended; exit code 63",
        ),
        (
            json!({ "how": "not_started", "detail": "no \u{1b}[2J memory" }),
            "the command could not be started: no \\u{1b}[2J memory; exit code 63",
        ),
        (json!({ "how": "lost" }), "what became of the command is not known; exit code 63"),
    ] {
        let run = ended(end);
        assert_eq!((run.code, run.talk), (Some(63), format!("tsmgate: {said}\n")));
    }
}

/// A gate that is restarted ends its streams; the command does not end with them.
#[test]
fn a_stream_that_ends_early_is_taken_up_where_it_ended() {
    let all = events(&[out("one"), out("two"), out("three"), out("four"), end(3)]);
    let gone = Reply::refused(503, "gate_stopping", "", r#"{"error":{"code":"gate_stopping"}}"#);
    let lane = Lane::streaming(vec![
        Stream::Until(all.clone(), 2),
        Stream::Cut(all.clone(), 3),
        Stream::Other(gone),
        Stream::All(all),
    ]);
    let run = lane.run(&LIST);
    assert_eq!((run.code, run.out.as_str()), (Some(3), "one\ntwo\nthree\nfour\n"), "{run:?}");
    assert_eq!(
        lane.lines(),
        [
            "POST /v1/commands",
            "GET /v1/commands/7/output?from=0",
            "GET /v1/commands/7/output?from=2",
            "GET /v1/commands/7/output?from=3",
            "GET /v1/commands/7/output?from=3",
        ]
    );
    assert_eq!(lane.left(), 1);
    assert_eq!(
        run.talk,
        "tsmgate: the gate does not answer; asking again for 5 minutes, the command goes on\n\
         tsmgate: the gate answers again\n"
    );
}

#[test]
fn a_refusal_that_does_not_pass_ends_the_following_and_says_how_to_come_back() {
    let gone = Reply::refused(404, "unknown_id", "", r#"{"error":{"code":"unknown_id"}}"#);
    let lane = Lane::streaming(vec![Stream::Other(gone)]);
    let run = lane.run(&LIST);
    run.says(65, "unknown_id", "`tsmgate commands list` shows yours");
    assert!(
        run.talk.contains("command 7 cannot be followed; `tsmgate commands attach 7`"),
        "{run:?}"
    );
}

/// What is no stream of events is nobody's output.
#[test]
fn a_stream_is_read_strictly() {
    let stream = |kind: &str, body: &str| {
        let length = body.len();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
        let reply = Reply::Bytes(format!("{head}{body}").into_bytes());
        Lane::streaming(vec![Stream::Other(reply)]).run(&LIST)
    };
    let event = |n: u64| format!("{{\"n\":{n},\"at\":\"now\",\"stdout\":\"x\"}}\n");
    let kind = "application/x-ndjson";
    stream("text/html", "<p>").says(76, "of the type text/html", "");
    stream(kind, "no json\n").says(76, "lacks an event", "");
    stream(kind, "{\"n\":0,\"at\":\"now\",\"other\":1}\n").says(76, "lacks an event", "");
    stream(kind, &event(1)).says(76, "lacks the next event", "");
    let twice = stream(kind, &[event(0), event(0)].concat());
    assert_eq!((twice.code, twice.out.as_str()), (Some(76), "x\n"), "{twice:?}");
    twice.told("lacks the next event", "");
    // signs of life are no events
    let run =
        stream(kind, "\n\n{\"n\":0,\"at\":\"now\",\"end\":{\"how\":\"exited\",\"code\":0}}\n\n");
    assert_eq!((run.code, run.talk.as_str()), (Some(0), ""));
}

/// R46: a gate cannot make the client hold more than a line has
#[test]
fn a_line_without_an_end_is_not_collected() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n";
    let endless = Reply::Endless(head.as_bytes().to_vec(), vec![b'x'; 64 * 1024]);
    let run = Lane::streaming(vec![Stream::Other(endless)]).run(&LIST);
    run.says(76, "larger than 8388608 bytes", "");
}

#[test]
fn a_refusal_to_start_is_told_with_its_own_code() {
    let refused = |status: u16, reason: &str, more: &str| {
        let body = format!(
            r#"{{"error":{{"code":"{reason}","detail":"words","permission":"security.x"}}}}"#
        );
        let reply = Reply::refused(status, reason, more, &body);
        crate::rig::run_at(reply, &LIST)
    };
    refused(403, "not_permitted", "").says(77, "the permission security.x is missing", "a role");
    refused(403, "not_served", "").says(77, "its host does not serve security.x", "permissions");
    refused(404, "unknown_command", "").says(65, "unknown_command", "`tsmgate commands catalogue`");
    refused(400, "bad_value", "").says(65, "bad_value: words", "");
    refused(413, "body_too_large", "").says(65, "body_too_large", "");
    refused(429, "over_limit", "Retry-After: 9\r\n").says(75, "retry in 9 s", "9 s");
    refused(503, "runner_busy", "Retry-After: 5\r\n").says(75, "retry in 5 s", "again");
    refused(404, "unknown_operation", "").says(65, "unknown_operation", "runs no commands");
    refused(502, "runner_unreachable", "").says(69, "runner_unreachable", "systemctl");
    refused(502, "runner_program", "").says(69, "runner_program", "tsm.program");
    refused(502, "runner_storage", "").says(69, "runner_storage", "tsmgate-runner");
    let run: Run = crate::rig::run_at(Reply::Cut(Vec::new()), &LIST);
    assert!([70, 71, 76].contains(&run.code.unwrap()), "{run:?}");
}

/// Whoever does not know whether it began is told where that can be seen.
#[test]
fn an_order_without_an_answer_may_have_been_taken() {
    let gate = crate::rig::Gate::start(|_| Reply::Hold(Vec::new()));
    let mut command = crate::rig::at(&gate, &LIST);
    let run = Run::of(command.env("TSMGATE_TIMEOUT", "2s"));
    run.says(70, "no answer in time", "it may run all the same: `tsmgate commands list`");
    let run = crate::rig::run_at(Reply::Cut(b"HTTP/1.1 202 Acc".to_vec()), &LIST);
    run.says(76, "", "it may run all the same: `tsmgate commands list`");
}
