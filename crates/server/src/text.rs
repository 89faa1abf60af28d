//! Text from others, made safe for a terminal, a log line and a record.

/// The most of a peer's text that is kept, in bytes.
pub const TEXT_LIMIT: usize = 256;

/// Escapes control characters (C0, C1, DEL), line separators and characters that change the direction
/// of text, and cuts at [`TEXT_LIMIT`] bytes, so that no peer can forge a line or steer a terminal.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len().min(TEXT_LIMIT));
    for character in text.chars() {
        let escaped = if is_unsafe(character) {
            character.escape_unicode().to_string()
        } else {
            character.to_string()
        };
        if safe.len() + escaped.len() > TEXT_LIMIT {
            safe.push('…');
            break;
        }
        safe.push_str(&escaped);
    }
    safe
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}')
}
