//! Bar plots as inline SVG: percentages across and pixels down, so that they fit a telephone and a
//! sheet of paper without shrinking their text. Filled and hatched bars, so that they need no colour.
//!
//! Takes text as it is and makes it safe here; every plot has a title and a description.

use std::fmt::Write as _;

use super::html::text;

/// What a plot is called, and what it says to who cannot see it.
#[derive(Debug)]
pub(super) struct Caption<'a> {
    /// Unique on the page, of letters and digits.
    pub(super) id: &'a str,
    /// The title.
    pub(super) title: &'a str,
    /// The description.
    pub(super) about: &'a str,
}

/// A bar: its label, the filled part and the hatched part on top of it.
#[derive(Debug)]
pub(super) struct Bar {
    /// What it is about, for the label or, where there is no room, for the pointer.
    pub(super) label: String,
    /// Filled.
    pub(super) filled: u64,
    /// Hatched.
    pub(super) hatched: u64,
}

impl Bar {
    fn sum(&self) -> u64 {
        self.filled.saturating_add(self.hatched)
    }
}

/// The room above the bars for the figure at the top line.
const TOP: f64 = 18.0;
/// The room below them for the times.
const BOTTOM: f64 = 20.0;
/// No bar that is there is lower, in pixels.
const LEAST: f64 = 2.0;
/// Up to so many columns have their figure above them.
const LABELLED: usize = 16;
/// The height of a row of a plot of rows.
const ROW: f64 = 34.0;

/// What defines the hatching, once for a page.
pub(super) const DEFINITIONS: &str = "<svg class=\"definitions\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\
     <pattern id=\"hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
     patternTransform=\"rotate(45)\"><rect width=\"5\" height=\"5\" class=\"hatch-ground\"/>\
     <rect width=\"2.2\" height=\"5\" class=\"hatch-line\"/></pattern></defs></svg>\n";

/// Columns over time: `times` are the labels below the first, the middle and the last.
pub(super) fn columns(
    caption: &Caption<'_>,
    bars: &[Bar],
    height: f64,
    times: [&str; 3],
    figures: bool,
) -> String {
    let most = bars.iter().map(Bar::sum).max().unwrap_or_default();
    let top = round_up(most);
    let total = TOP + height + BOTTOM;
    let mut svg = open(caption, total);
    let base = TOP + height;
    if figures {
        grid(&mut svg, TOP, &top.to_string());
        if top > 1 && top.is_multiple_of(2) {
            grid(&mut svg, TOP + height / 2.0, &(top / 2).to_string());
        }
    }
    let step = 100.0 / count(bars.len()).max(1.0);
    for (place, bar) in bars.iter().enumerate() {
        let x = step * count(place) + step * 0.12;
        let width = step * 0.76;
        let tall =
            |value: u64| if value == 0 { 0.0 } else { (height * share(value, top)).max(LEAST) };
        let (filled, hatched) = (tall(bar.filled), tall(bar.hatched));
        let label = text(&bar.label);
        let _ = write!(svg, "<g><title>{label}: {} and {}</title>", bar.filled, bar.hatched);
        rect(&mut svg, "filled", [x, base - filled, width, filled]);
        rect(&mut svg, "hatched", [x, base - filled - hatched, width, hatched]);
        if figures && bars.len() <= LABELLED && bar.sum() > 0 {
            let y = (base - filled - hatched - 4.0).max(11.0);
            let middle = x + width / 2.0;
            let _ = write!(
                svg,
                "<text x=\"{middle:.2}%\" y=\"{y:.1}\" class=\"middle strong\">{}</text>",
                bar.sum()
            );
        }
        svg.push_str("</g>");
    }
    let _ = write!(svg, "<line x1=\"0\" x2=\"100%\" y1=\"{base}\" y2=\"{base}\" class=\"base\"/>");
    let places = [("0", "first"), ("50%", "middle"), ("100%", "last")];
    for (time, (x, anchor)) in times.into_iter().zip(places) {
        let (y, time) = (base + 14.0, text(time));
        let _ = write!(svg, "<text x=\"{x}\" y=\"{y}\" class=\"{anchor}\">{time}</text>");
    }
    svg.push_str("</svg>\n");
    svg
}

/// Rows, each with its label and its figure above it.
pub(super) fn rows(caption: &Caption<'_>, bars: &[Bar]) -> String {
    let most = bars.iter().map(Bar::sum).max().unwrap_or_default();
    let mut svg = open(caption, ROW * count(bars.len()));
    for (place, bar) in bars.iter().enumerate() {
        let y = ROW * count(place);
        let wide = |value: u64| 100.0 * share(value, most);
        let (filled, hatched) = (wide(bar.filled), wide(bar.hatched));
        let label = text(&bar.label);
        let words = y + 14.0;
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{words}\">{label}</text>\
             <text x=\"100%\" y=\"{words}\" class=\"last strong\">{}</text>",
            bar.sum()
        );
        rect(&mut svg, "filled", [0.0, y + 19.0, filled, 9.0]);
        rect(&mut svg, "hatched", [filled, y + 19.0, hatched, 9.0]);
    }
    svg.push_str("</svg>\n");
    svg
}

fn open(caption: &Caption<'_>, height: f64) -> String {
    let Caption { id, title, about } = caption;
    let (title, about) = (text(title), text(about));
    format!(
        "<svg class=\"plot\" role=\"img\" width=\"100%\" height=\"{height}\" \
         aria-labelledby=\"{id}-title {id}-about\"><title id=\"{id}-title\">{title}</title>\
         <desc id=\"{id}-about\">{about}</desc>"
    )
}

fn grid(svg: &mut String, y: f64, figure: &str) {
    let words = y - 4.0;
    let _ = write!(
        svg,
        "<line x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\" class=\"grid\"/>\
         <text x=\"0\" y=\"{words}\">{figure}</text>"
    );
}

fn rect(svg: &mut String, class: &str, [x, y, width, height]: [f64; 4]) {
    if width > 0.0 && height > 0.0 {
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{x:.2}%\" y=\"{y:.1}\" width=\"{width:.2}%\" \
             height=\"{height:.1}\"/>"
        );
    }
}

/// The next of 1, 2, 4, 6, 8, 10, 20, 40 …: so that half of it is a round number too.
fn round_up(most: u64) -> u64 {
    let mut decade = 1_u64;
    loop {
        for step in [1, 2, 4, 6, 8] {
            let top = decade.saturating_mul(step);
            if top >= most {
                return top;
            }
        }
        decade = decade.saturating_mul(10);
    }
}

#[expect(clippy::cast_precision_loss, reason = "pixels")]
fn share(value: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { value as f64 / of as f64 }
}

#[expect(clippy::cast_precision_loss, reason = "pixels")]
fn count(number: usize) -> f64 {
    number as f64
}
