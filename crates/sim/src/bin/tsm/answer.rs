//! Reading what the controller answers: what is not there reads as empty, for no client knows all of its shapes.

use serde_json::Value;

static NOTHING: Value = Value::Null;

/// What is at a place, its names joined by `/`.
pub(crate) fn part<'a>(answer: &'a Value, place: &str) -> &'a Value {
    place.split('/').try_fold(answer, |part, name| part.get(name)).unwrap_or(&NOTHING)
}

/// The text there.
pub(crate) fn text<'a>(answer: &'a Value, place: &str) -> &'a str {
    part(answer, place).as_str().unwrap_or_default()
}

/// The list there.
pub(crate) fn list<'a>(answer: &'a Value, place: &str) -> &'a [Value] {
    part(answer, place).as_array().map(Vec::as_slice).unwrap_or_default()
}
