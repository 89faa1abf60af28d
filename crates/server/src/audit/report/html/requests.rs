//! Requests of the api lane: over time, by client and by operation, who was given secrets in clear, and what
//! became of the gate's own sessions.

use std::fmt::Write as _;

use super::logins::{each, plot};
use super::table::{Cell, Row, key, table};
use super::{number, plural};
use crate::audit::report::figures::{
    Counts, Figures, InClear, Moment, Requests, RequestsDone, SessionUse,
};
use crate::audit::report::svg::Caption;

/// Rows of a table; the rest is one row.
const LISTED: usize = 60;

/// The section.
pub(super) fn section(figures: &Figures) -> String {
    let (requests, session) = (&figures.requests, &figures.session);
    let mut section = "<section>\n<h2>Requests</h2>\n".to_owned();
    if requests.totals.sum() == 0 {
        section.push_str("<p>No client asked for anything in the api lane in the period.</p>\n");
    } else {
        // what a review must not overlook comes first
        section.push_str(&in_clear(requests));
        section.push_str(&over_time(figures));
        section.push_str(&clients(requests));
        section.push_str(&operations(requests));
    }
    if requests.totals.sum() > 0 || !session.is_none() {
        section.push_str(&sessions(session));
    }
    section.push_str("</section>\n");
    section
}

/// Who was given secrets in clear.
fn in_clear(requests: &Requests) -> String {
    let row = |read: &InClear| Row {
        cells: vec![
            Cell::Text(read.client.clone()),
            Cell::Code(read.operation.clone()),
            Cell::Number(read.count),
            Cell::When(when(read.last)),
        ],
        look: true,
    };
    let mut rows: Vec<_> = requests.secrets_in_clear.iter().take(LISTED).map(row).collect();
    let rest = requests.secrets_in_clear.iter().skip(LISTED).map(|read| read.count);
    let rest = rest.fold(requests.other_secrets_in_clear, u64::saturating_add);
    if rest > 0 {
        let nothing = || Cell::Text("–".to_owned());
        let cells = vec![Cell::Text("others".to_owned()), nothing(), Cell::Number(rest), nothing()];
        rows.push(Row { cells, look: true });
    }
    let columns = ["Client", "Operation", "Answers", "Last (UTC)"];
    let table = table("Secrets given in clear", &columns, &rows);
    match rows.is_empty() {
        true => table,
        false => format!(
            "<p><strong>These clients were given secrets in clear</strong>, by the permission \
             <code>config.secrets</code>: who has it can read TSM’s passwords.</p>\n{table}"
        ),
    }
}

fn over_time(figures: &Figures) -> String {
    let (requests, time) = (&figures.requests, &figures.over_time);
    let RequestsDone { done, failed, refused } = requests.totals;
    let columns = each(time);
    let caption = Caption {
        id: "requests",
        title: "Requests of all clients over time",
        about: &format!(
            "Done: {done}. Failed: {failed}. Refused: {refused}. A bar plot, {columns}."
        ),
    };
    let counts: Vec<_> = time.slots.iter().map(|slot| Counts::from(slot.requests)).collect();
    let mut part = format!(
        "<figure>\n<figcaption>All clients, {columns}. {}</figcaption>\n{}</figure>\n",
        key(Some("done"), "failed or refused"),
        plot(&caption, time, &counts, 110.0, true)
    );
    if requests.without_outcome > 0 {
        let _ = writeln!(
            part,
            "<p>{} of {} passed on to TSM have no end on file: under way when the file was read, or cut \
             off by a crash.</p>",
            number(requests.without_outcome),
            plural(requests.intents, "request")
        );
    }
    part
}

fn clients(requests: &Requests) -> String {
    let row = |name: String, counts: RequestsDone, in_clear: Option<u64>, last: String| {
        let mut cells = vec![Cell::Text(name)];
        cells.extend(numbers(counts));
        cells.push(in_clear.map_or_else(|| Cell::Text("–".to_owned()), Cell::Number));
        cells.push(Cell::When(last));
        Row { cells, look: in_clear.is_some_and(|count| count > 0) }
    };
    let listed = requests.clients.iter().take(LISTED);
    let mut rows: Vec<_> = listed
        .map(|one| row(one.name.clone(), one.counts, Some(one.secrets_in_clear), when(one.last)))
        .collect();
    let rest = requests.clients.iter().skip(LISTED).map(|client| client.counts.into());
    if let Some(others) = super::others(rest, requests.other_clients.map(Counts::from)) {
        rows.push(row("others".to_owned(), others.into(), None, "–".to_owned()));
    }
    let columns = ["Client", "Done", "Failed", "Refused", "Secrets in clear", "Last (UTC)"];
    table("Requests by client", &columns, &rows)
}

fn operations(requests: &Requests) -> String {
    let row = |name: Cell, counts: RequestsDone, last: String| {
        let mut cells = vec![name];
        cells.extend(numbers(counts));
        cells.push(Cell::When(last));
        Row::from(cells)
    };
    let listed = requests.operations.iter().take(LISTED);
    let mut rows: Vec<_> =
        listed.map(|one| row(Cell::Code(one.name.clone()), one.counts, when(one.last))).collect();
    let rest = requests.operations.iter().skip(LISTED).map(|operation| operation.counts.into());
    if let Some(others) = super::others(rest, requests.other_operations.map(Counts::from)) {
        rows.push(row(Cell::Text("others".to_owned()), others.into(), "–".to_owned()));
    }
    let columns = ["Operation", "Done", "Failed", "Refused", "Last (UTC)"];
    format!(
        "{}<p class=\"quiet\"><code>none</code>: refused before it was known what was asked for, or in a \
         sum.</p>\n",
        table("Requests by operation", &columns, &rows)
    )
}

/// What became of the gate's own sessions.
fn sessions(session: &SessionUse) -> String {
    let SessionUse { taken, not_given, refused, ended, not_ended, last_taken } = session;
    let row = |what: &str, count: u64, look: bool| Row {
        cells: vec![Cell::Text(what.to_owned()), Cell::Number(count)],
        look: look && count > 0,
    };
    let rows = [
        row("taken", *taken, false),
        row("asked for, and not given", *not_given, true),
        row("not accepted any more by TSM", *refused, false),
        row("given back", *ended, false),
        row("given back, and TSM did not confirm it", *not_ended, false),
    ];
    let last = last_taken.map_or_else(String::new, |last| {
        format!("<p class=\"quiet\">The last was taken on {last} UTC.</p>\n")
    });
    format!(
        "<h3>The gate’s own sessions at TSM</h3>\n{}{last}",
        table("What became of them", &["What", "Times"], &rows)
    )
}

fn numbers(counts: RequestsDone) -> [Cell; 3] {
    let RequestsDone { done, failed, refused } = counts;
    [done, failed, refused].map(Cell::Number)
}

fn when(last: Option<Moment>) -> String {
    last.map_or_else(|| "–".to_owned(), |last| last.to_string())
}
