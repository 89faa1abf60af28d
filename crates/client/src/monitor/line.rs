//! InfluxDB's line protocol: a point is a line, and nothing that TSM says can make two of it.
//!
//! What the protocol cannot carry is changed, never passed on: in a tag, a backslash and whatever cannot be
//! seen become `_`; in a text, what cannot be seen is written as its escape.

use std::fmt::Write as _;

use tsmgate_text::visible_line;

use super::point::{Batch, Point, Value};

/// The batch, each point on a line with the batch's time in nanoseconds.
pub fn write(batch: &Batch) -> String {
    let mut text = String::new();
    let time = batch.since_1970().as_nanos();
    for point in &batch.points {
        line(&mut text, point);
        // writing to a String cannot fail
        let _ = writeln!(text, " {time}");
    }
    text
}

fn line(text: &mut String, point: &Point) {
    text.push_str(point.measurement);
    for (name, value) in &point.tags {
        let _ = write!(text, ",{name}=");
        tag(text, value);
    }
    let mut between = ' ';
    for (name, value) in &point.fields {
        let _ = write!(text, "{between}{name}=");
        match value {
            Value::Number(number) => {
                let _ = write!(text, "{number}i");
            }
            Value::Text(value) => quoted(text, value),
        }
        between = ',';
    }
}

/// A tag's value. The protocol has no way to write a backslash that parsers agree on.
fn tag(text: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            ',' | '=' | ' ' => text.extend(['\\', character]),
            '\\' => text.push('_'),
            _ if is_visible(character) => text.push(character),
            _ => text.push('_'),
        }
    }
}

fn is_visible(character: char) -> bool {
    let mut buffer = [0; 4];
    let alone: &str = character.encode_utf8(&mut buffer);
    character != '\t'
        && (alone.is_ascii() && !character.is_control() || visible_line(alone) == alone)
}

fn quoted(text: &mut String, value: &str) {
    text.push('"');
    for character in visible_line(value).chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '\t' => text.push_str("\\\\t"),
            _ => text.push(character),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests;
