//! The report on an audit: that its figures are what was put in, whatever else is in the files.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

mod breaks;
mod callers;
mod hostile;
mod period;
mod requests;
mod sums;

use serde_json::Value;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tsmgate_server::audit::chain::Head;
use tsmgate_server::audit::record::{Outcome, Record};
use tsmgate_server::audit::report::{Reader, Report};

/// When the reports of these tests are made.
const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

/// So long before the report.
fn before(ago: Duration) -> OffsetDateTime {
    NOW - ago
}

/// An audit file that is being written.
struct Written {
    lines: Vec<String>,
    head: Head,
}

impl Written {
    fn new() -> Self {
        Self { lines: Vec::new(), head: Head::EMPTY }
    }

    fn add(&mut self, at: OffsetDateTime, record: &Record) {
        let (line, head) = self.head.append(record, at);
        self.lines.push(line);
        self.head = head;
    }

    /// A line in which a text of the record became another, as nobody but a forger writes it; the
    /// chain goes on from it.
    fn forge(&mut self, at: OffsetDateTime, record: &Record, from: &str, to: &str) {
        let (line, _) = self.head.append(record, at);
        let line = line.trim_end().replace(from, to);
        let hash = tsmgate_server::digest::sha256(line.as_bytes());
        self.lines.push(line + "\n");
        self.head = Head { sequence: self.head.sequence + 1, hash };
    }

    fn report(&self) -> Report {
        report(&[&self.lines], None)
    }

    fn since(&self, ago: Duration) -> Report {
        report(&[&self.lines], Some(before(ago)))
    }
}

/// The report on files of these lines.
fn report(files: &[&[String]], since: Option<OffsetDateTime>) -> Report {
    let mut reader = Reader::new(since, NOW);
    for (number, lines) in files.iter().enumerate() {
        reader.read(&format!("file{number}"), lines.concat().as_bytes()).unwrap();
    }
    reader.end()
}

fn json(report: &Report) -> Value {
    serde_json::from_str(&report.json()).unwrap()
}

/// What all records of a client have.
fn of(client: &str, serial: &str) -> Record {
    Record::empty()
        .text("client.user.name", client)
        .text("tls.client.x509.serial_number", serial)
        .source([10, 20, 1, 7].into(), 4444)
}

fn connection(about: &Record) -> Record {
    Record::new("connection", Outcome::Success).append(about)
}

fn granted(about: &Record) -> Record {
    let outcome = Record::new("login", Outcome::Success).text("tsmgate.phase", "outcome");
    outcome.append(about)
}

fn refused(reason: &str, about: &Record) -> Record {
    Record::new("refused", Outcome::Failure).text("event.reason", reason).append(about)
}
