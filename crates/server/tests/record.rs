//! What a record's line looks like.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use tsmgate_server::audit::chain::Head;
use tsmgate_server::audit::record::{Outcome, Record};

/// R43, R41: a record is one line of JSON with each field once, whatever text is in it
#[test]
fn a_record_is_one_line_of_json() {
    let hostile = "\"},\n{\"event.action\":\"login\\\u{1b}\u{2028}";
    let record = Record::new("refused", Outcome::Failure)
        .text("client.user.name", hostile)
        .append(&Record::empty())
        .append(&Record::empty().flag("tsmgate.closed", true).source([10, 0, 0, 1].into(), 7));
    let (line, _) = Head::EMPTY.append(&record, time::OffsetDateTime::UNIX_EPOCH);
    assert_eq!(line.matches('\n').count(), 1);
    assert!(line.ends_with("}\n"));
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["@timestamp"], "1970-01-01T00:00:00Z");
    assert_eq!(value["event.action"], "refused");
    assert_eq!(value["event.outcome"], "failure");
    let name = "\"},\\u{a}{\"event.action\":\"login\\u{5c}\\u{1b}\\u{2028}";
    assert_eq!(value["client.user.name"], name);
    assert_eq!((&value["source.ip"], &value["source.port"]), (&"10.0.0.1".into(), &7.into()));
    assert_eq!(value.as_object().unwrap().len(), 12);
}

/// R41: a port that is not known is left out
#[test]
fn an_unknown_port_is_left_out() {
    let record = Record::empty().source("::1".parse().unwrap(), 0);
    let (line, _) = Head::EMPTY.append(&record, time::OffsetDateTime::UNIX_EPOCH);
    assert!(line.contains("\"source.ip\":\"::1\"") && !line.contains("source.port"));
}
