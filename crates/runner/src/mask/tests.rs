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

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn word(&mut self, most: usize) -> String {
        let length = 1 + self.below(most);
        (0..length).map(|_| if self.below(2) == 0 { 'a' } else { 'b' }).collect()
    }
}

#[test]
fn whatever_the_cuts_what_is_covered_is_masked_and_nothing_else() {
    let mut dice = Dice(7);
    for _ in 0..20_000 {
        let secrets: Vec<String> = (0..1 + dice.below(3)).map(|_| dice.word(5)).collect();
        let text = dice.word(24);
        let mut covered = vec![false; text.len()];
        for secret in &secrets {
            for start in 0..text.len() {
                if text[start..].starts_with(secret.as_str()) {
                    covered[start..start + secret.len()].fill(true);
                }
            }
        }
        let mut expected = String::new();
        for (at, letter) in text.chars().enumerate() {
            match covered[at] {
                false => expected.push(letter),
                true if at == 0 || !covered[at - 1] => expected.push('*'),
                true => {}
            }
        }
        let names: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let (mut mask, mut pieces, mut rest) = (mask(&names), Vec::new(), text.as_str());
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(dice.below(rest.len() + 1));
            pieces.push(piece);
            rest = later;
        }
        let mut shown = passed(&mut mask, &pieces);
        while shown.contains("**") {
            // two that touch may have a mask each
            shown = shown.replace("**", "*");
        }
        assert_eq!(shown, expected, "{secrets:?} in {pieces:?}");
    }
}
