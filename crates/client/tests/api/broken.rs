//! Answers that are none: cut, endless, of another type, of another protocol, of no end of header.

use std::time::{Duration, Instant};

use crate::rig::gate::bytes;
use crate::rig::{Gate, Reply, Run, at, run_at};

const JSON: &str = "Content-Type: application/json\r\n";

fn raw(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn of_a_broken_answer(reply: Reply, what: &str, hint: &str) {
    run_at(reply, &["nodes"]).says(76, what, hint);
}

#[test]
fn an_answer_that_is_cut_is_none() {
    let cut =
        raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{}");
    let chunks = raw(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}",
    );
    // without a length, the farewell of TLS is the end: nobody else can cut it short
    let open = raw(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"clusterNodes\":{\"nodes\":[]}}",
    );
    for reply in [
        Reply::Last(cut.clone()),
        Reply::Cut(cut),
        Reply::Last(chunks.clone()),
        Reply::Cut(chunks),
        Reply::Cut(open.clone()),
        Reply::Last(raw("HTTP/1.1 200 OK\r\nContent-")),
    ] {
        of_a_broken_answer(reply, "the answer ends in the middle", "try again");
    }
    run_at(Reply::Last(open), &["nodes", "--json"]).good();
}

#[test]
fn an_end_without_an_answer_is_a_refusal_that_is_not_told() {
    for reply in [Reply::Last(Vec::new()), Reply::Cut(Vec::new())] {
        let run = run_at(reply, &["nodes"]);
        run.says(71, "does not accept this client", "the gate's audit log");
    }
}

#[test]
fn an_endless_answer_ends_at_the_limit() {
    let head = raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n\"");
    let reply = Reply::Endless(head, vec![b'x'; 16 * 1024]);
    of_a_broken_answer(reply, "the answer is larger than 4194304 bytes", "`tsmgate api`");
    // also where it is announced, before a byte of it came
    let huge =
        raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4194305\r\n\r\n");
    of_a_broken_answer(Reply::Hold(huge), "the answer is larger than 4194304 bytes", "");
}

#[test]
fn what_is_not_json_is_refused_by_its_type_and_by_itself() {
    for (kind, what) in [
        ("text/html", "of the type text/html, not JSON"),
        ("application/jsonx", "of the type application/jsonx, not JSON"),
        ("text/\u{9b}31m", "of the type text/"),
    ] {
        let reply = Reply::error(200, kind, r#"{"clusterNodes":{"nodes":[]}}"#);
        of_a_broken_answer(reply, what, "proxy");
    }
    let without = bytes("200 OK", "", "{}");
    of_a_broken_answer(Reply::Bytes(without), "of the type none, not JSON", "");
    for body in ["", "{", "<html>", "{}{}", "\"\u{0}\""] {
        of_a_broken_answer(Reply::json(body), "it is not JSON", "proxy");
    }
    let mut invalid = bytes("200 OK", JSON, "\"xx\"");
    let at = invalid.len() - 2;
    invalid[at] = 0xff;
    of_a_broken_answer(Reply::Bytes(invalid), "it is not JSON", "");
    let nested = "[".repeat(100_000);
    of_a_broken_answer(Reply::json(&nested), "it is not JSON", "");
}

#[test]
fn an_encoding_that_nobody_asked_for_is_refused() {
    for encoding in ["gzip", "br", "identity, gzip"] {
        let headers = format!("{JSON}Content-Encoding: {encoding}\r\n");
        let reply = Reply::Bytes(bytes("200 OK", &headers, "{}"));
        of_a_broken_answer(reply, &format!("encoded as {encoding}"), "proxy");
    }
    let headers = format!("{JSON}Content-Encoding: identity\r\n");
    let body = r#"{"clusterNodes":{"nodes":[]}}"#;
    run_at(Reply::Bytes(bytes("200 OK", &headers, body)), &["nodes"]).good();
}

/// A redirection would take the request elsewhere: it is told, and never followed.
#[test]
fn a_redirection_is_not_followed() {
    let gate = Gate::start(|_| Reply::Bytes(bytes("302 Found", "Location: /elsewhere\r\n", "")));
    Run::of(&mut at(&gate, &["nodes"])).says(76, "status 302 in place of an answer", "proxy");
    assert_eq!(gate.seen().len(), 1);
}

#[test]
fn interim_answers_are_passed_over_and_an_upgrade_is_none() {
    let good = bytes("200 OK", JSON, r#"{"clusterNodes":{"nodes":[]}}"#);
    let interim = [raw("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n").repeat(3), good].concat();
    run_at(Reply::Bytes(interim), &["nodes"]).good();
    let upgrade =
        raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
    let run = run_at(Reply::Last(upgrade), &["nodes"]);
    assert_eq!(run.code, Some(76), "{run:?}");
}

#[test]
fn interim_answers_without_end_stop_at_the_timeout() {
    let reply = Reply::Endless(Vec::new(), raw("HTTP/1.1 100 Continue\r\n\r\n"));
    let gate = Gate::start(move |_| reply.clone());
    let began = Instant::now();
    let run = Run::of(at(&gate, &["nodes"]).args(["--timeout", "2s"]));
    run.says(70, "no answer in time from localhost:", "--timeout");
    assert!(began.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_header_bomb_is_refused() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(64 * 1024));
    let many = format!("HTTP/1.1 200 OK\r\n{}", "X: y\r\n".repeat(2000));
    for head in [long, many] {
        let reply = Reply::Hold(raw(&head));
        of_a_broken_answer(reply, "the head is larger than 16384 bytes, or has too many", "");
    }
    let endless = Reply::Endless(raw("HTTP/1.1 200 OK\r\n"), raw("X: y\r\n"));
    of_a_broken_answer(endless, "the head is larger than 16384 bytes", "");
}

#[test]
fn what_is_not_http_is_refused() {
    for text in [
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "\u{80}\u{1}\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
    ] {
        let run = run_at(Reply::Last(raw(text)), &["nodes"]);
        run.says(76, "it is not HTTP/1.1", "18850");
    }
    let chunk = raw(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    );
    let run = run_at(Reply::Last(chunk), &["nodes"]);
    assert_eq!(run.code, Some(76), "{run:?}");
}

#[test]
fn a_silent_gate_ends_at_the_timeout_and_a_change_may_have_happened() {
    let silent = |from: &'static str| Gate::start(move |_| Reply::Hold(raw(from)));
    for from in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    ] {
        let gate = silent(from);
        let run = Run::of(at(&gate, &["nodes"]).args(["--timeout", "2s"]));
        run.says(70, "no answer in time", "raise --timeout");
    }
    let gate = silent("");
    let run = Run::of(at(&gate, &["stop"]).args(["--timeout", "2s"]));
    run.says(
        70,
        "no answer in time",
        "it may have been done all the same: see `tsmgate jobs list`",
    );
    assert_eq!(gate.seen().len(), 1, "not sent twice");
}

#[test]
fn a_gate_without_this_lane_says_so() {
    let gate = Gate::speaking(&[b"tsm-login"], |_| Reply::json("{}"));
    let run = Run::of(&mut at(&gate, &["nodes"]));
    run.says(76, "TLS alert 120", "its configuration has no tsm.api");
}

#[test]
fn an_empty_success_is_no_answer() {
    let reply = Reply::Bytes(raw("HTTP/1.1 204 No Content\r\n\r\n"));
    of_a_broken_answer(reply, "of the type none, not JSON", "");
    for (verb, lacks) in
        [("start", "asyncJob"), ("status", "clusterStatus"), ("ports", "clusterPorts")]
    {
        let run = run_at(Reply::json("{}"), &[verb]);
        run.says(76, lacks, "version");
    }
}
