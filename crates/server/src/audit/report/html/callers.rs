//! Who is new, and whose certificate runs out.

use std::fmt::Write as _;

use super::number;
use super::table::{Cell, Row, table};
use crate::audit::report::figures::{Certificate, Figures};

/// Days; a certificate that ends earlier is marked.
pub(super) const SOON: i64 = 30;
/// Rows of a table.
const LISTED: usize = 60;

/// Callers seen for the first time.
pub(super) fn first_seen(figures: &Figures) -> String {
    let mut section = "<section>\n<h2>Callers seen for the first time</h2>\n".to_owned();
    section.push_str(match figures.period.since {
        Some(_) => {
            "<p>A client with a certificate that no line before the period has, as far as these files go \
             back. A renewed certificate is a new one.</p>\n"
        }
        None => {
            "<p>Each client with each of its certificates, when these files first have them: there is no \
             period to tell old from new; <code>--since</code> gives one.</p>\n"
        }
    });
    let rows: Vec<Row> = figures
        .first_seen
        .iter()
        .take(LISTED)
        .map(|one| {
            Row::from(vec![
                Cell::Text(one.client.clone()),
                Cell::Code(one.serial.clone()),
                Cell::When(one.at.to_string()),
                Cell::Text(one.network.clone()),
            ])
        })
        .collect();
    let columns = ["Client", "Serial number", "First seen (UTC)", "From"];
    section.push_str(&table("Callers seen for the first time", &columns, &rows));
    section.push_str(&not_listed(figures.first_seen.len()));
    if figures.callers_beyond > 0 {
        let _ = writeln!(
            section,
            "<p>{} records are of callers beyond the number that is told apart.</p>",
            number(figures.callers_beyond)
        );
    }
    section.push_str("</section>\n");
    section
}

/// Certificates running out.
pub(super) fn certificates(figures: &Figures) -> String {
    let rows: Vec<Row> = figures.certificates.iter().take(LISTED).map(certificate).collect();
    let columns = ["Client", "Left", "Ends (UTC)", "Serial number", "Last seen (UTC)"];
    let mut section = format!(
        "<section>\n<h2>Certificates running out</h2>\n<p>For each client seen in the period the \
         certificate that ends first of those it still uses.</p>\n{}",
        table("Certificates by their end", &columns, &rows)
    );
    section.push_str(&not_listed(figures.certificates.len()));
    section.push_str("</section>\n");
    section
}

fn certificate(one: &Certificate) -> Row {
    let ends = one.ends.as_ref().map_or_else(|| "not recorded".to_owned(), ToString::to_string);
    let left = match one.days_left {
        None => "–".to_owned(),
        Some(..0) => "ENDED".to_owned(),
        Some(1) => "1 day".to_owned(),
        Some(days @ ..SOON) => format!("{days} days, SOON"),
        Some(days) => format!("{days} days"),
    };
    let cells = vec![
        Cell::Text(one.client.clone()),
        Cell::When(left),
        Cell::When(ends),
        Cell::Code(one.serial.clone()),
        Cell::When(one.last_seen.to_string()),
    ];
    Row { cells, look: one.days_left.is_some_and(|days| days < SOON) }
}

fn not_listed(count: usize) -> String {
    match count.saturating_sub(LISTED) {
        0 => String::new(),
        rest => format!("<p>And {rest} more; <code>--json</code> has them.</p>\n"),
    }
}
