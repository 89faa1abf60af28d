//! Refusals over time, by reason and by network.

use std::fmt::Write as _;

use super::logins::{each, label, times};
use super::table::{Cell, Row, key, table};
use crate::audit::report::figures::{Counts, Figures, Slot};
use crate::audit::report::svg::{Bar, Caption, columns, rows};

/// Rows of a plot.
const PLOTTED: usize = 10;
/// Rows of a table; the rest is one row.
const LISTED: usize = 50;

/// The section.
pub(super) fn section(figures: &Figures) -> String {
    let mut section = "<section>\n<h2>Refusals</h2>\n".to_owned();
    if figures.reasons.is_empty() {
        section
            .push_str("<p>Nothing was refused and no call failed in the period.</p>\n</section>\n");
        return section;
    }
    section.push_str(
        "<p>Of known clients and of strangers, and calls that failed: what did not end with a cookie, or \
         with what was asked for.</p>\n",
    );
    section.push_str(&over_time(figures));
    section.push_str(&by_reason(figures));
    section.push_str(&by_network(figures));
    section.push_str("</section>\n");
    section
}

fn over_time(figures: &Figures) -> String {
    let time = &figures.over_time;
    let bars: Vec<_> = time
        .slots
        .iter()
        .map(|slot| Bar {
            label: label(&slot.from, time),
            filled: of_clients(slot),
            hatched: slot.strangers_refused,
        })
        .collect();
    let requests = Counts::from(figures.requests.totals);
    let clients = figures.totals.clients.not_granted().saturating_add(requests.not_granted());
    let strangers = figures.totals.strangers_refused;
    let caption = Caption {
        id: "refusals",
        title: "Refusals over time",
        about: &format!(
            "Of known clients: {clients}. Of strangers: {strangers}. A bar plot, {}.",
            each(time)
        ),
    };
    let times = times(time);
    let [first, middle, last] = times.each_ref().map(String::as_str);
    let filled =
        time.slots.iter().filter(|slot| of_clients(slot) > 0 || slot.strangers_refused > 0);
    let rows: Vec<Row> = filled
        .map(|slot| {
            Row::from(vec![
                Cell::When(label(&slot.from, time)),
                Cell::Number(of_clients(slot)),
                Cell::Number(slot.strangers_refused),
            ])
        })
        .collect();
    let names = ["From (UTC)", "Of known clients", "Of strangers"];
    format!(
        "<figure>\n<figcaption>{}. {}</figcaption>\n{}</figure>\n\
         <details>\n<summary>The figures of this plot</summary>\n{}</details>\n",
        capital(&each(time)),
        key(Some("known clients"), "strangers"),
        columns(&caption, &bars, 110.0, [first, middle, last], true),
        table("Refusals over time; times without any are left out", &names, &rows)
    )
}

/// Calls and requests of known clients that were not granted.
fn of_clients(slot: &Slot) -> u64 {
    slot.clients.not_granted().saturating_add(Counts::from(slot.requests).not_granted())
}

fn by_reason(figures: &Figures) -> String {
    let bars = figures.reasons.iter().map(|reason| (reason.code.as_str(), reason.counts));
    let mut part = plot("By reason", "reasons", bars);
    let listed = figures.reasons.iter().take(LISTED).map(|reason| {
        Row::from(vec![
            Cell::Code(reason.code.clone()),
            Cell::Number(reason.counts.refused),
            Cell::Number(reason.counts.failed),
            Cell::Text(reason.meaning.to_owned()),
            Cell::Text(reason.party.unwrap_or("–").to_owned()),
        ])
    });
    let mut rows: Vec<Row> = listed.collect();
    let rest = figures.reasons.iter().skip(LISTED).map(|reason| reason.counts);
    if let Some(others) = super::others(rest, figures.other_reasons) {
        let [refused, failed] = [others.refused, others.failed].map(Cell::Number);
        let nothing = || Cell::Text("–".to_owned());
        rows.push(vec![Cell::Text("others".into()), refused, failed, nothing(), nothing()].into());
    }
    let columns = ["Reason", "Refused", "Failed", "What it means", "Party"];
    part.push_str(&table("Refusals by reason", &columns, &rows));
    part
}

fn by_network(figures: &Figures) -> String {
    let bars = figures.networks.iter().map(|network| (network.network.as_str(), network.counts));
    let mut part = plot("By network", "networks", bars);
    let row = |name: &str, counts: &Counts| {
        let figures = [Cell::Number(counts.refused), Cell::Number(counts.failed)];
        let mut cells = vec![Cell::Text(name.to_owned())];
        cells.extend(figures);
        Row::from(cells)
    };
    let listed = figures.networks.iter().take(LISTED);
    let mut rows: Vec<Row> = listed.map(|network| row(&network.network, &network.counts)).collect();
    let rest = figures.networks.iter().skip(LISTED).map(|network| network.counts);
    if let Some(others) = super::others(rest, figures.other_networks) {
        rows.push(row("others", &others));
    }
    let caption = "Refusals by network: an IPv4 /24 or an IPv6 /48";
    part.push_str(&table(caption, &["Network", "Refused", "Failed"], &rows));
    part
}

fn plot<'a>(title: &str, id: &str, counts: impl Iterator<Item = (&'a str, Counts)>) -> String {
    let bars: Vec<_> = counts
        .take(PLOTTED)
        .map(|(label, counts)| Bar {
            label: label.to_owned(),
            filled: counts.failed,
            hatched: counts.refused,
        })
        .collect();
    let about =
        format!("A bar plot of the {} most frequent; the table below has them all.", bars.len());
    let caption =
        Caption { id, title: &format!("Refusals: {}", title.to_lowercase()), about: &about };
    let mut part = format!("<h3>{title}</h3>\n<figure>\n");
    let failed = bars.iter().any(|bar| bar.filled > 0).then_some("failed");
    let _ = write!(
        part,
        "<figcaption>{}</figcaption>\n{}</figure>\n",
        key(failed, "refused"),
        rows(&caption, &bars)
    );
    part
}

fn capital(words: &str) -> String {
    let mut characters = words.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}
