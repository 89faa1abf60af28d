//! Text from files and peers, made safe for a terminal, a log line and a record.
//!
//! One rule for all programs, so that no place forgets a character: whatever could steer a terminal,
//! forge a line, turn text around or hide in it is shown as an escape. The backslash is too, so that
//! the result reads one way only.

use std::fmt::Write as _;

/// The longest result, in bytes; of a longer one the rest becomes one ellipsis.
pub const TEXT_LIMIT: usize = 256;

const ELLIPSIS: char = '…';

/// `text` as visible text of at most [`TEXT_LIMIT`] bytes. Escapes control characters (C0, C1, DEL),
/// line separators, characters that change the direction of text or cannot be seen, and bytes that
/// are not UTF-8.
pub fn escape(text: impl AsRef<[u8]>) -> String {
    let bytes = text.as_ref();
    // nearly all text is plain, and records have much of it
    if bytes.len() <= TEXT_LIMIT && bytes.iter().all(|&byte| is_plain(byte)) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut shown = String::new();
    // where the text ends if an ellipsis has to follow
    let mut cut = 0;
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push(&mut shown, character);
            if !mark(&shown, &mut cut) {
                return ended(shown, cut);
            }
        }
        for byte in chunk.invalid() {
            // writing to a String cannot fail
            let _ = write!(shown, "\\x{byte:02x}");
            if !mark(&shown, &mut cut) {
                return ended(shown, cut);
            }
        }
    }
    shown
}

/// A line of somebody's output as visible text, whole: what [`escape`] escapes is escaped but for tabs and
/// backslashes, which mean what they meant. Who gives a text without a limit gets one: at most ten bytes
/// for each.
pub fn visible_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' | '\\' => shown.push(character),
            _ => push(&mut shown, character),
        }
    }
    shown
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'\\'
}

fn push(shown: &mut String, character: char) {
    if is_unsafe(character) {
        shown.extend(character.escape_unicode());
    } else {
        shown.push(character);
    }
}

/// Notes where an ellipsis would still fit, between characters and never within an escape; whether the
/// text as it stands fits.
fn mark(shown: &str, cut: &mut usize) -> bool {
    if shown.len() + ELLIPSIS.len_utf8() <= TEXT_LIMIT {
        *cut = shown.len();
    }
    shown.len() <= TEXT_LIMIT
}

fn ended(mut shown: String, cut: usize) -> String {
    shown.truncate(cut);
    shown.push(ELLIPSIS);
    shown
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\\'
            | '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}
