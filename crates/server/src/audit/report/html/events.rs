//! What else happened: starts, stops, bans, cuts, gaps, and what this version does not know.

use super::table::{Cell, Row, table};
use crate::audit::report::figures::Figures;

/// The section.
pub(super) fn section(figures: &Figures) -> String {
    let counts: Vec<Row> = figures
        .event_counts
        .iter()
        .map(|kind| {
            Row::from(vec![
                Cell::Code(kind.action.clone()),
                Cell::Number(kind.count),
                Cell::Text(kind.meaning.to_owned()),
            ])
        })
        .collect();
    let events: Vec<Row> = figures
        .events
        .iter()
        .map(|event| Row {
            cells: vec![
                Cell::When(event.at.to_string()),
                Cell::Code(event.action.clone()),
                Cell::Text(event.about.clone()),
                Cell::Number(event.number),
            ],
            look: event.failed,
        })
        .collect();
    let counts = table("How often", &["Event", "Times", "What it means"], &counts);
    let columns = ["When (UTC)", "Event", "Details", "Record"];
    let events = table("The last of each, in order", &columns, &events);
    format!("<section>\n<h2>Events worth a look</h2>\n{counts}{events}</section>\n")
}
