//! JSON as it leaves this program: visible ASCII, which means the same and can steer no terminal.
//!
//! Nothing is parsed here: texts and values are written, and a document that was parsed before is changed
//! byte by byte, without changing what it says.

use std::fmt::Write as _;

/// Writes a text with its quotes: a peer's text can do nothing to a terminal, and is exact.
pub(crate) fn push_text(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            _ => push_visible(json, c),
        }
    }
    json.push('"');
}

/// A document that is known to be JSON, without a character that is not visible ASCII or white space.
/// What is not can only stand in a text there, and is written as its escape.
pub(crate) fn visible(document: &str) -> String {
    let mut json = String::with_capacity(document.len());
    for c in document.trim().chars() {
        match c {
            '\n' | '\r' | '\t' => json.push(c),
            _ => push_visible(&mut json, c),
        }
    }
    json
}

/// A value of ours as one line.
pub(crate) fn line(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    visible(&text) + "\n"
}

fn push_visible(json: &mut String, c: char) {
    match c {
        ' '..='~' => json.push(c),
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // writing to a String cannot fail
                let _ = write!(json, "\\u{unit:04x}");
            }
        }
    }
}

#[cfg(test)]
mod tests;
