//! What a record looks like to journald, byte for byte.

use time::OffsetDateTime;

use super::super::chain::Head;
use super::super::record::{Outcome, Record};
use super::{entry, field, put};

/// The entry of a record, as text.
fn told(record: &Record) -> String {
    let (line, _) = Head::EMPTY.append(record, OffsetDateTime::UNIX_EPOCH);
    String::from_utf8(entry(line.trim_end()).unwrap()).unwrap()
}

#[test]
fn a_record_is_an_entry_of_the_journal() {
    let record = Record::new("login", Outcome::Success)
        .text("tsmgate.phase", "outcome")
        .source("10.20.1.5".parse().unwrap(), 4711)
        .text("client.user.name", "jump01")
        .texts("client.user.roles", &["login", "monitor"])
        .flag("tsmgate.closed", false);
    let expected = "MESSAGE=login success: jump01 from 10.20.1.5\n\
        PRIORITY=6\n\
        SYSLOG_IDENTIFIER=tsmgated-audit\n\
        MESSAGE_ID=e479645129244da6a291d814ad522a66\n\
        TIMESTAMP=1970-01-01T00:00:00Z\n\
        CLIENT_USER_NAME=jump01\n\
        CLIENT_USER_ROLES=login\n\
        CLIENT_USER_ROLES=monitor\n\
        ECS_VERSION=8.11.0\n\
        EVENT_ACTION=login\n\
        EVENT_CATEGORY=authentication\n\
        EVENT_KIND=event\n\
        EVENT_OUTCOME=success\n\
        EVENT_SEQUENCE=1\n\
        SOURCE_IP=10.20.1.5\n\
        SOURCE_PORT=4711\n\
        TSMGATE_AUDIT_PREVIOUS=0000000000000000000000000000000000000000000000000000000000000000\n\
        TSMGATE_CLOSED=false\n\
        TSMGATE_PHASE=outcome\n";
    assert_eq!(told(&record), expected);
}

#[test]
fn a_failure_is_a_warning_that_says_why() {
    let record = Record::new("refused", Outcome::Failure)
        .text("event.reason", "client_unknown")
        .source("10.20.1.5".parse().unwrap(), 0);
    let entry = told(&record);
    let head = "MESSAGE=refused failure from 10.20.1.5 because of client_unknown\nPRIORITY=4\n";
    assert!(entry.starts_with(head), "{entry}");
    let intent = Record::new("login", Outcome::Unknown).text("tsmgate.phase", "intent");
    assert!(told(&intent).starts_with("MESSAGE=login intent\nPRIORITY=6\n"));
}

/// R43: a text with line ends and an `=` stays one field of the journal, escaped as in the file
#[test]
fn no_text_becomes_a_field() {
    let hostile = "jump01\nPRIORITY=0\r\nEVENT_ACTION\n\u{8}\0\0\0\0\0\0\0_UID=0";
    let record = Record::new("refused", Outcome::Failure)
        .text("client.user.name", hostile)
        .texts("tls.client.x509.alternative_names", &[hostile, "a=b"]);
    let entry = told(&record);
    let safe = r"jump01\u{a}PRIORITY=0\u{d}\u{a}EVENT_ACTION\u{a}\u{8}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}_UID=0";
    assert!(entry.contains(&format!("\nCLIENT_USER_NAME={safe}\n")), "{entry}");
    assert!(entry.contains(&format!("\nTLS_CLIENT_X509_ALTERNATIVE_NAMES={safe}\n")), "{entry}");
    for (name, count) in [("PRIORITY=", 1), ("EVENT_ACTION", 1), ("_UID", 0)] {
        assert_eq!(entry.lines().filter(|line| line.starts_with(name)).count(), count, "{name}");
    }
}

/// R43: a line feed that came through all the same is counted in, and begins no field
#[test]
fn a_line_feed_goes_with_its_length() {
    let mut entry = Vec::new();
    put(&mut entry, "A", "one\n_UID=0");
    put(&mut entry, "B", "two");
    assert_eq!(entry, b"A\n\x0a\0\0\0\0\0\0\0one\n_UID=0\nB=two\n");
}

#[test]
fn names_are_as_journald_takes_them() {
    for (ours, theirs) in [
        ("@timestamp", "TIMESTAMP"),
        ("event.sequence", "EVENT_SEQUENCE"),
        ("tls.client.hash.sha256", "TLS_CLIENT_HASH_SHA256"),
        ("_uid", "UID"),
        ("9.lives", "LIVES"),
        ("a=b\nc", "A_B_C"),
    ] {
        assert_eq!(field(ours), theirs);
    }
    assert_eq!(field(&"a".repeat(100)).len(), 64);
}
