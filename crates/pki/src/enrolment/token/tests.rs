//! A token survives its line, and notices every character that does not.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use super::*;

fn token() -> Token {
    Token {
        address: "tsm.example.com:18851".into(),
        authority_sha256: [7; 32],
        name: "jump01".parse().unwrap(),
        secret: InviteSecret::random().unwrap(),
        not_after: OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap(),
    }
}

#[test]
fn a_token_is_one_line_that_reads_back() {
    let token = token();
    let line = token.to_string();
    assert!(line.starts_with("tsmgate-join-") && !line.contains(char::is_whitespace), "{line}");
    assert_eq!(format!(" {line}\n").parse(), Ok(token));
}

#[test]
fn a_character_changed_or_missing_is_noticed() {
    let line = token().to_string();
    let start = "tsmgate-join-".len();
    for at in start..line.len() {
        let other = if &line[at..=at] == "A" { "B" } else { "A" };
        let changed = format!("{}{other}{}", &line[..at], &line[at + 1..]);
        assert!(changed.parse::<Token>().is_err(), "{at}: {changed}");
        assert_eq!(line[..at].parse::<Token>(), Err(TokenFault::Damaged), "{at}");
    }
    assert_eq!("hello".parse::<Token>(), Err(TokenFault::NotAToken));
    assert_eq!(format!("{line}{}", "A".repeat(2000)).parse::<Token>(), Err(TokenFault::Damaged));
}

/// R39: the secret is in no debug output
#[test]
fn the_secret_shows_in_the_line_alone() {
    let token = token();
    let shown = format!("{token:?} {:?}", token.secret);
    assert!(!shown.contains(token.secret.to_text().as_str()), "{shown}");
    assert!(shown.contains("InviteSecret(…)"), "{shown}");
}
