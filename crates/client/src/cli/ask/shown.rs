//! Text of a peer's as it is shown: visible, on one line, whole where it has to be.

use serde_json::Value;
use tsmgate_text::escape;

/// So many characters at a time are escaped: none becomes longer than the escape's own limit allows.
const AT_A_TIME: usize = 16;

/// A text as it is shown, whatever its length; the answer it came in has a limit.
pub(super) fn whole(text: &str) -> String {
    let characters: Vec<_> = text.chars().collect();
    characters.chunks(AT_A_TIME).map(|some| escape(some.iter().collect::<String>())).collect()
}

/// A value in a line: a text without its quotes, all else as JSON has it.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(text) => whole(text),
        other => whole(&other.to_string()),
    }
}

/// The text of a member, escaped and cut; `-` where there is none.
pub(super) fn part(json: &Value, name: &str) -> String {
    match json.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => escape(text),
        Some(other) => escape(other.to_string()),
    }
}

/// A list's entries; none where there is no list.
pub(super) fn list<'a>(json: &'a Value, name: &str) -> &'a [Value] {
    json.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
