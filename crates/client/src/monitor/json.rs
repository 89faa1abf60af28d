//! A batch as one JSON object on one line: `time` in RFC 3339, `points` with their tags and fields.

use serde_json::{Map, Value as Json, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::point::{Batch, Point, Value};
use crate::json::line;

/// The batch, and the end of the line. In visible ASCII: what else stood in a text is written as its escape.
pub fn write(batch: &Batch) -> String {
    let time = OffsetDateTime::from(batch.at).format(&Rfc3339).unwrap_or_default();
    let points: Vec<_> = batch.points.iter().map(point).collect();
    line(&json!({ "time": time, "points": points }))
}

fn point(point: &Point) -> Json {
    let tags = point.tags.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
    let field = |(name, value): &(&str, Value)| {
        let value = match value {
            Value::Number(number) => json!(number),
            Value::Text(text) => json!(text),
        };
        ((*name).to_owned(), value)
    };
    json!({
        "measurement": point.measurement,
        "tags": tags.collect::<Map<_, _>>(),
        "fields": point.fields.iter().map(field).collect::<Map<_, _>>(),
    })
}
