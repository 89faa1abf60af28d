//! Turns, from made-up lists.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use super::{Place, ahead, next, waiting};

/// `C` changes and `R` reads; small ones run already.
fn places(written: &str) -> Vec<Place> {
    let place = |letter: char| Place {
        changes: letter.eq_ignore_ascii_case(&'c'),
        waits: letter.is_ascii_uppercase(),
    };
    written.chars().map(place).collect()
}

#[test]
fn one_that_changes_at_a_time_and_readers_beside() {
    for (written, reading, turns) in [
        ("", 4, vec![]),
        ("C", 4, vec![0]),
        ("CC", 4, vec![0]),
        ("cC", 4, vec![]),
        ("cCR", 4, vec![2]),
        ("CRRR", 2, vec![0, 1, 2]),
        ("rrRC", 2, vec![3]),
        ("rRRR", 3, vec![1, 2]),
        ("rrrr", 2, vec![]),
    ] {
        assert_eq!(next(&places(written), reading), turns, "{written}");
    }
}

#[test]
fn only_what_changes_counts_as_ahead() {
    let all = places("crCRCR");
    let counted: Vec<_> = (0..all.len()).map(|index| ahead(&all, index)).collect();
    assert_eq!(counted, [0, 0, 1, 0, 2, 0]);
    assert_eq!(waiting(&all), 4);
}
