//! Goes through the lines of all files, sees how they hang together as `verify` does, and does not stop
//! where they do not.

use std::io::{self, BufRead, Read};

use time::OffsetDateTime;

use super::figures::{Break, Chain, FORMAT, File, Moment, Records, Report, State};
use super::line::{Line, shown};
use super::summing::Sums;
use crate::audit::chain::{Head, Link};
use crate::audit::verify::{LINE_LIMIT, check_torn};

/// Of the places at which a chain breaks, so many are named; all are counted.
const BREAKS: usize = 10;

const TOO_LONG: &str = "longer than any record";
const NOT_A_RECORD: &str = "not a record";
const UNFINISHED: &str = "torn, it has no end";
const DOES_NOT_FOLLOW: &str = "does not follow on the line before it: lines are missing or changed";
const NOT_THE_FIRST: &str = "number 1, but lines before it are missing";

/// A report that is being made, over one file after the other, oldest first.
#[derive(Debug)]
pub struct Reader {
    now: OffsetDateTime,
    since: Option<OffsetDateTime>,
    files: Vec<File>,
    first: u64,
    head: Option<Head>,
    torn: u64,
    stray: Stray,
    breaks: Vec<Break>,
    breaks_total: u64,
    unfinished: bool,
    records: Records,
    sums: Sums,
}

/// The line before, where it was no record.
#[derive(Debug)]
enum Stray {
    None,
    /// It may be a torn line, if the next record says so.
    Torn {
        line: Vec<u8>,
        at: Break,
    },
    /// It is none, and that was said.
    Said,
}

impl Reader {
    /// Begins. Figures are about what happened at `since` and later; the chain is that of all lines.
    pub fn new(since: Option<OffsetDateTime>, now: OffsetDateTime) -> Self {
        Self {
            now,
            since,
            files: Vec::new(),
            first: 0,
            head: None,
            torn: 0,
            stray: Stray::None,
            breaks: Vec::new(),
            breaks_total: 0,
            unfinished: false,
            records: Records::default(),
            sums: Sums::new(since, now),
        }
    }

    /// Reads one file to its end. `name` is what it is called in the report.
    ///
    /// # Errors
    /// The file cannot be read. What is in it is never an error.
    pub fn read(&mut self, name: &str, mut file: impl BufRead) -> io::Result<()> {
        self.files.push(File { name: shown(name), lines: 0 });
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut bounded = file.by_ref().take(LINE_LIMIT as u64 + 1);
            if bounded.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            if let Some(file) = self.files.last_mut() {
                file.lines += 1;
            }
            self.unfinished = false;
            if line.pop_if(|last| *last == b'\n').is_some() {
                self.line(&line);
            } else if line.len() > LINE_LIMIT {
                file.skip_until(b'\n')?;
                self.stray(TOO_LONG);
            } else {
                self.unfinished = true;
                self.stray(UNFINISHED);
            }
        }
    }

    /// Whether the one thing that is wrong is a last line without an end: it is just being written, or
    /// the daemon was killed.
    pub fn is_unfinished(&self) -> bool {
        self.unfinished && self.breaks_total == 1
    }

    /// What was found in all files.
    pub fn end(mut self) -> Report {
        if let Stray::Torn { at, .. } = std::mem::replace(&mut self.stray, Stray::None) {
            self.breaks_at(at);
        }
        let head = self.head.unwrap_or(Head::EMPTY);
        let state = match self.first {
            _ if self.breaks_total > 0 => State::Broken,
            0 => State::Empty,
            1 => State::Whole,
            _ => State::Partial,
        };
        let chain = Chain {
            state,
            first: self.first,
            last: head.sequence,
            head: head.to_string(),
            torn: self.torn,
            breaks: self.breaks,
            breaks_total: self.breaks_total,
        };
        Report {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            made_at: Moment(self.now),
            files: self.files,
            chain,
            records: self.records,
            figures: self.sums.end(),
        }
    }

    /// Takes one line, without its line feed.
    fn line(&mut self, line: &[u8]) {
        let here = self.here(NOT_A_RECORD);
        let Some(link) = Link::read(line) else {
            match std::mem::replace(&mut self.stray, Stray::Said) {
                Stray::None => self.stray = Stray::Torn { line: line.to_vec(), at: here },
                Stray::Torn { .. } | Stray::Said => self.breaks_at(here),
            }
            return;
        };
        let follows = match &self.head {
            Some(head) => link.follows(head).then_some(()).ok_or(DOES_NOT_FOLLOW),
            None if link.sequence == 1 && !link.follows(&Head::EMPTY) => Err(NOT_THE_FIRST),
            None => Ok(()),
        };
        let stray = std::mem::replace(&mut self.stray, Stray::None);
        match (follows, stray) {
            (Err(what), _) => self.breaks_at(self.here(what)),
            // what was wrong was said
            (Ok(()), Stray::Said) => {}
            (Ok(()), Stray::Torn { line, at }) => match check_torn(Some(line), &link) {
                Ok(()) => self.torn += 1,
                Err(what) => self.breaks_at(Break { what, ..at }),
            },
            (Ok(()), Stray::None) => {
                if let Err(what) = check_torn(None, &link) {
                    let here = self.here(what);
                    self.breaks_at(Break { line: here.line.saturating_sub(1), ..here });
                }
            }
        }
        if self.head.is_none() {
            self.first = link.sequence;
        }
        self.head = Some(link.head(line));
        self.records.read += 1;
        if let Some(fields) = Line::read(line) {
            self.record(&fields, link.sequence);
        }
    }

    /// Takes a record that can be read, whether or not it follows on what was before it.
    fn record(&mut self, fields: &Line, number: u64) {
        match fields.time("@timestamp") {
            None => self.records.undated += 1,
            Some(at) => {
                let (earliest, latest) = (&mut self.records.earliest, &mut self.records.latest);
                let time = Moment(at);
                *earliest = Some(earliest.map_or(time, |earliest| earliest.min(time)));
                *latest = (*latest).max(Some(time));
                let within = self.since.is_none_or(|since| at >= since);
                self.records.in_period += u64::from(within);
                self.sums.see(fields, at, number, within);
            }
        }
    }

    /// A line that is certainly none of ours.
    fn stray(&mut self, what: &'static str) {
        self.stray = Stray::Said;
        self.breaks_at(self.here(what));
    }

    fn here(&self, what: &'static str) -> Break {
        let (file, line) =
            self.files.last().map(|file| (file.name.clone(), file.lines)).unwrap_or_default();
        Break { file, line, what }
    }

    fn breaks_at(&mut self, place: Break) {
        self.breaks_total += 1;
        if self.breaks.len() < BREAKS {
            self.breaks.push(place);
        }
    }
}
