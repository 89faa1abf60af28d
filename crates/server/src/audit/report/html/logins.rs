//! Logins by client over time.

use std::fmt::Write as _;

use super::table::{Cell, Row, key, table};
use super::{number, text};
use crate::audit::report::figures::{Client, Counts, Figures, Moment, OverTime, Slot};
use crate::audit::report::svg::{Bar, Caption, columns};

/// Clients with a plot of their own.
const PLOTTED: usize = 12;
/// Clients in the table; the rest is one row.
const LISTED: usize = 60;
/// A day, in seconds.
const DAY: i64 = 86_400;

/// The section.
pub(super) fn section(figures: &Figures) -> String {
    let mut section = "<section>\n<h2>Logins</h2>\n".to_owned();
    let time = &figures.over_time;
    let all: Vec<_> = time.slots.iter().map(|slot| slot.clients).collect();
    if all.iter().all(|counts| counts.sum() == 0) {
        section.push_str("<p>No client logged in or tried to in the period.</p>\n</section>\n");
        return section;
    }
    let totals = figures.totals.clients;
    let caption = Caption {
        id: "logins",
        title: "Logins of all clients over time",
        about: &about(&totals, time),
    };
    let _ = write!(
        section,
        "<figure>\n<figcaption>All clients, {}. {}</figcaption>\n{}</figure>\n",
        each(time),
        key(Some("granted"), "failed or refused"),
        plot(&caption, time, &all, 150.0, true)
    );
    section.push_str(&slots(time));
    if figures.totals.without_outcome > 0 {
        let _ = writeln!(
            section,
            "<p>{} of {} calls passed on to TSM have no end on file: under way when the file was read, \
             or cut off by a crash.</p>",
            number(figures.totals.without_outcome),
            number(figures.totals.intents)
        );
    }
    section.push_str("<h3>By client</h3>\n<div class=\"clients\">\n");
    for (place, client) in figures.clients.iter().take(PLOTTED).enumerate() {
        section.push_str(&card(place, client, time));
    }
    section.push_str("</div>\n");
    section.push_str(&clients(figures));
    section.push_str("</section>\n");
    section
}

/// A client's own small plot.
fn card(place: usize, client: &Client, time: &OverTime) -> String {
    let caption = Caption {
        id: &format!("client-{place}"),
        title: &format!("Logins of {} over time", client.name),
        about: &about(&client.counts, time),
    };
    let most = client.slots.iter().map(Counts::sum).max().unwrap_or_default();
    format!(
        "<figure>\n<figcaption><strong>{}</strong> {} granted, {} not; at most {} in a column\
         </figcaption>\n{}</figure>\n",
        text(&client.name),
        number(client.counts.granted),
        number(client.counts.not_granted()),
        number(most),
        plot(&caption, time, &client.slots, 44.0, false)
    )
}

pub(super) fn plot(
    caption: &Caption<'_>,
    time: &OverTime,
    counts: &[Counts],
    height: f64,
    figures: bool,
) -> String {
    let bars: Vec<_> = time
        .slots
        .iter()
        .zip(counts)
        .map(|(slot, counts)| Bar {
            label: label(&slot.from, time),
            filled: counts.granted,
            hatched: counts.not_granted(),
        })
        .collect();
    // there is less room where there are no figures
    let times = if figures { times(time) } else { days(time) };
    let [first, middle, last] = times.each_ref().map(String::as_str);
    columns(caption, &bars, height, [first, middle, last], figures)
}

/// The labels of the first, the middle and the last slot.
pub(super) fn times(time: &OverTime) -> [String; 3] {
    let slots = &time.slots;
    let label = |slot: Option<&Slot>| slot.map(|slot| label(&slot.from, time)).unwrap_or_default();
    match slots.len() {
        0 => [const { String::new() }; 3],
        1 => [label(slots.first()), String::new(), String::new()],
        2..5 => [label(slots.first()), String::new(), label(slots.last())],
        count => [label(slots.first()), label(slots.get(count / 2)), label(slots.last())],
    }
}

/// The days of the first and the last slot.
fn days(time: &OverTime) -> [String; 3] {
    let mut days = [const { String::new() }; 3];
    let ends = [time.slots.first(), None, time.slots.last()];
    for (day, slot) in days.iter_mut().zip(ends) {
        *day = slot.map(|slot| slot.from.day()).unwrap_or_default();
    }
    days
}

/// A slot's name: its day, or its day and minute.
pub(super) fn label(from: &Moment, time: &OverTime) -> String {
    if time.slot_seconds >= DAY { from.day() } else { format!("{} {}", from.day(), from.minute()) }
}

/// How wide a slot is, in words.
pub(super) fn each(time: &OverTime) -> String {
    let seconds = time.slot_seconds;
    let (count, unit) = match seconds {
        ..3_600 => (seconds / 60, "minute"),
        3_600..DAY => (seconds / 3_600, "hour"),
        _ => (seconds / DAY, "day"),
    };
    match count {
        1 => format!("one column per {unit}"),
        _ => format!("one column per {count} {unit}s"),
    }
}

fn about(counts: &Counts, time: &OverTime) -> String {
    let Counts { granted, failed, refused } = counts;
    let columns = each(time);
    format!("Granted: {granted}. Failed: {failed}. Refused: {refused}. A bar plot, {columns}.")
}

/// The figures of the first plot.
fn slots(time: &OverTime) -> String {
    let filled = time.slots.iter().filter(|slot| slot.clients.sum() > 0);
    let rows: Vec<Row> = filled
        .map(|slot| {
            let Counts { granted, failed, refused } = slot.clients;
            let figures = [granted, failed, refused].map(Cell::Number);
            let mut cells = vec![Cell::When(label(&slot.from, time))];
            cells.extend(figures);
            Row::from(cells)
        })
        .collect();
    let columns = ["From (UTC)", "Granted", "Failed", "Refused"];
    format!(
        "<details>\n<summary>The figures of this plot</summary>\n{}</details>\n",
        table("Logins of all clients over time; times without any are left out", &columns, &rows)
    )
}

fn clients(figures: &Figures) -> String {
    let row = |name: String, counts: &Counts, last: Option<Moment>| {
        let last = last.map_or_else(|| "never".to_owned(), |last| last.to_string());
        let Counts { granted, failed, refused } = *counts;
        let figures = [granted, failed, refused].map(Cell::Number);
        let mut cells = vec![Cell::Text(name)];
        cells.extend(figures);
        cells.push(Cell::When(last));
        Row::from(cells)
    };
    let clients = figures.clients.iter();
    let mut rows: Vec<_> = clients
        .take(LISTED)
        .map(|client| row(client.name.clone(), &client.counts, client.last_granted))
        .collect();
    let rest = figures.clients.iter().skip(LISTED).map(|client| client.counts);
    if let Some(others) = super::others(rest, figures.other_clients) {
        rows.push(row("others".to_owned(), &others, None));
    }
    let columns = ["Client", "Granted", "Failed", "Refused", "Last granted (UTC)"];
    table("Logins by client", &columns, &rows)
}
