//! The table itself: unambiguous, without session routes, every row with a source.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;

use tsmgate_catalogue::api::operation::{Answer, Body, Operation, Segment};
use tsmgate_catalogue::api::table::OPERATIONS;

/// Whether some text is both.
fn overlap(one: &Segment, other: &Segment) -> bool {
    match (one, other) {
        (Segment::Literal(one), Segment::Literal(other)) => one == other,
        (Segment::Typed(kind), Segment::Literal(literal))
        | (Segment::Literal(literal), Segment::Typed(kind)) => {
            kind.parse(literal.as_bytes()).is_some()
        }
        (Segment::Typed(_), Segment::Typed(_)) => true,
    }
}

#[test]
fn no_request_means_two_rows() {
    for (at, one) in OPERATIONS.iter().enumerate() {
        for other in &OPERATIONS[at + 1..] {
            let same_length = one.path.len() == other.path.len();
            let paths = one.path.iter().zip(other.path).all(|(a, b)| overlap(a, b));
            let same = same_length && paths && one.method == other.method;
            assert!(!same, "{} and {}", one.name, other.name);
        }
    }
}

#[test]
fn names_and_query_keys_are_there_once() {
    let names: BTreeSet<_> = OPERATIONS.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), OPERATIONS.len());
    for row in OPERATIONS {
        let keys: BTreeSet<_> = row.query.iter().map(|key| key.name).collect();
        assert_eq!(keys.len(), row.query.len(), "{}", row.name);
        assert_eq!(Operation::named(row.name), Some(row));
    }
}

/// R57: no row is a session's, and none is without a source
#[test]
fn no_row_is_of_a_session_or_without_a_source() {
    for row in OPERATIONS {
        for part in row.path {
            if let Segment::Literal(literal) = part {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
                assert!(!literal.is_empty() && literal.bytes().all(plain), "{}", row.name);
                assert!(!["login", "logout", "bootstrap"].contains(literal), "{}", row.name);
            }
        }
        assert!(!row.marks.is_empty() && !row.source.is_empty(), "{}", row.name);
    }
}

#[test]
fn whoever_reads_configuration_gets_it_redacted() {
    let secrets: Vec<_> = OPERATIONS.iter().filter(|row| row.answer == Answer::Secrets).collect();
    let names: Vec<_> = secrets.iter().map(|row| row.name).collect();
    let known = [
        "configuration",
        "configuration-key",
        "export",
        "support-info",
        "licensing",
        "product-keys",
        "registration",
    ];
    assert_eq!(names, known);
    let bodies: Vec<_> = OPERATIONS.iter().filter(|row| row.body != Body::Empty).collect();
    assert_eq!(bodies.iter().map(|row| row.name).collect::<Vec<_>>(), ["registration"]);
}
