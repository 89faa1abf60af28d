//! The chain and its check: what was done to a file, and the line at which it shows.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use time::OffsetDateTime;
use tsmgate_server::audit::chain::{Head, Link};
use tsmgate_server::audit::record::{Outcome, Record};
use tsmgate_server::audit::verify::{Broken, LINE_LIMIT, Verified, verify};
use tsmgate_server::digest::sha256;

/// A chain after a head: its lines, each with its line feed, and its own head.
fn chain_after(mut head: Head, count: usize) -> (Vec<String>, Head) {
    let mut lines = Vec::new();
    for number in 0..count {
        let record = Record::new("login", Outcome::Success).number("number", number as u64);
        let (line, next) = head.append(&record, OffsetDateTime::UNIX_EPOCH);
        lines.push(line);
        head = next;
    }
    (lines, head)
}

fn chain(count: usize) -> (Vec<String>, Head) {
    chain_after(Head::EMPTY, count)
}

fn check(lines: &[String]) -> Result<Verified, Broken> {
    verify(lines.concat().as_bytes(), None)
}

fn broken_line(lines: &[String]) -> u64 {
    match check(lines) {
        Err(Broken::At { line, .. } | Broken::Unfinished { line }) => line,
        other => panic!("{other:?}"),
    }
}

fn recovered(head: &Head, torn: &str) -> (String, Head) {
    let record = Record::new("recovered", Outcome::Success)
        .number("tsmgate.audit.torn_bytes", torn.len() as u64)
        .text(
            "tsmgate.audit.torn_sha256",
            &data_encoding::HEXLOWER.encode(&sha256(torn.as_bytes())),
        );
    head.append(&record, OffsetDateTime::UNIX_EPOCH)
}

/// R45: a chain as it was written is whole, also an empty one and one that begins in the middle
#[test]
fn an_untouched_chain_is_whole() {
    let (lines, head) = chain(9);
    assert_eq!(check(&lines).unwrap(), Verified { first: 1, head, torn: 0 });
    assert_eq!(check(&lines[4..]).unwrap(), Verified { first: 5, head, torn: 0 });
    assert_eq!(check(&[]).unwrap(), Verified { first: 0, head: Head::EMPTY, torn: 0 });
    for (number, line) in (1..).zip(&lines) {
        let line = line.trim_end().as_bytes();
        let link = Link::read(line).unwrap();
        assert_eq!((link.sequence, link.head(line).hash), (number, sha256(line)));
    }
}

type Deed = fn(&mut Vec<String>);

/// R45: whatever is done to a line in the middle shows at that line or at the one behind it
#[test]
fn each_change_shows_where_it_was_made() {
    let deeds: [(&str, u64, Deed); 14] = [
        ("removed", 5, |lines| drop(lines.remove(4))),
        ("two removed", 5, |lines| drop(lines.drain(4..6))),
        ("duplicated", 6, |lines| lines.insert(5, lines[4].clone())),
        ("swapped", 5, |lines| lines.swap(4, 5)),
        ("an older one again", 6, |lines| lines.insert(5, lines[1].clone())),
        ("a value changed", 6, |lines| lines[4] = lines[4].replace("success", "failure")),
        ("a blank added", 6, |lines| lines[4].insert(1, ' ')),
        ("a carriage return added", 6, |lines| lines[4] = lines[4].replace('\n', "\r\n")),
        ("a number changed", 5, |lines| {
            lines[4] = lines[4].replace("sequence\":5", "sequence\":6")
        }),
        ("an empty line", 5, |lines| lines.insert(4, "\n".into())),
        ("a foreign line", 5, |lines| lines.insert(4, "{}\n".into())),
        ("its line end gone", 6, |lines| lines[4] = lines[4].trim_end().to_owned()),
        ("cut short", 6, |lines| lines[4] = format!("{}\n", &lines[4][..40])),
        ("too long", 5, |lines| lines[4] = format!("{}\n", "x".repeat(LINE_LIMIT + 9))),
    ];
    for (what, line, deed) in deeds {
        let (mut lines, _) = chain(9);
        deed(&mut lines);
        assert_eq!(broken_line(&lines), line, "{what}");
    }
}

/// R45: a line that somebody else made up does not follow, even with the right number
#[test]
fn a_forged_line_at_the_end_shows() {
    let (mut lines, head) = chain(3);
    let forged = Head { hash: [7; 32], ..head };
    lines.extend(chain_after(forged, 1).0);
    assert_eq!(broken_line(&lines), 4);
    let (mut lines, _) = chain(3);
    lines.push("{\"event.action\":\"login\"}\n".into());
    assert_eq!(broken_line(&lines), 4);
}

/// R45: a cut tail is a chain of its own, and shows against a head that was noted elsewhere
#[test]
fn a_cut_tail_shows_only_against_a_noted_head() {
    let (lines, head) = chain(9);
    let noted = chain(6).1;
    let against =
        |count: usize, head: &Head| verify(lines[..count].concat().as_bytes(), Some(head));
    // it may have moved on, but not back
    assert!(against(9, &noted).is_ok() && against(6, &noted).is_ok());
    assert!(against(9, &Head::EMPTY).is_ok() && against(0, &Head::EMPTY).is_ok());
    for count in [0, 1, 5] {
        assert!(check(&lines[..count]).is_ok());
        match against(count, &noted) {
            Err(Broken::Head { found, expected }) => {
                assert_eq!((found.sequence, expected), (count as u64, noted));
            }
            other => panic!("{other:?}"),
        }
    }
    let other = Head { hash: [7; 32], ..head };
    assert!(
        matches!(against(9, &other), Err(Broken::OtherLine { sequence: 9 })),
        "the right number is not enough"
    );
}

/// R45: a torn line is in order only with the record that names it behind it
#[test]
fn a_torn_line_needs_its_record() {
    const TORN: &str = "{\"@timestamp\":\"20";
    let (lines, head) = chain(3);
    let (record, after) = recovered(&head, TORN);
    let with = |middle: &[&str]| {
        let middle: Vec<String> = middle.iter().map(|line| format!("{line}\n")).collect();
        [lines.clone(), middle, vec![record.clone()], chain_after(after, 2).0].concat()
    };
    let whole = check(&with(&[TORN])).unwrap();
    assert_eq!((whole.torn, whole.head.sequence), (1, 6));
    assert_eq!(broken_line(&with(&[])), 3, "the torn line behind it was removed");
    assert_eq!(broken_line(&with(&["{\"@timestamp\":\"21"])), 4, "it was changed");
    assert_eq!(broken_line(&with(&["{\"@timestamp\":\"202"])), 4, "it grew");
    assert_eq!(broken_line(&with(&[TORN, TORN])), 5, "there are two");
    // at the end there is nothing yet that could name it
    assert_eq!(broken_line(&[lines.clone(), vec![TORN.into()]].concat()), 4);
    assert_eq!(broken_line(&[lines.clone(), vec![format!("{TORN}\n")]].concat()), 4);
    // and as the very first line
    let (first, _) = recovered(&Head::EMPTY, TORN);
    assert_eq!(check(&[format!("{TORN}\n"), first]).unwrap().torn, 1);
}

/// R45: a head is written and read in one form, and nothing else is one
#[test]
fn a_head_has_one_form() {
    let (_, head) = chain(42);
    let text = head.to_string();
    assert!(text.starts_with("42:") && text.len() == 3 + 64);
    assert_eq!(text.parse::<Head>().unwrap(), head);
    let zeros = "0".repeat(64);
    for bad in ["", "42", "42:", ":", "42:xyz", "-1:00", &text[..60], &format!("x:{zeros}")] {
        assert!(bad.parse::<Head>().is_err(), "{bad}");
    }
    assert!(format!("1:{zeros}0").parse::<Head>().is_err(), "a digit too many");
    assert_eq!(format!("0:{zeros}").parse::<Head>().unwrap(), Head::EMPTY);
}
