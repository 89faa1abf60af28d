//! What a gate that accepts us says, and what it does not say.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};

use time::{Duration, OffsetDateTime};

use crate::rig::{
    Certificates, FakeGate, Gate, Play, Reply, Report, Run, doctor, doctor_of, granted, report_of,
};

const WHOAMI: &str = r#"{"client":"jump01","identity":"URI:tsmgate://client/jump01","address":"127.0.0.1",
    "roles":["monitor"],"limits":{"requests":{"per_minute":600,"burst":60,"left":59}},
    "lanes":["login","api"],"gate":{"version":"0.1.0"}}"#;
const PERMISSIONS: &str = r#"{"permissions":[{"name":"login","granted":true},
    {"name":"status.read","granted":true},{"name":"server.stop","granted":false}]}"#;
const RUNNING: &str = r#"{"clusterStatus":{"rollupStatus":"Running","nodes":[]}}"#;

/// A gate that answers the three questions so.
fn gate(whoami: Reply, permissions: Reply, status: Reply) -> Gate {
    Gate::speaking(&[b"http/1.1", b"tsm-login"], move |seen| match &*seen.line {
        "GET /v1/whoami" => whoami.clone(),
        "GET /v1/permissions" => permissions.clone(),
        "GET /api/0.5/status" => status.clone(),
        other => panic!("nobody asks {other}"),
    })
}

fn report(whoami: &str, permissions: &str, status: Reply) -> Report {
    let gate = gate(Reply::json(whoami), Reply::json(permissions), status);
    report_of(gate.port(), &gate.certificates)
}

#[test]
fn a_good_way_is_walked_to_its_end_and_no_session_is_taken() {
    let gate = gate(Reply::json(WHOAMI), Reply::json(PERMISSIONS), Reply::json(RUNNING));
    let report = report_of(gate.port(), &gate.certificates);
    assert_eq!(report.json["exit"], 0);
    assert_eq!(report.with("failed"), [""; 0]);
    // the rig's answers have no date
    assert_eq!(report.with("not_tried"), ["clock"]);
    let step = |name: &str| report.step(name)["found"].clone();
    assert_eq!(step("identity")["client"], "jump01");
    assert_eq!(step("identity")["requests_left"], 59);
    assert_eq!(step("permissions")["granted"], serde_json::json!(["login", "status.read"]));
    assert_eq!(step("login")["session_taken"], false);
    assert_eq!(step("tsm")["status"], "Running");
    assert_eq!(step("identity").get("local_address"), None);
    let lines: Vec<_> = gate.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines, ["GET /v1/whoami", "GET /v1/permissions", "GET /api/0.5/status"]);
}

#[test]
fn an_address_that_is_not_ours_is_a_translation() {
    let whoami = WHOAMI.replace("127.0.0.1", "192.0.2.7");
    let report = report(&whoami, PERMISSIONS, Reply::json(RUNNING));
    let found = &report.step("identity")["found"];
    assert_eq!(found["address"], "192.0.2.7");
    assert_eq!(found["local_address"], "127.0.0.1");
}

#[test]
fn what_may_not_be_asked_is_not_tried() {
    let permissions = r#"{"permissions":[{"name":"jobs.read","granted":true}]}"#;
    let none = report(WHOAMI, permissions, Reply::json("{}"));
    assert_eq!(none.json["exit"], 0);
    assert!(none.step("login")["says"].as_str().unwrap().contains("no role of yours"));
    assert!(none.step("tsm")["says"].as_str().unwrap().contains("status.read"));
    let whoami = WHOAMI.replace(r#"["login","api"]"#, r#"["login"]"#);
    let off = report(&whoami, PERMISSIONS, Reply::json("{}"));
    assert!(off.step("tsm")["says"].as_str().unwrap().contains("tsm.api"));
    let nothing = report(WHOAMI, r#"{"permissions":[]}"#, Reply::json("{}"));
    nothing.says("permissions", "gate", "no permission at all", "role");
}

#[test]
fn what_tsm_says_is_the_last_step() {
    let words = |word: &str| Reply::json(&RUNNING.replace("Running", word));
    report(WHOAMI, PERMISSIONS, words("Stopped")).says("tsm", "tsm", "Stopped", "tsmgate start");
    let hostile = report(WHOAMI, PERMISSIONS, words("a\\u001b[2Jb"));
    hostile.says("tsm", "tsm", "not well: a\\u{1b}[2Jb", "--verbose");
    let error = r#"{"error":{"code":"502","summary":"s","detail":"d"}}"#;
    let refused = |reason: &str| Reply::refused(502, reason, "", error);
    let down = report(WHOAMI, PERMISSIONS, refused("backend_unreachable"));
    down.ends_at("tsm", 69, "tsm", "backend_unreachable", "");
    let denied = report(WHOAMI, PERMISSIONS, refused("backend_denied_gate"));
    denied.ends_at("tsm", 69, "gate", "backend_denied_gate", "");
    report(WHOAMI, PERMISSIONS, Reply::json("{}")).ends_at("tsm", 76, "gate", "clusterStatus", "");
}

#[test]
fn a_limit_that_is_used_up_ends_at_the_identity() {
    let error = r#"{"error":{"code":"429","summary":"s","detail":"d"}}"#;
    let whoami = Reply::refused(429, "over_limit", "Retry-After: 7\r\n", error);
    let gate = gate(whoami, Reply::json("{}"), Reply::json("{}"));
    let report = report_of(gate.port(), &gate.certificates);
    report.ends_at("identity", 75, "here", "over_limit", "7 s");
    let whoami = WHOAMI.replace("\"left\":59", "\"left\":0");
    let low = self::report(&whoami, PERMISSIONS, Reply::json(RUNNING));
    low.says("identity", "here", "none of 60 requests is left", "less often");
}

#[test]
fn an_answer_that_is_something_else_ends_there() {
    let at = |whoami: &str| report(whoami, PERMISSIONS, Reply::json(RUNNING));
    at("{}").ends_at("identity", 76, "gate", "lacks client", "");
    let nothing = report(WHOAMI, "{}", Reply::json(RUNNING));
    nothing.ends_at("permissions", 76, "gate", "lacks permissions", "");
}

#[test]
fn a_gate_with_the_login_lane_alone_cannot_be_asked_and_is_no_failure() {
    let certificates = Certificates::new();
    let gate = FakeGate::start(&certificates, Play::Reply(granted()));
    let report = report_of(gate.port(), &certificates);
    assert_eq!(report.json["exit"], 0, "{report:#?}");
    assert_eq!(report.step("acceptance")["verdict"], "ok");
    assert!(report.step("identity")["says"].as_str().unwrap().contains("tsm.api"));
    assert_eq!(report.step("login")["verdict"], "not_tried");
}

fn clock(off: Duration) -> Report {
    let http = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let gate = Gate::speaking(&[b"http/1.1", b"tsm-login"], move |seen| {
        let date = (OffsetDateTime::now_utc() + off).format(&http).unwrap();
        let body = match &*seen.line {
            "GET /v1/whoami" => WHOAMI,
            "GET /v1/permissions" => PERMISSIONS,
            _ => RUNNING,
        };
        let headers = format!("Content-Type: application/json\r\nDate: {date}\r\n");
        Reply::Bytes(crate::rig::http::bytes("200 OK", &headers, body))
    });
    report_of(gate.port(), &gate.certificates)
}

#[test]
fn clocks_that_differ_are_a_warning() {
    let same = clock(Duration::ZERO);
    assert_eq!(same.step("clock")["verdict"], "ok", "{same:#?}");
    let behind = clock(Duration::seconds(30));
    behind.says("clock", "here", "s behind the gate's", "NTP");
    let found = behind.step("clock")["found"]["seconds_ahead_of_gate"].as_i64().unwrap();
    assert!((-31..=-20).contains(&found), "{found}");
    let ahead = clock(Duration::minutes(-10));
    ahead.says("clock", "here", "s ahead of the gate's", "certificates begin and end");
    assert_eq!(ahead.json["exit"], 0, "all else works");
}

#[test]
fn a_hostile_name_is_shown_escaped() {
    let whoami = WHOAMI.replace("jump01", "a\\u001b[2J\\u202eb");
    let gate = gate(Reply::json(&whoami), Reply::json(PERMISSIONS), Reply::json(RUNNING));
    let address = format!("127.0.0.1:{}", gate.port());
    let mut command = doctor_of(&address, &gate.certificates);
    let json = Run::of(&mut command);
    assert!(
        json.out.bytes().all(|byte| (b' '..=b'~').contains(&byte) || byte == b'\n'),
        "{json:?}"
    );
    let found = &json.report().step("identity")["found"]["client"].clone();
    assert_eq!(found, "a\\u{1b}[2J\\u{202e}b");
}

#[test]
fn the_gate_of_this_host_is_walked_by_its_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("local.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(&stream.unwrap()));
        }
    });
    let local = format!("--local={}", socket.display());
    let report = Run::of(&mut doctor(["--json", &local])).report();
    assert_eq!(report.json["exit"], 0, "{report:#?}");
    assert_eq!(report.with("ok"), tsmgate_client::doctor::TO_THE_LOCAL_GATE);
    let found = &report.step("socket")["found"];
    assert_eq!(found["peer_pid"], std::process::id());
    assert_eq!(found["own_uid"], found["peer_uid"]);
    // a socket's gate that turns a user away closes without a word
    let deaf = folder.path().join("deaf.sock");
    let listener = UnixListener::bind(&deaf).unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let local = format!("--local={}", deaf.display());
    let report = Run::of(&mut doctor(["--json", &local])).report();
    report.ends_at("identity", 71, "gate", "does not accept this client", "[[local]]");
}

/// Each request on a connection, as the good gate answers it.
fn answer(mut stream: &UnixStream) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    for first in lines {
        let body = match &*first {
            "GET /v1/whoami HTTP/1.1" => WHOAMI,
            "GET /v1/permissions HTTP/1.1" => PERMISSIONS,
            "GET /api/0.5/status HTTP/1.1" => RUNNING,
            _ => continue,
        };
        let headers = "Content-Type: application/json\r\n";
        if stream.write_all(&crate::rig::http::bytes("200 OK", headers, body)).is_err() {
            return;
        }
    }
}
