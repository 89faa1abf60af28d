//! `api METHOD PATH`: what may be sent, what is, and that the answer comes as it is.

use std::fs;
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tsmsim::ApiBehaviour;

use crate::rig::gate::bytes;
use crate::rig::{Controller, Gate, Reply, Run, at, run_at};

#[test]
fn the_answer_comes_as_it_is_whatever_it_is() {
    for body in ["{\"a\": 1 }\n", "plain", "", "\u{e9}\u{1f600}"] {
        let reply = Reply::Bytes(bytes("200 OK", "Content-Type: text/plain\r\n", body));
        let run = run_at(reply.clone(), &["api", "GET", "/api/0.5/status"]);
        assert_eq!(run.good(), body);
        let run = run_at(reply, &["api", "GET", "/api/0.5/status", "--json"]);
        run.says(76, "of the type text/plain, not JSON", "");
    }
    let gone = Reply::Bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec());
    assert_eq!(run_at(gone, &["api", "GET", "/api/0.5/status", "--json"]).good(), "");
}

#[test]
fn path_query_and_body_are_those_of_the_catalogue_or_raw() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    fs::write(&file, "{\"name\": \"Anna\"}\n").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, line, body) in [
        (
            &["GET", "/api/0.5/asyncJobs", "--query", "status=Failed"][..],
            "GET /api/0.5/asyncJobs?status=Failed",
            "",
        ),
        (&["GET", "/api/0.5/asyncJobs?status=Failed"], "GET /api/0.5/asyncJobs?status=Failed", ""),
        (
            &[
                "POST",
                "/api/0.5/cleanup",
                "--query",
                "deleteTempFiles=true",
                "--query",
                "logFilesRetentionSeconds=9",
            ],
            // in the order of the table, not of the caller
            "POST /api/0.5/cleanup?logFilesRetentionSeconds=9&deleteTempFiles=true",
            "",
        ),
        (
            &["POST", "/api/0.5/licensing/registration", "--data", file],
            "POST /api/0.5/licensing/registration",
            "{\"name\": \"Anna\"}\n",
        ),
        (
            &["DELETE", "/api/0.5/configurations/pending"],
            "DELETE /api/0.5/configurations/pending",
            "",
        ),
        (
            &["PUT", "/api/1.0/whatever", "--data", "-", "--query", "a=b,c"],
            "PUT /api/1.0/whatever?a=b,c",
            "[1]",
        ),
    ] {
        let gate = Gate::start(|_| Reply::json("{}"));
        let mut command = at(&gate, &[&["api"], arguments].concat());
        assert_eq!(Run::with_input(&mut command, b"[1]").good(), "{}");
        let seen = gate.seen();
        assert_eq!((seen[0].line.as_str(), seen[0].body.as_str()), (line, body));
    }
}

#[test]
fn what_the_catalogue_refuses_is_not_sent() {
    let gate = Gate::start(|_| Reply::json("{}"));
    for (arguments, what, hint) in [
        (&["GET", "/api/0.5/login"][..], "sessions are the gate's own", "`tsmgate login`"),
        (&["POST", "/api/0.5/LogOut"], "sessions are the gate's own", ""),
        (&["GET", "/api/0.5//status"], "byte for byte", "no escapes"),
        (&["GET", "/api/0.5/status/"], "byte for byte", ""),
        (&["GET", "/api/0.5/%73tatus"], "byte for byte", ""),
        (&["GET", "/api/0.5/../status"], "byte for byte", ""),
        (&["GET", "https://x/api/0.5/status"], "byte for byte", ""),
        (&["get", "/api/0.5/status"], "another method", "give GET"),
        (&["HEAD", "/api/0.5/zzz"], "another method", "give GET or POST or PUT or DELETE"),
        (&["GET", "/v1/whoami"], "no such operation", "/api/0.5/status"),
        (&["GET", "/api/0.5/status", "--query", "x=1"], "no such query key", "--query KEY=VALUE"),
        (
            &["GET", "/api/0.5/asyncJobs?status=Failed", "--query", "status=Failed"],
            "stands twice",
            "",
        ),
        (&["GET", "/api/0.5/zzz", "--query", "a=b&c=%41"], "query key", ""),
        (&["GET", "/api/0.5/status\r\nX: y"], "\\u{d}\\u{a}X: y", ""),
        (
            &["GET", "/api/0.5/status", "--data", "/dev/null"],
            "status takes no body",
            "leave --data out",
        ),
        (
            &["POST", "/api/0.5/zzz", "--data", "/dev/null"],
            "--data is not JSON",
            "one JSON document",
        ),
    ] {
        let run = Run::of(&mut at(&gate, &[&["api"], arguments].concat()));
        run.says(65, what, hint);
    }
    let long = format!("/api/0.5/{}", "x".repeat(3000));
    Run::of(&mut at(&gate, &["api", "GET", &long])).says(65, "too long", "");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    fs::write(&file, format!("\"{}\"", "x".repeat(70_000))).unwrap();
    let mut command = at(&gate, &["api", "POST", "/api/0.5/licensing/registration"]);
    Run::of(command.arg("--data").arg(file)).says(65, "--data holds more than 65536 bytes", "");
    let mut command = at(&gate, &["api", "POST", "/api/0.5/zzz", "--data", "/no/such"]);
    Run::of(&mut command).says(66, "cannot read /no/such", "");
    assert!(gate.seen().is_empty());
}

#[test]
fn a_refusal_leaves_nothing_on_stdout() {
    let reply = Reply::error(404, "application/json", r#"{"error":{"detail":"none"}}"#);
    run_at(reply, &["api", "GET", "/api/0.5/zzz"]).says(65, "404: none", "");
}

#[test]
fn a_stream_arrives_while_it_is_sent() {
    let head = b"HTTP/1.1 200 OK\r\n\r\nfirst".to_vec();
    let gate = Gate::start(move |_| Reply::Hold(head.clone()));
    let mut command = at(&gate, &["api", "GET", "/api/0.5/status"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut first = [0; 5];
    // the answer never ends: what is read now was not kept back
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"first");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_stream_has_a_limit_and_a_time() {
    let controller = Controller::start();
    controller.api().behave_next(ApiBehaviour::Honest);
    controller.api().behave_next(ApiBehaviour::Huge((64 << 20) + 1));
    let run = controller.ask(&["api", "GET", "/api/0.5/status"]);
    run.says(76, "the answer is larger than 67108864 bytes", "");
    controller.api().behave_next(ApiBehaviour::Honest);
    controller.api().behave_next(ApiBehaviour::Huge(64 << 20));
    assert_eq!(controller.ask(&["api", "GET", "/api/0.5/status"]).good().len(), 64 << 20);
    let reply = Reply::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 64 * 1024]);
    let gate = Gate::start(move |_| reply.clone());
    let run = Run::of(&mut at(&gate, &["api", "GET", "/api/0.5/status"]));
    assert_eq!((run.code, run.out.len() <= 64 << 20), (Some(76), true), "{}", run.talk);
    run.told("the answer is larger than 67108864 bytes", "");
    let gate = Gate::start(|_| Reply::Hold(b"HTTP/1.1 200 OK\r\n\r\nx".to_vec()));
    let began = Instant::now();
    let run = Run::of(at(&gate, &["api", "GET", "/api/0.5/status"]).args(["--timeout", "2s"]));
    assert_eq!((run.code, run.out.as_str()), (Some(70), "x"), "{run:?}");
    assert!(began.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_reader_that_went_away_has_read_enough() {
    let reply = Reply::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 64 * 1024]);
    let gate = Gate::start(move |_| reply.clone());
    let mut command = at(&gate, &["api", "GET", "/api/0.5/status"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut some = [0; 1000];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}
