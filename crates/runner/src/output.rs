//! From the bytes that a command prints to the events that are kept: lines at `\n` or `\r`, none longer than
//! [`LINE_LIMIT`], steps of a job told apart, secrets taken out.
//!
//! Whatever a terminal would obey stays in it as data: who shows it makes it harmless.

use std::borrow::Cow;
use std::fmt;

use tsmgate_catalogue::command::follow::{job, progress};
use tsmgate_catalogue::redaction;
use tsmgate_catalogue::runner::{LINE_LIMIT, What};

use crate::mask::{Mask, Secrets};

/// A line that goes on for longer, in bytes, is taken in parts of this size.
const WHOLE_LIMIT: usize = 64 * 1024;

/// Which of the two a command printed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What came of some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Events, in order.
    pub events: Vec<What>,
    /// The job at TSM that a line named, the last of them.
    pub job: Option<String>,
}

/// One stream of a command, as lines.
pub struct Lines {
    stream: Stream,
    mask: Mask,
    /// Takes out what is secret by its name or look; absent where a command prints no such thing.
    redaction: Option<redaction::Lines>,
    line: Vec<u8>,
    /// The line is the rest of one that was too long.
    goes_on: bool,
    after_return: bool,
}

impl fmt::Debug for Lines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // what it holds back may be half a secret
        write!(formatter, "Lines({:?})", self.stream)
    }
}

impl Lines {
    /// For one stream of a command; `redacts` where what it prints can hold secrets that are not the order's.
    pub fn new(stream: Stream, secrets: Secrets, redacts: bool) -> Self {
        let mask = Mask::new(secrets);
        let redaction = redacts.then(redaction::Lines::default);
        Self { stream, mask, redaction, line: Vec::new(), goes_on: false, after_return: false }
    }

    /// What is complete with these bytes.
    pub fn take(&mut self, bytes: &[u8]) -> Told {
        let mut told = Told::default();
        let harmless = self.mask.pass(bytes);
        self.split(&harmless, &mut told);
        told
    }

    /// What is left, where nothing follows.
    pub fn end(&mut self) -> Told {
        let mut told = Told::default();
        let harmless = self.mask.end();
        self.split(&harmless, &mut told);
        if !self.line.is_empty() || self.goes_on {
            self.complete(&mut told);
        }
        told
    }

    fn split(&mut self, bytes: &[u8], told: &mut Told) {
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, end) = match piece.split_last() {
                Some((end @ (b'\n' | b'\r'), text)) => (text, Some(*end)),
                _ => (piece, None),
            };
            // `\r\n` ends one line, not two
            let second_half = self.after_return && text.is_empty() && end == Some(b'\n');
            self.after_return = end == Some(b'\r');
            for part in text.chunks(WHOLE_LIMIT) {
                let room = WHOLE_LIMIT.saturating_sub(self.line.len());
                let (now, later) = part.split_at(room.min(part.len()));
                self.line.extend_from_slice(now);
                if !later.is_empty() {
                    self.overflow(told);
                    self.line.extend_from_slice(later);
                }
            }
            if end.is_some() && !second_half {
                self.complete(told);
            }
        }
    }

    /// The line is too long to be held whole: what there is of it goes.
    fn overflow(&mut self, told: &mut Told) {
        let mut whole = std::mem::take(&mut self.line);
        // a character that is cut goes with its rest
        let cut = broken_end(&whole);
        self.line = whole.split_off(whole.len() - cut);
        self.tell(&whole, false, told);
        self.goes_on = true;
    }

    fn complete(&mut self, told: &mut Told) {
        let whole = std::mem::take(&mut self.line);
        if !(whole.is_empty() && self.goes_on) {
            self.tell(&whole, true, told);
        }
        self.goes_on = false;
    }

    /// `ends`: the line ends with this.
    fn tell(&mut self, line: &[u8], ends: bool, told: &mut Told) {
        let text = String::from_utf8_lossy(line);
        let steps = self.stream == Stream::Out && ends && !self.goes_on;
        if steps && let Some(job) = job(&text) {
            told.job = Some(job.to_owned());
        }
        let shown = match &mut self.redaction {
            Some(redaction) => redaction.piece(&text, ends),
            None => Cow::Borrowed(&*text),
        };
        if steps
            && shown.len() <= LINE_LIMIT
            && let Some((percent, step)) = progress(&shown)
        {
            told.events.push(What::Progress { percent, step: step.to_owned() });
            return;
        }
        let mut rest: &str = &shown;
        loop {
            let (now, later) = rest.split_at(floor(rest, LINE_LIMIT));
            told.events.push(self.event(now.to_owned()));
            if later.is_empty() {
                return;
            }
            rest = later;
        }
    }

    fn event(&self, line: String) -> What {
        match self.stream {
            Stream::Out => What::Stdout(line),
            Stream::Err => What::Stderr(line),
        }
    }
}

/// The last place, at most `most`, between two characters.
fn floor(text: &str, most: usize) -> usize {
    let most = most.min(text.len());
    (0..=most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0)
}

/// How many bytes at the end are the beginning of a character.
fn broken_end(bytes: &[u8]) -> usize {
    let cut = (1..=3.min(bytes.len())).find(|&back| {
        let first = bytes.get(bytes.len() - back).copied().unwrap_or_default();
        let needs = match first {
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => 0,
        };
        needs > back
    });
    cut.unwrap_or(0)
}

#[cfg(test)]
mod tests;
