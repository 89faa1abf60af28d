//! How a job's progress is told while somebody waits: one bar on a terminal, else a line a step.
//!
//! The lines are those of `tsm`, for scripts that know them. The bar is one line that is drawn over
//! itself at each answer, and gone at the end. It is drawn here and not by `indicatif`: that brings a
//! thread and a terminal library of its own for what is one line each two seconds.

use std::io::Write;
use std::time::Duration;

use tsmgate_text::escape;

use super::render::job::announced;
use super::table::fit;
use super::wait::{PATIENCE, Watch};
use crate::tsm::{Job, Outcome, Step, StepState};

#[cfg(test)]
mod tests;

/// The bar has so many places.
const PLACES: usize = 20;
/// To the left end, and clear the line.
pub(super) const CLEAR: &str = "\r\x1b[K";

/// What tells of a job; the bar goes away with it.
pub(super) struct Progress<'a> {
    talk: &'a mut dyn Write,
    /// How wide the terminal is, asked at each drawing; without one there are lines.
    width: Option<fn() -> usize>,
    announced: bool,
    /// So many steps had their line.
    told: usize,
    /// The last answer was none.
    missing: bool,
    bar: Bar,
    drawn: bool,
}

#[derive(Default)]
struct Bar {
    percent: u8,
    message: String,
}

impl<'a> Progress<'a> {
    /// A line for each step that has ended: `<percent>% - <message>`.
    pub(super) fn lines(talk: &'a mut dyn Write) -> Self {
        Self::new(talk, None)
    }

    /// A bar, on a terminal of this width in columns.
    pub(super) fn bar(talk: &'a mut dyn Write, width: fn() -> usize) -> Self {
        Self::new(talk, Some(width))
    }

    fn new(talk: &'a mut dyn Write, width: Option<fn() -> usize>) -> Self {
        let (announced, told, missing, drawn) = (false, 0, false, false);
        Self { talk, width, announced, told, missing, bar: Bar::default(), drawn }
    }

    fn write(&mut self, text: &str) {
        // where it cannot be said there is nobody to tell
        let _ = self.talk.write_all(text.as_bytes());
        let _ = self.talk.flush();
    }

    fn draw(&mut self, elapsed: Duration) {
        let Some(width) = self.width else { return };
        let message = if self.missing { "(no answer, asking again)" } else { &self.bar.message };
        let line = bar(self.bar.percent, elapsed, message, width());
        self.write(&format!("{CLEAR}{line}"));
        self.drawn = true;
    }
}

impl Watch for Progress<'_> {
    fn seen(&mut self, job: &Job, elapsed: Duration) {
        if !self.announced {
            self.announced = true;
            // a question without an answer may have drawn the bar already
            let clear = if self.drawn { CLEAR } else { "" };
            self.write(&format!("{clear}{}\n", announced(job)));
        }
        let was_missing = std::mem::take(&mut self.missing);
        let ended = ended(job);
        if self.width.is_some() {
            let title = job.steps.last().map(Step::title);
            let message = title.or(job.status_message.as_deref()).unwrap_or_default();
            let percent = job.progress.unwrap_or_else(|| job.percent_of(ended));
            self.bar = Bar { percent, message: escape(message) };
            self.draw(elapsed);
            return;
        }
        let mut text = String::new();
        if was_missing {
            text.push_str("tsmgate: TSM answers again\n");
        }
        for (place, step) in job.steps.iter().enumerate().take(ended).skip(self.told) {
            text.push_str(&line(job, place + 1, step));
        }
        self.told = self.told.max(ended);
        self.write(&text);
    }

    fn missed(&mut self, elapsed: Duration) {
        let first = !std::mem::replace(&mut self.missing, true);
        if self.width.is_some() {
            self.draw(elapsed);
        } else if first {
            let minutes = PATIENCE.as_secs() / 60;
            self.write(&format!(
                "tsmgate: TSM does not answer; asking again for {minutes} minutes\n"
            ));
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.drawn {
            self.write(CLEAR);
        }
    }
}

/// The bar on a terminal of this width in columns; of a message that was escaped.
pub(super) fn bar(percent: u8, elapsed: Duration, message: &str, width: usize) -> String {
    let filled = (usize::from(percent) * PLACES / 100).min(PLACES);
    let line = format!(
        "[{}{}] {percent:>3}%  {}  {message}",
        "#".repeat(filled),
        "-".repeat(PLACES - filled),
        clock(elapsed),
    );
    // the last column stays free: a terminal may go to the next line after it
    fit(&line, width.saturating_sub(1))
}

/// How many steps have ended. TSM does one after the other, so one with a step behind it has ended even
/// where its second note is missing.
fn ended(job: &Job) -> usize {
    let begun = job.steps.len();
    match job.steps.last() {
        Some(step) if step.state == StepState::Running => match job.outcome() {
            Some(Outcome::Succeeded) => begun,
            _ => begun - 1,
        },
        _ => begun,
    }
}

/// As `tsm` prints it; how a step ended is added where it is not done.
fn line(job: &Job, number: usize, step: &Step) -> String {
    let how = match &step.state {
        StepState::Ended(word) if !word.is_empty() => format!(" ({})", escape(word)),
        _ => String::new(),
    };
    format!("{}% - {}{how}\n", job.percent_of(number), escape(step.title()))
}

/// `0:07`, `61:00`: minutes and seconds.
fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
