//! Tables that can be scrolled on a narrow screen, with scopes for who hears them.

use std::fmt::Write as _;

use super::{number, text};

/// Codes up to so many bytes stay on one line.
const CODE: usize = 30;

/// One cell; the first of a row is its heading.
#[derive(Debug)]
pub(super) enum Cell {
    /// Words.
    Text(String),
    /// A code or a serial number.
    Code(String),
    /// A figure.
    Number(u64),
    /// A time.
    When(String),
}

/// A row, and whether it deserves a look.
#[derive(Debug)]
pub(super) struct Row {
    /// As many as there are columns.
    pub(super) cells: Vec<Cell>,
    /// Set off from the others.
    pub(super) look: bool,
}

impl From<Vec<Cell>> for Row {
    fn from(cells: Vec<Cell>) -> Self {
        Self { cells, look: false }
    }
}

/// A table with a caption; one without rows is a sentence that says so.
pub(super) fn table(caption: &str, columns: &[&str], rows: &[Row]) -> String {
    let Some(first) = rows.first() else {
        return format!("<p class=\"quiet\">{}: none.</p>\n", text(caption));
    };
    let caption = text(caption);
    let mut table = format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">\n\
         <table>\n<caption>{caption}</caption>\n<thead><tr>"
    );
    for (column, cell) in columns.iter().zip(&first.cells) {
        let class = if matches!(cell, Cell::Number(_)) { " class=\"number\"" } else { "" };
        let _ = write!(table, "<th scope=\"col\"{class}>{}</th>", text(column));
    }
    table.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        table.push_str(if row.look { "<tr class=\"look\">" } else { "<tr>" });
        for (place, cell) in row.cells.iter().enumerate() {
            let (name, scope) = if place == 0 { ("th", " scope=\"row\"") } else { ("td", "") };
            let (class, inside) = match cell {
                Cell::Text(words) => ("", text(words)),
                Cell::Code(code) if code.len() > CODE => {
                    ("", format!("<code class=\"long\">{}</code>", text(code)))
                }
                Cell::Code(code) => ("", format!("<code>{}</code>", text(code))),
                Cell::Number(figure) => (" class=\"number\"", number(*figure)),
                Cell::When(time) => (" class=\"when\"", text(time)),
            };
            let _ = write!(table, "<{name}{scope}{class}>{inside}</{name}>");
        }
        table.push_str("</tr>\n");
    }
    table.push_str("</tbody>\n</table>\n</div>\n");
    table
}

/// A legend: what the filled and the hatched bars are.
pub(super) fn key(filled: Option<&str>, hatched: &str) -> String {
    let swatch = |class: &str, words: &str| {
        format!(
            "<span class=\"legend\"><svg class=\"key\" width=\"11\" height=\"11\" aria-hidden=\"true\"><rect class=\"{class}\" \
             width=\"11\" height=\"11\"/></svg>{}</span>",
            text(words)
        )
    };
    let filled = filled.map(|words| swatch("filled", words)).unwrap_or_default();
    format!("{filled} {}", swatch("hatched", hatched))
}
