//! One measured thing: a measurement, its tags and its fields. A batch of them has one time.
//!
//! Texts are as TSM gave them, bounded by whoever read them; each format escapes them by its own rules.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Number(i64),
    /// A text, which may be empty.
    Text(String),
}

/// What was measured of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The measurement, a name of ours.
    pub measurement: &'static str,
    /// By what the thing is known, in a fixed order. No value is empty.
    pub tags: Vec<(&'static str, String)>,
    /// What it is like, in a fixed order; at least one.
    pub fields: Vec<(&'static str, Value)>,
}

/// All that one look brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// When the look began.
    pub at: SystemTime,
    /// What was seen.
    pub points: Vec<Point>,
}

/// What stands where TSM gave no text.
pub(super) const UNKNOWN: &str = "Unknown";

impl Point {
    /// A point without tags and fields.
    pub(super) fn new(measurement: &'static str) -> Self {
        Self { measurement, tags: Vec::new(), fields: Vec::new() }
    }

    /// The same with a tag; one without a text is `Unknown`, for an empty tag is none.
    pub(super) fn tag(mut self, name: &'static str, value: &str) -> Self {
        let value = if value.is_empty() { UNKNOWN } else { value };
        self.tags.push((name, value.to_owned()));
        self
    }

    /// The same with a text.
    pub(super) fn text(mut self, name: &'static str, value: &str) -> Self {
        self.fields.push((name, Value::Text(value.to_owned())));
        self
    }

    /// The same with a number, where there is one.
    pub(super) fn number(mut self, name: &'static str, value: impl Into<Option<i64>>) -> Self {
        self.fields.extend(value.into().map(|value| (name, Value::Number(value))));
        self
    }
}

impl Batch {
    /// Its time, since 1970; nothing before that.
    pub(super) fn since_1970(&self) -> Duration {
        self.at.duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}
