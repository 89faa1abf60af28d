//! Prometheus's text format, for a file that node_exporter's textfile collector reads: numbers are gauges in
//! base units, texts are labels of a gauge `…_info` that is always 1.
//!
//! It has no times: the collector refuses them. A series that TSM names twice is written once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tsmgate_text::visible_line;

use super::point::{Batch, Point, Value};

/// How a field becomes a metric: its name, the metric's ending, one unit in billionths of the base unit, and
/// what it is.
const NUMBERS: &[(&str, &str, i128, &str)] = &[
    (
        "status_code",
        "status_code",
        ONE,
        "0 well, 1 busy or passive, 2 not well, -1 disabled, 3 not known",
    ),
    ("elapsed", "elapsed_seconds", ONE / 1_000_000, "How long the answer took"),
    ("timestamp_utc", "timestamp_seconds", ONE / 1_000, "When the process said so, since 1970"),
    (
        "certificate_days_left",
        "certificate_left_seconds",
        ONE * 86_400,
        "Until our certificate ends",
    ),
    ("jobs_running", "jobs_running", ONE, "Jobs of TSM that run"),
    ("jobs_queued", "jobs_queued", ONE, "Jobs of TSM that wait"),
    ("pending_changes", "pending_changes", ONE, "1 where changes wait to be applied"),
];
const ONE: i128 = 1_000_000_000;

/// A metric's explanation, and its series as they are written.
#[derive(Default)]
struct Family {
    help: &'static str,
    lines: String,
}

/// The batch.
pub fn write(batch: &Batch) -> String {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for point in &batch.points {
        let labels = labels(point.tags.iter().map(|(name, value)| (*name, value.as_str())));
        if !seen.insert((point.measurement, labels.clone())) {
            continue;
        }
        for (name, value) in &point.fields {
            let Value::Number(number) = value else { continue };
            let Some((_, ending, unit, help)) = NUMBERS.iter().find(|row| row.0 == *name) else {
                continue;
            };
            let metric = format!("{}_{ending}", point.measurement);
            let value = decimal(i128::from(*number) * unit);
            series(&mut families, metric, help, &labels, &value);
        }
        if let Some(labels) = texts(point) {
            let metric = format!("{}_info", point.measurement);
            series(&mut families, metric, "What it says of itself", &labels, "1");
        }
    }
    let mut text = String::new();
    for (metric, family) in families {
        // writing to a String cannot fail
        let _ = writeln!(text, "# HELP {metric} {}.\n# TYPE {metric} gauge", family.help);
        text.push_str(&family.lines);
    }
    text
}

fn series(
    families: &mut BTreeMap<String, Family>,
    metric: String,
    help: &'static str,
    labels: &str,
    value: &str,
) {
    let line = format!("{metric}{labels} {value}\n");
    let family = families.entry(metric).or_default();
    family.help = help;
    family.lines.push_str(&line);
}

/// The labels of a point's texts beside its tags; none where it has no text.
fn texts(point: &Point) -> Option<String> {
    let texts: Vec<_> = point
        .fields
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Text(text) => Some((*name, text.as_str())),
            Value::Number(_) => None,
        })
        .collect();
    let tags = point.tags.iter().map(|(name, value)| (*name, value.as_str()));
    (!texts.is_empty()).then(|| labels(tags.chain(texts)))
}

fn labels<'a>(all: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in all {
        let between = if text.is_empty() { '{' } else { ',' };
        let _ = write!(text, "{between}{name}=\"");
        for character in visible_line(value).chars() {
            match character {
                '"' | '\\' => text.extend(['\\', character]),
                _ => text.push(character),
            }
        }
        text.push('"');
    }
    if !text.is_empty() {
        text.push('}');
    }
    text
}

/// Billionths as a decimal number.
fn decimal(billionths: i128) -> String {
    let sign = if billionths < 0 { "-" } else { "" };
    let (whole, rest) = (billionths.abs() / ONE, billionths.abs() % ONE);
    let text = format!("{sign}{whole}.{rest:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
