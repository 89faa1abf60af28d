//! What is written reads as what was meant, whatever is in it.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;

const NASTY: &str = "a\u{1b}[2J\u{9b}31m\u{202e}\"\\\u{7f}\n\u{1f600}é";

#[test]
fn a_text_is_visible_and_reads_as_it_was() {
    let mut json = String::new();
    push_text(&mut json, NASTY);
    assert!(json.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{json}");
    assert_eq!(serde_json::from_str::<String>(&json).unwrap(), NASTY);
}

#[test]
fn a_document_says_the_same_in_visible_characters() {
    let document =
        serde_json::json!({ NASTY: [NASTY, 1.50, null, true], "n": 18446744073709551615u64 });
    let text = format!("\r\n{document:#}\n");
    let shown = visible(&text);
    assert!(shown.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{shown}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), document);
}
