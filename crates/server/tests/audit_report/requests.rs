//! The api lane: requests by client and operation, secrets in clear, the gate's own sessions; and that a call
//! counts once, whatever is said of it.

use serde_json::{Value, json};
use time::Duration;
use tsmgate_gate::reason::Reason;
use tsmgate_server::audit::record::{Outcome, Record};

use crate::{NOW, Written, before, granted, json, of, refused};

/// What both records of a request have, and a refusal of one.
fn request(id: &str, client: &str, operation: &str) -> Record {
    let about = Record::empty().text("tsmgate.operation", operation);
    about.text("http.request.id", id).append(&of(client, "0A"))
}

fn intent(about: &Record) -> Record {
    Record::new("request", Outcome::Unknown).text("tsmgate.phase", "intent").append(about)
}

fn done(about: &Record) -> Record {
    Record::new("request", Outcome::Success).text("tsmgate.phase", "outcome").append(about)
}

fn failed(reason: Reason, about: &Record) -> Record {
    Record::refusal("request", reason).text("tsmgate.phase", "outcome").append(about)
}

fn session(what: &str, outcome: Outcome) -> Record {
    Record::new("session", outcome).text("tsmgate.session", what)
}

fn row<'a>(rows: &'a Value, name: &str) -> &'a Value {
    rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()
}

fn counts(row: &Value) -> [u64; 3] {
    ["done", "failed", "refused"].map(|field| row[field].as_u64().unwrap())
}

/// R45: what was asked for in the api lane is summed up by client and by operation, apart from logins
#[test]
fn requests_are_summed_by_client_and_operation() {
    let mut written = Written::new();
    let hours = |count| before(Duration::hours(count));
    for (id, client, operation) in
        [("a-1-1", "monitor", "status"), ("a-1-2", "monitor", "status"), ("a-2-1", "night", "stop")]
    {
        let about = request(id, client, operation);
        written.add(hours(5), &intent(&about));
        written.add(hours(5), &done(&about));
    }
    let about = request("a-2-2", "night", "backup");
    written.add(hours(4), &intent(&about));
    written.add(hours(4), &failed(Reason::BackendTimeout, &about));
    // refused with all that is known of it, and as a sum
    let about = request("a-1-3", "monitor", "stop");
    written.add(hours(3), &refused("permission_missing", &about));
    let sum = Record::empty().text("client.user.name", "monitor").text("tsmgate.lane", "http");
    let sum = refused("permission_missing", &sum).number("tsmgate.count", 30);
    written.add(hours(2), &sum);
    // another lane's: a login that was refused for the same reason, and a sum of those
    written.add(hours(2), &refused("permission_missing", &of("monitor", "0A")));
    let sum = Record::empty().text("client.user.name", "monitor");
    written.add(hours(2), &refused("permission_missing", &sum).number("tsmgate.count", 4));
    written.add(NOW, &intent(&request("a-9-1", "night", "start")));
    let made = written.report();
    let report = json(&made);
    let requests = &report["requests"];
    assert_eq!(counts(&requests["totals"]), [3, 1, 31]);
    assert_eq!((&requests["intents"], &requests["without_outcome"]), (&5.into(), &1.into()));
    let clients = &requests["clients"];
    assert_eq!(counts(row(clients, "monitor")), [2, 0, 31]);
    assert_eq!(row(clients, "monitor")["last"], "2026-11-22T10:00:00Z");
    assert_eq!(counts(row(clients, "night")), [1, 1, 0]);
    let operations = &requests["operations"];
    for (operation, expected) in
        [("status", [2, 0, 0]), ("stop", [1, 0, 1]), ("backup", [0, 1, 0]), ("none", [0, 0, 30])]
    {
        assert_eq!(counts(row(operations, operation)), expected, "{operation}");
    }
    // the logins are as they were, and reasons are of all lanes
    assert_eq!(report["totals"]["clients"], json!({"granted": 0, "failed": 0, "refused": 5}));
    let reason = |code: &str| {
        let reasons = report["reasons"].as_array().unwrap();
        reasons.iter().find(|reason| reason["code"] == code).unwrap().clone()
    };
    assert_eq!(reason("permission_missing")["refused"], 36);
    assert_eq!(reason("backend_timeout")["failed"], 1);
    let slots = report["over_time"]["slots"].as_array().unwrap();
    let refused = |lane: &str| -> u64 {
        slots.iter().map(|slot| slot[lane]["refused"].as_u64().unwrap()).sum()
    };
    assert_eq!((refused("requests"), refused("clients")), (31, 5));
    assert!(report["event_counts"].as_array().unwrap().is_empty(), "{}", report["event_counts"]);
    let page = made.html();
    for words in ["<h2>Requests</h2>", "1 of 5 requests passed on", "<code>backup</code>"] {
        assert!(page.contains(words), "{words}");
    }
    let summary = made.summary();
    for line in [
        "requests: 3 done, 1 failed, 31 refused",
        "requests of monitor: 2 done, 0 failed, 31 refused",
        "operation backup: 0 done, 1 failed, 0 refused",
    ] {
        assert!(summary.iter().any(|said| said == line), "{line}: {summary:#?}");
    }
}

/// R65: who was given secrets in clear stands out in every form; redacted answers and refusals do not
#[test]
fn secrets_in_clear_stand_out() {
    let mut written = Written::new();
    let mut add = |id: &str, client: &str, operation: &str, secrets: bool, granted: bool| {
        let about = request(id, client, operation).flag("tsmgate.secrets", secrets);
        written.add(before(Duration::HOUR), &intent(&about));
        let outcome = match granted {
            true => done(&about),
            false => failed(Reason::AnsweredError, &about),
        };
        written.add(before(Duration::HOUR), &outcome);
    };
    add("a-1-1", "auditor", "configuration", false, true);
    add("a-1-2", "auditor", "export", true, false);
    for id in ["a-2-1", "a-2-2"] {
        add(id, "vault", "export", true, true);
    }
    let made = written.report();
    let report = json(&made);
    let expected = json!([
        {"client": "vault", "operation": "export", "count": 2, "last": "2026-11-22T11:00:00Z"},
    ]);
    assert_eq!(report["requests"]["secrets_in_clear"], expected);
    let clients = &report["requests"]["clients"];
    assert_eq!(row(clients, "vault")["secrets_in_clear"], 2);
    assert_eq!(row(clients, "auditor")["secrets_in_clear"], 0);
    let page = made.html();
    assert!(page.contains("<dd>2</dd>") && page.contains("<dt>answers with secrets in clear</dt>"));
    assert!(page.contains("<strong>These clients were given secrets in clear</strong>"));
    assert!(page.contains("<tr class=\"look\"><th scope=\"row\">vault</th>"));
    assert!(!page.contains("<tr class=\"look\"><th scope=\"row\">auditor</th>"));
    let told = "SECRETS IN CLEAR were given to vault by export: 2".to_owned();
    assert!(made.summary().contains(&told), "{:#?}", made.summary());
}

/// What the gate did with its own session is counted and not listed as something unknown.
#[test]
fn the_sessions_of_the_gate_are_counted() {
    let mut written = Written::new();
    let at = before(Duration::HOUR);
    for record in [
        session("taken", Outcome::Success),
        session("refused", Outcome::Failure),
        session("taken", Outcome::Success),
        session("taken", Outcome::Failure),
        session("ended", Outcome::Success),
        session("ended", Outcome::Failure),
        session("lent", Outcome::Success),
    ] {
        written.add(at, &record);
    }
    let made = written.report();
    let report = json(&made);
    let expected = json!({"taken": 2, "not_given": 1, "refused": 1, "ended": 1, "not_ended": 1,
        "last_taken": "2026-11-22T11:00:00Z"});
    assert_eq!(report["session"], expected);
    // what a later version may write
    assert_eq!(report["event_counts"][0]["action"], "session");
    assert_eq!(report["event_counts"][0]["count"], 1);
    let told = "sessions of the gate at TSM: 2 taken, 1 not given, 1 refused by TSM, 1 ended, 1 given \
                back without an answer";
    assert!(made.summary().iter().any(|line| line == told), "{:#?}", made.summary());
    assert!(made.html().contains("<h3>The gate’s own sessions at TSM</h3>"));
}

/// R45: a call that was cut while its outcome was written has two of them, and counts once, as the last says
#[test]
fn a_call_counts_once_whatever_is_said_of_it() {
    let mut written = Written::new();
    let connection = of("jump01", "0A").text("tsmgate.connection", "a-7");
    let asked = Record::new("login", Outcome::Unknown).text("tsmgate.phase", "intent");
    let aborted = || Record::refusal("login", Reason::CallAborted).text("tsmgate.phase", "outcome");
    // two that were granted on one connection, and one that was cut
    for _ in 0..3 {
        written.add(NOW, &asked.clone().append(&connection));
        written.add(NOW, &granted(&connection));
    }
    written.add(NOW, &aborted().append(&connection));
    // a request likewise, and one whose answer broke off when its outcome was on file
    let cut = request("a-8-1", "night", "export").flag("tsmgate.secrets", true);
    for record in [intent(&cut), done(&cut), failed(Reason::CallAborted, &cut)] {
        written.add(NOW, &record);
    }
    let broken = request("a-8-2", "night", "status");
    for record in [intent(&broken), done(&broken), refused("answer_cut", &broken)] {
        written.add(NOW, &record);
    }
    let whole = request("a-8-3", "night", "status");
    for record in [intent(&whole), done(&whole)] {
        written.add(NOW, &record);
    }
    let report = json(&written.report());
    assert_eq!(report["totals"]["clients"], json!({"granted": 2, "failed": 1, "refused": 0}));
    assert_eq!(
        (&report["totals"]["intents"], &report["totals"]["without_outcome"]),
        (&3.into(), &0.into())
    );
    let requests = &report["requests"];
    assert_eq!(counts(&requests["totals"]), [1, 2, 0]);
    assert_eq!(requests["without_outcome"], 0);
    // what was on its way when it was cut may have been read
    assert_eq!(requests["secrets_in_clear"][0]["count"], 1);
    let codes: Vec<_> =
        report["reasons"].as_array().unwrap().iter().map(|row| &row["code"]).collect();
    assert_eq!(codes, ["call_aborted", "answer_cut"]);
}

/// R45: however many clients and operations somebody writes, rows are bounded and all are counted
#[test]
fn more_requesters_than_there_are_rows_are_counted_in_one() {
    let mut written = Written::new();
    for number in 0..6000 {
        let (client, operation) = (format!("c{}", number % 3000), format!("o{number}"));
        let about = request(&format!("a-{number}-1"), &client, &operation);
        written.add(before(Duration::HOUR), &done(&about.flag("tsmgate.secrets", true)));
    }
    let made = written.report();
    let report = json(&made);
    let requests = &report["requests"];
    let rows = |list: &str| requests[list].as_array().unwrap().len();
    assert_eq!((rows("clients"), rows("operations"), rows("secrets_in_clear")), (256, 128, 512));
    assert_eq!(counts(&requests["totals"]), [6000, 0, 0]);
    assert_eq!(requests["other_clients"]["done"], 6000 - 2 * 256);
    assert_eq!(requests["other_operations"]["done"], 6000 - 128);
    assert_eq!(requests["other_secrets_in_clear"], 6000 - 512);
    let page = made.html();
    assert!(page.contains("<dt>requests done</dt><dd>6\u{202f}000</dd>"));
    assert!(page.len() < 300_000, "{} bytes", page.len());
    assert!(made.summary().len() < 60, "{:#?}", made.summary());
}

/// A gate without the lane is not told of nothing in five lines.
#[test]
fn without_requests_there_is_one_sentence() {
    let mut written = Written::new();
    written.add(NOW, &granted(&of("jump01", "0A")));
    let made = written.report();
    assert!(made.html().contains("No client asked for anything in the api lane"));
    assert!(!made.html().contains("own sessions"));
    let told = made.summary();
    assert!(
        !told.iter().any(|line| line.contains("requests") || line.contains("session")),
        "{told:#?}"
    );
}
