//! Answers that say no: each reason of a gate's, TSM's own errors, what a person is told of them.

use crate::rig::{Gate, Reply, Run, at, run_at};

fn gates_error(code: &str, permission: Option<&str>) -> String {
    let permission =
        permission.map(|name| format!(r#","permission":"{name}""#)).unwrap_or_default();
    format!(
        r#"{{"error":{{"code":"{code}","summary":"short","detail":"what to do"{permission}}}}}"#
    )
}

/// Every reason of the gate's contract, with its status and the exit code.
const REASONS: &[(u16, &str, i32)] = &[
    (400, "bad_request", 65),
    (400, "bad_path", 65),
    (400, "bad_segment", 65),
    (400, "unknown_query_key", 65),
    (400, "repeated_query_key", 65),
    (400, "bad_value", 65),
    (400, "target_too_long", 65),
    (400, "body_not_allowed", 65),
    (400, "body_not_json", 65),
    (403, "not_permitted", 77),
    (403, "session_route", 65),
    (403, "cross_site", 65),
    (404, "unknown_operation", 65),
    (405, "method_not_allowed", 65),
    (408, "request_too_slow", 75),
    (413, "body_too_large", 65),
    (417, "expectation_refused", 65),
    (429, "over_limit", 75),
    (431, "header_too_large", 65),
    (502, "backend_unreachable", 69),
    (502, "backend_untrusted", 69),
    (502, "backend_garbage", 69),
    (502, "backend_error", 69),
    (502, "backend_denied_gate", 69),
    (502, "backend_session_refused", 69),
    (502, "answer_not_redactable", 69),
    (503, "backend_busy", 69),
    (503, "audit_unavailable", 75),
    (503, "gate_stopping", 75),
    (504, "backend_timeout", 69),
    // of a gate that is newer than we are
    (409, "some_new_reason", 65),
    (599, "some_new_trouble", 69),
];

#[test]
fn every_reason_has_its_exit_code_and_names_itself() {
    let gate = Gate::start(|seen| {
        let number: usize = seen.line.rsplit('/').next().unwrap().parse().unwrap();
        let (status, reason, _) = REASONS[number];
        Reply::refused(status, reason, "", &gates_error(reason, None))
    });
    for (number, (_, reason, code)) in REASONS.iter().enumerate() {
        let run = Run::of(&mut at(&gate, &["jobs", "show", &number.to_string()]));
        run.says(*code, reason, "");
        assert!(run.talk.contains("(request L-7-1)"), "{run:?}");
        assert!(run.talk.contains("what to do"), "{run:?}");
    }
}

/// The message names the permission that lacks, and who can grant it.
#[test]
fn a_missing_permission_is_named_with_who_can_grant_it() {
    let body = gates_error("not_permitted", Some("server.stop"));
    let run = run_at(Reply::refused(403, "not_permitted", "", &body), &["stop"]);
    run.says(77, "does not permit it: the permission server.stop is missing (request L-7-1)", "");
    run.told("", "gate's administrator can give this client a role with server.stop");
    run.told("", "the gate's audit has it as request L-7-1");
}

#[test]
fn a_limit_tells_when_to_come_again() {
    let body = gates_error("over_limit", None);
    let run = run_at(Reply::refused(429, "over_limit", "Retry-After: 12\r\n", &body), &["nodes"]);
    run.says(75, "over_limit; retry in 12 s", "try again in 12 s");
    let run = run_at(Reply::refused(429, "over_limit", "Retry-After: soon\r\n", &body), &["nodes"]);
    run.says(75, "over_limit: what to do", "try again later");
}

#[test]
fn tsms_own_error_is_shown_by_the_rule_of_its_clients() {
    let json = "application/json;charset=UTF-8";
    for (status, kind, body, code, said) in [
        (
            404,
            json,
            r#"{"error":{"code":"c","summary":"s","detail":"There is no job."}}"#,
            65,
            "404: There is no job. (",
        ),
        (409, json, r#"{"error":{"code":"c","summary":"s","detail":""}}"#, 65, "409: s ("),
        (400, json, r#"{"error":{"code":400017}}"#, 65, "400: 400017 ("),
        (401, json, "", 65, "401 (request"),
        (500, json, r#"{"message":"x"}"#, 69, r#"500: {"message":"x"} ("#),
        (
            502,
            "text/html",
            "<html>\r\n<h1>Bad\tGateway</h1>",
            69,
            "502: <html> <h1>Bad Gateway</h1> (",
        ),
        (
            403,
            json,
            "{\"error\":{\"detail\":\"\\u001b[31m\\nno\"}}",
            65,
            "403: \\u{1b}[31m\\u{a}no (",
        ),
    ] {
        let run = run_at(Reply::error(status, kind, body), &["nodes"]);
        run.says(code, "TSM at localhost:", "");
        assert!(run.talk.contains(said), "{said} in {run:?}");
    }
}

#[test]
fn a_long_error_is_cut_and_an_endless_one_is_left() {
    let long = format!(r#"{{"error":{{"detail":"{}"}}}}"#, "x".repeat(100_000));
    let run = run_at(Reply::error(500, "application/json", &long), &["nodes"]);
    run.says(69, "500: {\"error\"", "");
    assert!(run.talk.len() < 800, "{} bytes", run.talk.len());
    let head = b"HTTP/1.1 500 No\r\nContent-Type: text/html\r\n\r\n".to_vec();
    let run = run_at(Reply::Endless(head, vec![b'x'; 4096]), &["nodes"]);
    run.says(69, "500: xxx", "");
}

#[test]
fn headers_of_a_hostile_gate_are_escaped_and_cut() {
    let more = format!("X: {}\r\n", "y".repeat(1000));
    let body = "{\"error\":{\"detail\":\"d\\u202e\",\"permission\":\"p\\u0007\"}}";
    let run = run_at(Reply::refused(403, "not_permitted", &more, body), &["nodes"]);
    run.says(77, "the permission p\\u{7} is missing", "a role with p\\u{7} in");
    let reason = "r".repeat(1000);
    let run = run_at(Reply::refused(400, &reason, "", "{}"), &["nodes"]);
    run.says(65, "says: rrr", "");
    assert!(run.talk.len() < 600, "{run:?}");
}

#[test]
fn the_gates_reason_counts_whatever_the_body_is() {
    let run = run_at(Reply::refused(503, "gate_stopping", "", "<html>"), &["nodes"]);
    run.says(75, "gate_stopping (request", "try again");
}
