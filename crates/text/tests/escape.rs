//! What is escaped, what is kept, and where long text is cut.

use tsmgate_text::{TEXT_LIMIT, escape, visible_line};

/// R43: what could steer a terminal, forge a line or turn text around is escaped, all else is kept
#[test]
fn unsafe_characters_are_escaped() {
    for (text, safe) in [
        ("", ""),
        ("plain text, ünïcode, 東京, 🙂", "plain text, ünïcode, 東京, 🙂"),
        ("a\tb\r\nc", r"a\u{9}b\u{d}\u{a}c"),
        ("\0\u{1}\u{1f}", r"\u{0}\u{1}\u{1f}"),
        ("\u{1b}[2J\u{7}", r"\u{1b}[2J\u{7}"),
        ("\u{7f}", r"\u{7f}"),
        ("\u{80}\u{85}\u{9b}\u{9f}", r"\u{80}\u{85}\u{9b}\u{9f}"),
        ("\u{200e}\u{200f}\u{61c}", r"\u{200e}\u{200f}\u{61c}"),
        ("\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}", r"\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}"),
        ("\u{2066}\u{2067}\u{2068}\u{2069}", r"\u{2066}\u{2067}\u{2068}\u{2069}"),
        ("\u{2028}\u{2029}", r"\u{2028}\u{2029}"),
        ("\u{200b}\u{200d}\u{feff}\u{ad}", r"\u{200b}\u{200d}\u{feff}\u{ad}"),
        ("\u{e0041}", r"\u{e0041}"),
        (r"a\u{1b}", r"a\u{5c}u{1b}"),
    ] {
        assert_eq!(escape(text), safe, "{text:?}");
    }
}

/// R43: bytes that are not UTF-8 are escaped one by one
#[test]
fn invalid_utf8_is_escaped() {
    assert_eq!(escape(b"a\xff\xc3("), r"a\xff\xc3(");
    assert_eq!(escape(b"\xed\xa0\x80"), r"\xed\xa0\x80");
}

/// R43: the result is at most 256 bytes, cut between characters and never within an escape, and says so
#[test]
fn long_text_is_cut_between_characters() {
    let kept = |text: &str| {
        let safe = escape(text);
        assert!(safe.len() <= TEXT_LIMIT, "{safe}");
        safe.strip_suffix('…').map(str::to_owned)
    };
    assert_eq!(kept(&"a".repeat(256)), None, "it fits");
    assert_eq!(kept(&"a".repeat(257)), Some("a".repeat(253)));
    assert_eq!(kept(&"é".repeat(128)), None, "it fits");
    assert_eq!(kept(&"é".repeat(300)), Some("é".repeat(126)));
    assert_eq!(kept(&"🙂".repeat(300)), Some("🙂".repeat(63)));
    assert_eq!(kept(&format!("a{}", "é".repeat(300))), Some(format!("a{}", "é".repeat(126))));
    assert_eq!(kept(&"\u{1b}".repeat(300)), Some(r"\u{1b}".repeat(42)));
    assert_eq!(kept(&"a".repeat(100_000)), Some("a".repeat(253)));
}

/// R43: a line of output is whole, and steers nothing
#[test]
fn a_line_of_output_keeps_its_tabs_and_backslashes_and_its_length() {
    assert_eq!(visible_line("C:\\x\tü 🙂"), "C:\\x\tü 🙂");
    assert_eq!(
        visible_line("\u{1b}[2J\r\n\u{9b}\u{202e}\u{0}"),
        r"\u{1b}[2J\u{d}\u{a}\u{9b}\u{202e}\u{0}"
    );
    let long = "x".repeat(100_000);
    assert_eq!(visible_line(&long), long);
}
