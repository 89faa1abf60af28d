//! Secrets, wherever they stand and however they are cut.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use zeroize::Zeroizing;

use super::{Mask, Secrets};

fn mask(secrets: &[&str]) -> Mask {
    let secrets: Vec<_> =
        secrets.iter().map(|secret| Zeroizing::new(secret.as_bytes().to_vec())).collect();
    Mask::new(Secrets::from(secrets))
}

fn passed(mask: &mut Mask, pieces: &[&str]) -> String {
    let mut all = Vec::new();
    for piece in pieces {
        all.extend(mask.pass(piece.as_bytes()));
    }
    all.extend(mask.end());
    String::from_utf8(all).unwrap()
}

#[test]
fn a_secret_is_found_at_every_cut() {
    let text = "before tops3cret after, again tops3cret";
    for cut in 0..text.len() {
        let (one, two) = text.split_at(cut);
        let shown = passed(&mut mask(&["tops3cret"]), &[one, two]);
        assert_eq!(shown, "before ******** after, again ********", "cut at {cut}");
    }
    let bytes: Vec<_> = text.split("").collect();
    assert_eq!(passed(&mut mask(&["tops3cret"]), &bytes), "before ******** after, again ********");
}

#[test]
fn what_only_begins_like_one_is_shown() {
    assert_eq!(passed(&mut mask(&["tops3cret"]), &["a tops", "3ecret top"]), "a tops3ecret top");
}

#[test]
fn one_in_another_and_one_beside_another_leave_nothing() {
    assert_eq!(passed(&mut mask(&["abc", "abcdef"]), &["xabc", "defx"]), "x********x");
    assert_eq!(passed(&mut mask(&["aa"]), &["xaa", "aaa", "ax"]), "x********x");
    assert_eq!(passed(&mut mask(&["abc", "bcd"]), &["abcd."]), "********.");
    assert_eq!(passed(&mut mask(&["aa"]), &["aaaaa"]), "********");
}

#[test]
fn a_flood_is_not_held() {
    let mut mask = mask(&["aaaaaaaab"]);
    for _ in 0..100 {
        mask.pass(&[b'a'; 64 * 1024]);
        assert!(mask.held.len() < 9);
    }
}

#[test]
fn nothing_shows_by_accident() {
    assert_eq!(format!("{:?}", mask(&["tops3cret"]).secrets), "1 secrets");
}
