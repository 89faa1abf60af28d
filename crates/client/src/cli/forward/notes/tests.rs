//! How much is said, whoever calls how often.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use super::*;
use crate::failure::{Delay, LoginFailure};

fn call(uid: u32, outcome: Result<(), Denial>) -> Event {
    let caller = Caller { uid, name: Some("do\u{1b}\u{9b}\u{202e}ra".to_owned()) };
    Event::Call { caller, outcome, took: Duration::from_millis(12) }
}

fn over_limit(seconds: u32) -> Result<(), Denial> {
    let delay = Delay::OverLimit(Some(seconds));
    Err(Denial::Failed(LoginFailure::RetryLater { peer: "gate".to_owned(), delay }))
}

/// What is said of these events.
fn said(notes: &mut Notes, events: &[Event], now: Instant) -> String {
    let mut talk = Vec::new();
    for event in events {
        notes.tell_at(event, now, &mut talk);
    }
    String::from_utf8(talk).unwrap()
}

#[test]
fn a_call_is_one_line_and_names_are_escaped() {
    let mut notes = Notes::new(false, false);
    let text = said(&mut notes, &[call(7, Ok(()))], Instant::now());
    assert!(text.starts_with("tsmgate: uid 7 (do"), "{text}");
    assert!(text.ends_with("): granted, 12 ms\n") && !text.contains('\u{1b}'), "{text:?}");
    assert!(!text.contains(['\u{9b}', '\u{202e}']), "{text:?}");
}

#[test]
fn a_cause_is_told_once_a_minute_with_how_often() {
    let mut notes = Notes::new(true, false);
    let now = Instant::now();
    let events = [call(7, over_limit(3)), call(7, over_limit(2)), call(8, over_limit(1))];
    let text = said(&mut notes, &events, now);
    assert_eq!(
        text,
        "tsmgate: gate says: over_limit; retry in 3 s\nhint: wait 3 s, and ask less often\n"
    );
    let text = said(&mut notes, &[call(7, over_limit(9))], now + AGAIN);
    assert!(text.contains("(2 more times since it was said last)"), "{text}");
    // and nothing of what went well
    assert_eq!(said(&mut notes, &[call(7, Ok(()))], now + AGAIN), "");
}

#[test]
fn a_flood_is_a_few_lines_and_a_sum() {
    let mut notes = Notes::new(false, false);
    let now = Instant::now();
    let flood: Vec<_> = (0..10_000).map(|uid| call(uid, Err(Denial::NotListed))).collect();
    let text = said(&mut notes, &flood, now);
    assert!(text.lines().count() <= 2 * LINES_A_SECOND as usize, "{text}");
    assert!(notes.causes.len() <= CAUSES);
    let text = said(&mut notes, &[call(1, Ok(()))], now + Duration::from_secs(1));
    assert!(text.contains("more lines were left out\n"), "{text}");
    assert!(text.ends_with("granted, 12 ms\n"), "{text}");
}

#[test]
fn json_is_one_object_a_line() {
    let mut notes = Notes::new(false, true);
    let text = said(&mut notes, &[call(7, Ok(())), call(7, over_limit(3))], Instant::now());
    // also what ends a line or turns it around, and is no control character of ASCII
    assert!(text.chars().all(|c| c == '\n' || matches!(c, ' '..='~')), "{text:?}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["event"], "call");
    assert_eq!(lines[0]["result"], "granted");
    assert_eq!(lines[0]["user"], "do\u{1b}\u{9b}\u{202e}ra");
    assert_eq!(lines[1]["result"], "over_limit; retry in 3 s");
    assert_eq!(lines[2]["event"], "failure");
    assert_eq!(lines[2]["hint"], "wait 3 s, and ask less often");
}
