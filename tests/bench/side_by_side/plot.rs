//! The same figures as a picture for a README: an SVG of dots with their spread, on logarithmic scales,
//! because the dearest is a hundred times the cheapest. Legible on light and dark pages.

use std::fmt::Write;

use crate::circumstances::{median, range};
use crate::figures::Figures;
use crate::target::Target;

/// Of the whole picture.
const WIDTH: f64 = 900.0;
/// Two panels side by side.
const PANEL: f64 = WIDTH / 2.0;
/// The names of the targets end there, in a panel.
const NAMES: f64 = 110.0;
/// The scale is as wide as this, and beside it stands the number.
const SCALE: f64 = 235.0;
/// From one target to the next.
const ROW: f64 = 20.0;
/// The title of a panel above its first row, and the numbers of its scale below the last.
const HEAD: f64 = 44.0;
const FOOT: f64 = 34.0;
/// Numbers of the scale that are closer than this would touch.
const APART: f64 = 28.0;

/// Its own background, so that a page's does not matter; the reader's preference decides which.
const STYLE: &str = "
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .back { fill: #ffffff; stroke: #d0d7de }
  .title { font-weight: 600 }
  .small { font-size: 10px; fill: #57606a }
  .line { stroke: #d8dee4 }
  .peer { fill: #57606a; stroke: #57606a }
  .floor { fill: #8c959f; stroke: #8c959f }
  .gate { fill: #0969da; stroke: #0969da }
  text.gate { font-weight: 600; stroke: none }
  text.peer, text.floor { stroke: none; fill: #24292f }
  .hollow { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text, text.peer, text.floor { fill: #e6edf3 }
    .back { fill: #0d1117; stroke: #30363d }
    .small { fill: #9198a1 }
    .line { stroke: #30363d }
    .peer { fill: #9198a1; stroke: #9198a1 }
    .floor { fill: #656d76; stroke: #656d76 }
    .gate, text.gate { fill: #58a6ff; stroke: #58a6ff }
    text.gate { stroke: none }
    .hollow { fill: #0d1117 }
  }
";

/// One of the four.
struct Panel {
    title: &'static str,
    /// How many of what was measured make one of what is shown.
    unit: f64,
    /// The dot, with its spread over the rounds.
    dot: fn(&Figures) -> &Vec<f64>,
    /// A second, hollow one.
    hollow: Option<fn(&Figures) -> &Vec<f64>>,
}

const PANELS: [Panel; 4] = [
    Panel {
        title: "CPU µs per cold login", unit: 1.0, dot: |figures| &figures.cold, hollow: None
    },
    Panel {
        title: "Latency at 200 logins/s, ms: ● p50  ○ p99",
        unit: 1000.0,
        dot: |figures| &figures.p50,
        hollow: Some(|figures| &figures.p99),
    },
    Panel {
        title: "KiB per idle connection",
        unit: 1.0,
        dot: |figures| &figures.idle,
        hollow: None,
    },
    Panel {
        title: "CPU µs per login on a kept connection",
        unit: 1.0,
        dot: |figures| &figures.kept_cpu,
        hollow: None,
    },
];

/// The whole picture.
pub fn draw(targets: &[Target], circumstances: &[String]) -> String {
    let panel_height = HEAD + ROW * targets.len() as f64 + FOOT;
    let height = panel_height * 2.0 + 24.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-label=\"tsmgated beside its peers\">\n\
         <style>{STYLE}</style>\n\
         <rect class=\"back\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"6\"/>\n",
        WIDTH - 1.0,
        height - 1.0,
    );
    for (at, panel) in PANELS.iter().enumerate() {
        let (column, line) = ((at % 2) as f64, (at / 2) as f64);
        svg +=
            &format!("<g transform=\"translate({} {})\">\n", column * PANEL, line * panel_height);
        svg += &panel.draw(targets);
        svg += "</g>\n";
    }
    let below: Vec<_> = circumstances.iter().map(|line| line.trim_start_matches("* ")).collect();
    let text = format!(
        "Less is better; logarithmic; bars: least to most over the rounds. {}",
        below.join("; ")
    );
    svg += &format!(
        "<text class=\"small\" x=\"12\" y=\"{}\">{}</text>\n</svg>\n",
        height - 12.0,
        escape(&text)
    );
    svg
}

impl Panel {
    fn draw(&self, targets: &[Target]) -> String {
        let all = |target: &Target| {
            let hollow = self.hollow.map(|of| median(&self.shown(of, target)));
            let values = self.shown(self.dot, target).into_iter();
            values.chain(hollow).filter(|value| *value > 0.0).collect::<Vec<_>>()
        };
        let values: Vec<_> = targets.iter().flat_map(all).collect();
        let mut svg = format!("<text class=\"title\" x=\"12\" y=\"26\">{}</text>\n", self.title);
        if values.is_empty() {
            return svg + "<text class=\"small\" x=\"12\" y=\"46\">not measured</text>\n";
        }
        let (least, most) = range(&values);
        let scale = Scale { least: least * 0.85, most: most * 1.15 };
        let bottom = HEAD + ROW * targets.len() as f64;
        svg += &scale.draw(bottom);
        for (at, target) in targets.iter().enumerate() {
            self.draw_row(&mut svg, &scale, HEAD + ROW * (at as f64 + 0.5), target);
        }
        svg
    }

    /// What a target came to, in what is shown.
    fn shown(&self, of: fn(&Figures) -> &Vec<f64>, target: &Target) -> Vec<f64> {
        of(&target.figures).iter().map(|value| value / self.unit).collect()
    }

    fn draw_row(&self, svg: &mut String, scale: &Scale, y: f64, target: &Target) {
        let class = match target.name() {
            "tsmgated" => "gate",
            name if name.starts_with("floor") => "floor",
            _ => "peer",
        };
        let base = y + 4.0;
        let mut line = |text: String| svg.write_str(&(text + "\n")).expect("a string takes all");
        line(format!(
            "<text class=\"{class}\" x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>",
            NAMES - 8.0,
            target.name()
        ));
        let values = self.shown(self.dot, target);
        if values.is_empty() {
            return;
        }
        let ((least, most), middle) = (range(&values), median(&values));
        let (left, right, x) = (scale.at(least), scale.at(most), scale.at(middle));
        line(format!(
            "<line class=\"{class}\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y}\" y2=\"{y}\" stroke-width=\"2\"/>\
             <circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y}\" r=\"4\"/>"
        ));
        let mut number = round(middle);
        if let Some(of) = self.hollow {
            let second = median(&self.shown(of, target));
            line(format!(
                "<circle class=\"{class} hollow\" cx=\"{:.1}\" cy=\"{y}\" r=\"3.5\"/>",
                scale.at(second)
            ));
            number += &format!(" / {}", round(second));
        }
        line(format!(
            "<text class=\"{class}\" x=\"{}\" y=\"{base}\">{number}</text>",
            NAMES + SCALE + 10.0
        ));
    }
}

/// Logarithmic.
struct Scale {
    least: f64,
    most: f64,
}

impl Scale {
    /// Where a value is, from the panel's left edge.
    fn at(&self, value: f64) -> f64 {
        let share = (value.max(self.least) / self.least).ln() / (self.most / self.least).ln();
        NAMES + SCALE * share
    }

    /// Lines at 1, 2 and 5 of each power of ten, and a number wherever there is room for it.
    fn draw(&self, bottom: f64) -> String {
        let mut svg = String::new();
        let mut free_from = 0.0;
        for power in -1..9 {
            for step in [1.0, 2.0, 5.0] {
                let value = step * 10_f64.powi(power);
                if value < self.least || value > self.most {
                    continue;
                }
                let x = self.at(value);
                svg += &format!(
                    "<line class=\"line\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{HEAD}\" y2=\"{bottom}\"/>\n"
                );
                if x >= free_from {
                    svg += &format!(
                        "<text class=\"small\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                        bottom + 14.0,
                        round(value)
                    );
                    free_from = x + APART;
                }
            }
        }
        svg
    }
}

/// With one decimal where it is small.
fn round(value: f64) -> String {
    if value < 100.0 && value.fract() != 0.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

/// For the text of an element.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
