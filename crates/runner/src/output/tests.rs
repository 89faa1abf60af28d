//! Lines, steps and jobs, however the bytes come.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use tsmgate_catalogue::redaction::MARKER;
use tsmgate_catalogue::runner::{LINE_LIMIT, What};
use zeroize::Zeroizing;

use super::{Lines, Stream, Told};
use crate::mask::Secrets;

fn all(mut lines: Lines, pieces: &[&[u8]]) -> Told {
    let mut all = Told::default();
    let told: Vec<_> = pieces.iter().map(|piece| lines.take(piece)).collect();
    for told in told.into_iter().chain([lines.end()]) {
        all.events.extend(told.events);
        all.job = told.job.or(all.job);
    }
    all
}

fn out(pieces: &[&[u8]]) -> Told {
    all(Lines::new(Stream::Out, Secrets::default(), false), pieces)
}

fn texts(told: &Told) -> Vec<&str> {
    told.events
        .iter()
        .map(|what| match what {
            What::Stdout(text) | What::Stderr(text) => text.as_str(),
            _ => "?",
        })
        .collect()
}

#[test]
fn line_feed_return_and_both_end_a_line() {
    let told = out(&[b"a\nb\rc\r", b"\nd\n\ne\r\rf"]);
    assert_eq!(texts(&told), ["a", "b", "c", "d", "", "e", "", "f"]);
}

#[test]
fn steps_and_jobs_are_told_apart() {
    let told = out(&[b"Job id is '17', timeout is 10 minutes.\n 7% - Waiting.   \r101% - no\n"]);
    assert_eq!(told.job.as_deref(), Some("17"));
    assert_eq!(
        told.events,
        [
            What::Stdout("Job id is '17', timeout is 10 minutes.".to_owned()),
            What::Progress { percent: 7, step: "Waiting.".to_owned() },
            What::Stdout("101% - no".to_owned()),
        ]
    );
    for line in ["Job id is '', x", "Job id is '1; rm', x", "Job id is '-1'", "Job id is 5"] {
        assert_eq!(out(&[line.as_bytes()]).job, None, "{line}");
    }
    let lines = Lines::new(Stream::Err, Secrets::default(), false);
    assert_eq!(all(lines, &[b"7% - x\n"]).events, [What::Stderr("7% - x".to_owned())]);
}

#[test]
fn a_line_without_an_end_comes_in_pieces_and_nothing_is_lost() {
    let megabyte = vec![b'x'; 1024 * 1024];
    let told = out(&[&megabyte]);
    let texts = texts(&told);
    assert!(texts.iter().all(|text| text.len() <= LINE_LIMIT));
    assert_eq!(texts.concat().len(), megabyte.len());
    let umlauts = "ä".repeat(300 * 1024);
    let told = out(&[b"x", umlauts.as_bytes()]);
    assert_eq!(self::texts(&told).concat(), format!("x{umlauts}"));
}

#[test]
fn bytes_that_are_no_text_are_shown_as_such_and_stay_in_bounds() {
    let told = out(&[&[0xff; 100_000]]);
    assert!(texts(&told).iter().all(|text| text.len() <= LINE_LIMIT));
    assert_eq!(texts(&told).concat(), "\u{fffd}".repeat(100_000));
    assert_eq!(texts(&out(&[b"\x1b[2Jhi\x07\n"])), ["\u{1b}[2Jhi\u{7}"]);
}

#[test]
fn a_secret_is_masked_also_where_a_line_is_cut() {
    let secret = Secrets::from(vec![Zeroizing::new(b"tops3cret".to_vec())]);
    let before = "x".repeat(LINE_LIMIT - 4);
    let text = format!("{before}tops3cret\ntops3cret\n");
    let (one, two) = text.split_at(LINE_LIMIT);
    let lines = Lines::new(Stream::Out, secret, false);
    let told = all(lines, &[one.as_bytes(), two.as_bytes()]);
    let shown = texts(&told).concat();
    assert!(!shown.contains("s3c"), "{shown}");
    assert_eq!(shown, format!("{before}****************"));
}

#[test]
fn a_secret_that_is_longer_than_a_line_may_be_is_taken_out() {
    let line = format!("some.password: {}\nshort\n", "y".repeat(200_000));
    let lines = Lines::new(Stream::Out, Secrets::default(), true);
    let told = all(lines, &[line.as_bytes()]);
    let texts = texts(&told);
    assert!(texts.iter().all(|text| !text.contains('y') || text.contains(MARKER)), "{told:?}");
    assert!(texts.concat().len() < 200, "{told:?}");
    assert_eq!(texts.last(), Some(&"short"));
}
