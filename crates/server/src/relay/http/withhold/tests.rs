//! Every offset, every split, and a search that is too simple to be wrong.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_assert_eq, proptest};
use tsmgate_wire::Secret;

use super::{PAINT, PIECE, Painter, Withhold};

/// No part of a secret that is as long as this may leave.
const PART: usize = 2 * PIECE - 1;

/// A secret in which no piece stands twice.
fn secret(length: usize) -> String {
    let letters = (0..).flat_map(|n: u32| format!("{n:x}.").into_bytes());
    String::from_utf8(letters.take(length).collect()).unwrap()
}

fn withhold(secret: &str) -> Withhold {
    Withhold::of(&Secret::new(secret.to_owned())).unwrap()
}

/// What leaves of an answer that came in these parts.
fn passed(withhold: &Withhold, parts: &[&[u8]]) -> (Vec<u8>, bool) {
    let mut painter = Painter::new(withhold);
    let mut out = Vec::new();
    for part in parts {
        out.extend_from_slice(&painter.pass(Bytes::copy_from_slice(part)));
    }
    out.extend_from_slice(&painter.rest());
    (out, painter.found)
}

/// The same by looking at every place for every piece.
fn naively(secret: &[u8], text: &[u8]) -> Vec<u8> {
    let last = &secret[secret.len().saturating_sub(PIECE)..];
    let mut painted = text.to_vec();
    for piece in secret.chunks(PIECE).filter(|piece| piece.len() == PIECE).chain([last]) {
        for (at, window) in text.windows(piece.len()).enumerate() {
            if window == piece {
                painted[at..at + piece.len()].fill(PAINT);
            }
        }
    }
    painted
}

fn has_part_of(secret: &str, text: &[u8]) -> bool {
    let length = PART.min(secret.len());
    secret.as_bytes().windows(length).any(|part| text.windows(length).any(|window| window == part))
}

/// R58: wherever the cookie stands and wherever the parts of an answer are cut, nothing of it leaves
#[test]
fn the_cookie_is_found_at_every_offset_and_across_every_cut() {
    for length in [32, 33, 47, 451] {
        let secret = secret(length);
        let withhold = withhold(&secret);
        for before in 0..=2 * PIECE {
            let text = [&vec![b'-'; before], secret.as_bytes(), b"--- and more"].concat();
            let wanted = [&vec![b'-'; before][..], &vec![PAINT; length], b"--- and more"].concat();
            for cut in 0..=text.len() {
                let (first, second) = text.split_at(cut);
                let (out, found) = passed(&withhold, &[first, second]);
                assert!(found, "{length} {before} {cut}");
                assert_eq!(out, wanted, "{length} {before} {cut}");
            }
            for size in 1..=2 * PIECE + 1 {
                let parts: Vec<_> = text.chunks(size).collect();
                assert_eq!(passed(&withhold, &parts).0, wanted, "{length} {before} by {size}");
            }
        }
    }
}

/// R58: a part of the cookie that is worth having does not leave either, alone or beside another
#[test]
fn a_part_of_the_cookie_is_found() {
    let secret = secret(451);
    let withhold = withhold(&secret);
    for (at, part) in secret.as_bytes().windows(PART).enumerate() {
        let text = [b"<", part, b">", part, part, b"<"].concat();
        let (out, found) = passed(&withhold, &[&text]);
        assert!(found, "{at}");
        assert!(!has_part_of(&secret, &out), "{at}: {}", String::from_utf8_lossy(&out));
        assert_eq!(out.len(), text.len());
    }
}

/// R58: a cookie that is cut short by another, and pieces that lie over one another
#[test]
fn cookies_within_cookies_are_found() {
    for secret in [secret(40), "ab".repeat(20), "a".repeat(45), format!("{0}{0}", secret(17))] {
        let withhold = withhold(&secret);
        for inside in 0..secret.len() {
            let (first, second) = secret.split_at(inside);
            let text = format!("x{first}{secret}{second}x{secret}{secret}");
            let wanted = naively(secret.as_bytes(), text.as_bytes());
            for size in [1, 7, PIECE - 1, PIECE, text.len()] {
                let parts: Vec<_> = text.as_bytes().chunks(size).collect();
                let (out, found) = passed(&withhold, &parts);
                assert!(found);
                assert_eq!(out, wanted, "{secret} {inside} by {size}");
                assert!(!has_part_of(&secret, &out));
            }
        }
    }
}

/// A secret that is shorter than a piece is found as a whole.
#[test]
fn short_secrets_are_found_whole() {
    for length in 1..PIECE {
        let secret = secret(length);
        let withhold = withhold(&secret);
        let text = format!("({secret})({secret}");
        for cut in 0..=text.len() {
            let (first, second) = text.as_bytes().split_at(cut);
            let (out, _) = passed(&withhold, &[first, second]);
            let stars = "*".repeat(length);
            assert_eq!(String::from_utf8(out).unwrap(), format!("({stars})({stars}"));
        }
    }
}

/// What is known of a cookie is not shown by its searcher.
#[test]
fn the_searcher_does_not_show_what_it_looks_for() {
    let withhold = withhold(&secret(64));
    assert_eq!(format!("{withhold:?}"), "Withhold");
}

/// A secret, and texts that have much in common with it.
fn texts() -> impl Strategy<Value = (String, Vec<Vec<u8>>)> {
    ("[ab]{32,70}").prop_flat_map(|secret| {
        let length = secret.len();
        let piece = (0..length, 0..=length, vec(b'a'..b'd', 0..5));
        let text = vec(piece, 0..6).prop_map({
            let secret = secret.clone();
            move |pieces| {
                let mut text = Vec::new();
                for (from, to, other) in pieces {
                    text.extend_from_slice(secret.as_bytes().get(from..to).unwrap_or_default());
                    text.extend_from_slice(&other);
                }
                text
            }
        });
        (Just(secret), vec(text, 1..6))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// R58: however an answer comes in parts, what leaves is what a simple search would leave of the whole
    #[test]
    fn the_parts_make_no_difference((secret, parts) in texts()) {
        let whole = parts.concat();
        let wanted = naively(secret.as_bytes(), &whole);
        let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
        let withhold = withhold(&secret);
        let (out, found) = passed(&withhold, &parts);
        prop_assert_eq!(found, wanted != whole);
        prop_assert_eq!(&out, &wanted);
        let single: Vec<_> = whole.chunks(1).collect();
        prop_assert_eq!(&passed(&withhold, &single).0, &wanted);
    }

    /// What has nothing of the cookie passes as it is, byte for byte.
    #[test]
    fn other_answers_pass(parts in vec(vec(0_u8.., 0..80), 0..8)) {
        let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
        let (out, found) = passed(&withhold(&secret(451)), &parts);
        prop_assert_eq!(out, parts.concat());
        prop_assert_eq!(found, false);
    }
}
