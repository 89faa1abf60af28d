//! The page: one file with everything in it, without a script and without a reference to anywhere.
//!
//! Takes nothing for safe: each text passes through [`text`] on its way in.

use std::fmt::Write as _;

use super::figures::{Counts, Report, State};
use super::svg::DEFINITIONS;

mod callers;
mod events;
mod logins;
mod refusals;
mod requests;
mod table;

/// Nothing may run and nothing be fetched, whatever gets into the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const STYLE: &str = include_str!("page.css");

/// `text` with what HTML would read as its own replaced; good between tags and in quoted attributes.
pub(super) fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

impl Report {
    /// The report as a page, whole and by itself.
    pub fn html(&self) -> String {
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>tsmgate audit report, {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             {DEFINITIONS}<header>\n<h1>tsmgate audit report</h1>\n{}</header>\n<main>\n",
            self.made_at.day(),
            self.covered(),
        );
        page.push_str(&self.verdict());
        page.push_str(&self.key_figures());
        let figures = &self.figures;
        page.push_str(&logins::section(figures));
        page.push_str(&requests::section(figures));
        page.push_str(&refusals::section(figures));
        page.push_str(&callers::first_seen(figures));
        page.push_str(&callers::certificates(figures));
        page.push_str(&events::section(figures));
        page.push_str("</main>\n");
        page.push_str(&self.footer());
        page.push_str("</body>\n</html>\n");
        page
    }

    /// Which time it is about.
    fn covered(&self) -> String {
        let period = &self.figures.period;
        let asked = match &period.since {
            Some(since) => format!("From {since} to {} UTC.", self.made_at),
            None => "All records of these files.".to_owned(),
        };
        let found = match (&period.first, &period.last) {
            (Some(first), Some(last)) => format!(
                " {} in the period, the first of {first}, the last of {last}.",
                plural(self.records.in_period, "record")
            ),
            _ => " No records in the period.".to_owned(),
        };
        format!("<p>{asked}{found} All times are UTC.</p>\n")
    }

    /// The first thing to read: how the chain is.
    fn verdict(&self) -> String {
        let chain = &self.chain;
        let class = match chain.state {
            State::Whole => "whole",
            State::Partial | State::Empty => "partial",
            State::Broken => "broken",
        };
        let mut verdict = format!(
            "<section class=\"verdict {class}\" aria-label=\"The chain\">\n<p class=\"say\">{}</p>\n",
            text(&self.headline())
        );
        if chain.state == State::Broken {
            verdict.push_str("<ul>\n");
            for place in chain.breaks_told() {
                let _ = writeln!(verdict, "<li>{}</li>", text(&place));
            }
            verdict.push_str(
                "</ul>\n<p>What can be read is counted below. Behind the first of these places it may \
                 not be what the gate wrote. Were the files given oldest first?</p>\n",
            );
        }
        if self.records.undated > 0 {
            let count = plural(self.records.undated, "record");
            let _ = writeln!(
                verdict,
                "<p>{count} without a time that can be read: in no figure below.</p>"
            );
        }
        if chain.torn > 0 {
            let count = plural(chain.torn, "line");
            let _ =
                writeln!(verdict, "<p>{count} left half written by a crash, accounted for.</p>");
        }
        if chain.first > 0 {
            let _ = writeln!(
                verdict,
                "<p class=\"quiet\">Head <code>{}</code>. That nothing was cut off at the end shows only \
                 against the head in the gate’s log: \
                 <code>tsmgated audit verify --expect-head</code>.</p>",
                text(&chain.head)
            );
        }
        verdict.push_str("</section>\n");
        verdict
    }

    fn key_figures(&self) -> String {
        let figures = &self.figures;
        let Counts { granted, failed, refused } = figures.totals.clients;
        let requests = Counts::from(figures.requests.totals);
        let in_clear = figures.requests.secrets_in_clear.iter().map(|read| read.count);
        let in_clear = in_clear.fold(figures.requests.other_secrets_in_clear, u64::saturating_add);
        let ending = figures.certificates.iter();
        let ending = ending.filter(|one| one.days_left.is_some_and(|days| days < callers::SOON));
        let rows = [
            (granted, "logins granted"),
            (failed, "calls that failed at TSM"),
            (refused, "calls of clients refused"),
            (figures.requests.totals.done, "requests done"),
            (requests.not_granted(), "requests failed or refused"),
            (in_clear, "answers with secrets in clear"),
            (figures.totals.strangers_refused, "strangers refused"),
            (figures.first_seen.len() as u64, "callers seen for the first time"),
            (ending.count() as u64, "certificates ending within 30 days"),
        ];
        let mut list = "<dl class=\"figures\">\n".to_owned();
        for (figure, name) in rows {
            let _ = writeln!(list, "<div><dt>{name}</dt><dd>{}</dd></div>", number(figure));
        }
        list.push_str("</dl>\n");
        list
    }

    fn footer(&self) -> String {
        let mut footer = format!(
            "<footer>\n<p>Made by tsmgated {} on {} UTC from, in this order:</p>\n<ul>\n",
            self.version, self.made_at
        );
        for file in &self.files {
            let lines = plural(file.lines, "line");
            let _ = writeln!(footer, "<li><code>{}</code>, {lines}</li>", text(&file.name));
        }
        footer.push_str(
            "</ul>\n<p>Figures count calls and refusals, not lines: sums that the gate recorded count in \
             full. The chain is that of all lines, whatever the period.</p>\n</footer>\n",
        );
        footer
    }
}

/// A figure with its thousands apart, by a space that does not break.
fn number(figure: u64) -> String {
    let digits = figure.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

fn plural(count: u64, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {what}{ending}", number(count))
}

/// One row for those that are not listed and those that were not told apart.
fn others(rest: impl Iterator<Item = Counts>, beyond: Option<Counts>) -> Option<Counts> {
    rest.chain(beyond).reduce(|mut sum, counts| {
        sum.add(counts);
        sum
    })
}
