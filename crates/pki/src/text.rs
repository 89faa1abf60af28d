//! Text that came from a file or a peer, made safe for a terminal and a log. What is not plainly
//! visible (control characters, bidirectional marks, invisible characters, invalid UTF-8) is
//! shown as an escape; the backslash itself too, so that the result reads one way only.

use std::fmt::Write as _;

/// The longest escaped text, in bytes; the rest becomes one ellipsis.
pub const TEXT_MOST: usize = 256;

/// `bytes` as visible text of at most [`TEXT_MOST`] bytes.
pub fn escape(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_char(&mut shown, c);
        }
        for byte in chunk.invalid() {
            push(&mut shown, format_args!("\\x{byte:02x}"));
        }
        if shown.len() > TEXT_MOST {
            break;
        }
    }
    if shown.len() > TEXT_MOST {
        let room = TEXT_MOST - '…'.len_utf8();
        let end = (0..=room).rev().find(|at| shown.is_char_boundary(*at)).unwrap_or(0);
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

fn push_char(shown: &mut String, c: char) {
    if shown.len() > TEXT_MOST {
        return;
    }
    // Letters and digits of every script are visible; of the rest only ASCII is sure to be.
    if (c.is_ascii_graphic() && c != '\\') || c == ' ' || (!c.is_ascii() && c.is_alphanumeric()) {
        shown.push(c);
    } else {
        push(shown, format_args!("{}", c.escape_unicode()));
    }
}

fn push(shown: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = shown.write_fmt(text);
}

#[cfg(test)]
mod tests;
