//! A table of plain text: columns as wide as what is in them, and no wider than the terminal.
//!
//! Into a pipe nothing is cut, so that a program finds whole words; on a terminal the widest columns
//! give way and end in an ellipsis, for a wrapped line cannot be read as a row. No tabs, no frames, and
//! an empty cell is a dash, so that the words of a line can be counted.

use tsmgate_text::escape;
use unicode_width::UnicodeWidthChar;

use super::colour::Tone;

#[cfg(test)]
mod tests;

const GAP: &str = "  ";
/// A column is not made narrower than this, even if lines then wrap.
const NARROWEST: usize = 8;
const ELLIPSIS: char = '…';

/// What is at one place of a table: one visible line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
    /// Never cut.
    whole: bool,
}

impl Cell {
    /// Text of ours, or such that was escaped.
    pub(super) fn own(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            text: if text.is_empty() { "-".to_owned() } else { text },
            tone: Tone::Plain,
            whole: false,
        }
    }

    /// Somebody else's text; escaped and cut.
    pub(super) fn foreign(text: Option<&str>) -> Self {
        Self::own(escape(text.unwrap_or_default()))
    }

    /// The same, never cut: for a number or a time, of which a part is worth nothing.
    pub(super) fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// The same in a colour.
    pub(super) fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

/// The table with its heading, each line ended. `width` is the terminal's, in columns; without one
/// nothing is cut.
pub(super) fn table<const N: usize>(
    heading: [&str; N],
    rows: &[[Cell; N]],
    width: Option<usize>,
) -> String {
    let rows: Vec<&[Cell]> = rows.iter().map(<[Cell; N]>::as_slice).collect();
    table_of(&heading, &rows, width)
}

/// The same, with as many columns as the heading has; a row's further cells are not shown.
pub(super) fn table_of(
    heading: &[&str],
    rows: &[impl AsRef<[Cell]>],
    width: Option<usize>,
) -> String {
    let heading: Vec<_> =
        heading.iter().map(|word| Cell::own(*word).toned(Tone::Heading)).collect();
    let lines = || std::iter::once(heading.as_slice()).chain(rows.iter().map(AsRef::as_ref));
    // how wide each column is, and how wide it has to be at least
    let mut widths = vec![(0, 0); heading.len()];
    for line in lines() {
        for ((width, least), cell) in widths.iter_mut().zip(line) {
            let own = columns(&cell.text);
            *width = own.max(*width);
            *least = if cell.whole { own } else { own.min(NARROWEST) }.max(*least);
        }
    }
    if let Some(most) = width {
        squeeze(&mut widths, most);
    }
    let mut text = String::new();
    for line in lines() {
        for (place, (cell, &(width, _))) in line.iter().zip(&widths).enumerate() {
            let shown = fit(&cell.text, width);
            text.push_str(&cell.tone.paint(&shown));
            if place + 1 < widths.len() {
                text.extend(std::iter::repeat_n(' ', width.saturating_sub(columns(&shown))));
                text.push_str(GAP);
            }
        }
        text.push('\n');
    }
    text
}

/// Takes from the widest column that has something to give until the line fits, or none has.
fn squeeze(widths: &mut [(usize, usize)], most: usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    while widths.iter().map(|(width, _)| width).sum::<usize>() + gaps > most {
        let giving = widths.iter_mut().filter(|(width, least)| width > least);
        match giving.max_by_key(|(width, _)| *width) {
            Some((widest, _)) => *widest -= 1,
            None => return,
        }
    }
}

/// How many columns a terminal takes for this text, which has no control characters.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(|character| character.width().unwrap_or(0)).sum()
}

/// The text within so many columns; what is cut is an ellipsis.
pub(super) fn fit(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let mut room = most.saturating_sub(1);
    let mut fits = |character: &char| {
        let width = character.width().unwrap_or(0);
        let fits = width <= room;
        room = room.saturating_sub(width);
        fits
    };
    let mut shown: String = text.chars().take_while(&mut fits).collect();
    if most > 0 {
        shown.push(ELLIPSIS);
    }
    shown
}
