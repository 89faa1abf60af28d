//! Text of others, made safe for a terminal.

use super::*;

#[test]
fn what_is_not_visible_is_escaped() {
    for (raw, shown) in [
        (&b"plain text"[..], "plain text"),
        ("bücher 東京".as_bytes(), "bücher 東京"),
        (b"a\x1b[31mb", "a\\u{1b}[31mb"),
        (b"a\0b\x7f", "a\\u{0}b\\u{7f}"),
        (b"a\nb\rc\td", "a\\u{a}b\\u{d}c\\u{9}d"),
        ("\u{202e}cod.exe\u{2066}\u{200f}".as_bytes(), "\\u{202e}cod.exe\\u{2066}\\u{200f}"),
        ("\u{9b}31m\u{feff}\u{200b}\u{2028}".as_bytes(), "\\u{9b}31m\\u{feff}\\u{200b}\\u{2028}"),
        (b"a\xff\xc3(", "a\\xff\\xc3("),
        (b"a\\u{1b}", "a\\u{5c}u{1b}"),
    ] {
        assert_eq!(escape(raw), shown);
    }
}

#[test]
fn long_text_is_cut_on_a_character() {
    for raw in ["a".repeat(257), "é".repeat(4000), "\u{1b}".repeat(4000)] {
        let shown = escape(raw.as_bytes());
        assert!(shown.len() <= TEXT_MOST && shown.ends_with('…'), "{shown}");
    }
    assert_eq!(escape("a".repeat(256).as_bytes()), "a".repeat(256));
}
