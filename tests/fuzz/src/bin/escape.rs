//! Any text on its way to a terminal, a log or a record: visible, bounded, and to be read in one way.
#![no_main]

use fuzz::is_visible;
use tsmgate_text::{TEXT_LIMIT, escape, visible_line};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let shown = escape(bytes);
    assert!(shown.len() <= TEXT_LIMIT && is_visible(&shown), "{shown:?}");
    // an ellipsis at the end may be of the text
    if !shown.ends_with('…') {
        assert_eq!(read_back(&shown), bytes, "{shown}");
    }
    let text = String::from_utf8_lossy(bytes);
    let line = visible_line(&text);
    assert!(line.split('\t').all(is_visible) && line.len() <= 10 * text.len(), "{line:?}");
});

/// What was escaped: `\xff` is a byte, `\u{a}` a character.
fn read_back(shown: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = shown;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        bytes.extend(plain.as_bytes());
        rest = match escaped.strip_prefix("u{").and_then(|code| code.split_once('}')) {
            Some((code, rest)) => {
                let code = u32::from_str_radix(code, 16).expect("a number");
                let character = char::from_u32(code).expect("a character");
                bytes.extend(character.to_string().as_bytes());
                rest
            }
            None => {
                let (digits, rest) = escaped[1..].split_at(2);
                assert!(escaped.starts_with('x'), "{shown}");
                bytes.push(u8::from_str_radix(digits, 16).expect("a byte"));
                rest
            }
        };
    }
    bytes.extend(rest.as_bytes());
    bytes
}
