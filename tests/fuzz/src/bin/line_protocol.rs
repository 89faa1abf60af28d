//! What TSM says (the first byte odd: its status, else `systeminfo.xml`), as points for a monitoring system: whatever
//! is in it, each point is one line with its tags, fields and time, and nothing more.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use fuzz::is_visible;
use tsmgate_client::monitor::{
    Batch, Point, Systeminfo, Value, json, line, of_systeminfo, of_tsm, prometheus,
};
use tsmgate_client::tsm::ClusterStatus;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, document)) = fuzz::choice(bytes) else { return };
    let elapsed = Duration::from_millis(3);
    let points = match first % 2 {
        0 => Systeminfo::read(document).ok().map(|read| of_systeminfo(&read, elapsed)),
        _ => ClusterStatus::read(document).ok().map(|read| of_tsm(&read, elapsed)),
    };
    let Some(points) = points else { return };
    let batch = Batch { at: UNIX_EPOCH + Duration::from_nanos(1_600_000_000_123_456_789), points };
    let text = line::write(&batch);
    assert!(text.ends_with('\n') && text.matches('\n').count() == batch.points.len());
    for (line, point) in text.lines().zip(&batch.points) {
        assert!(is_visible(line), "{line:?}");
        is_the_point(line, point);
    }
    let object = json::write(&batch);
    assert!(object.trim_end().bytes().all(|byte| matches!(byte, b' '..=b'~')));
    let read: serde_json::Value = serde_json::from_str(&object).expect("it is JSON");
    assert_eq!(read["points"].as_array().map(Vec::len), Some(batch.points.len()));
    let page = prometheus::write(&batch);
    assert!(page.split(['\n', '\t']).all(is_visible));
});

/// A reader of the line protocol that forgives nothing.
fn is_the_point(line: &str, point: &Point) {
    let mut rest = line.strip_prefix(point.measurement).expect("the measurement");
    for (name, value) in &point.tags {
        rest = rest.strip_prefix(',').and_then(|r| r.strip_prefix(*name)).expect("the tag");
        let (read, after) = tag(rest.strip_prefix('=').expect("its value"));
        assert!(!read.is_empty(), "{line}");
        same(&read, value, line);
        rest = after;
    }
    for (place, (name, value)) in point.fields.iter().enumerate() {
        let between = if place == 0 { ' ' } else { ',' };
        rest = rest.strip_prefix(between).and_then(|r| r.strip_prefix(*name)).expect("the field");
        rest = rest.strip_prefix('=').expect("its value");
        rest = match value {
            Value::Number(number) => rest.strip_prefix(&format!("{number}i")).expect("the number"),
            Value::Text(text) => {
                let (read, after) = quoted(rest.strip_prefix('"').expect("a quote"));
                same(&read, text, line);
                after
            }
        };
    }
    assert_eq!(rest, " 1600000000123456789", "{line}");
}

/// What could be carried is what was said.
fn same(read: &str, said: &str, line: &str) {
    let carried = said.chars().all(|c| c.is_ascii_graphic() && c != '\\' || c == ' ');
    assert!(!carried || read == said, "{line}");
}

/// A tag's value, and what follows it.
fn tag(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            ',' | ' ' => return (value, &text[at..]),
            '=' => panic!("a tag's value has an equals sign: {text}"),
            '\\' => match characters.next() {
                Some((_, escaped @ (',' | ' ' | '='))) => value.push(escaped),
                other => panic!("{other:?} needs no escape: {text}"),
            },
            _ => value.push(character),
        }
    }
    panic!("a tag has no end: {text}")
}

/// A text, and what follows its quote.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => match characters.next() {
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                other => panic!("{other:?} needs no escape: {text}"),
            },
            _ => value.push(character),
        }
    }
    panic!("a text has no end: {text}")
}
