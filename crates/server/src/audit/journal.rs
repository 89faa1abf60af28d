//! The journal as the audit's second target: one datagram each record, in journald's native protocol.
//!
//! A field of the record is a field of the journal, its name in capitals with `_` for each dot, its
//! value as it stands in the file's line; a list is its field once for each value. No text of a record
//! can become a field of its own: a value with a line feed goes in the form that says its length.

use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

/// Where journald listens; see systemd's "Native Journal Protocol".
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// What all records have in common in the journal; a name for `journalctl MESSAGE_ID=…`.
const MESSAGE_ID: &str = "e479645129244da6a291d814ad522a66";
/// `SYSLOG_IDENTIFIER`; for `journalctl -t …`.
const IDENTIFIER: &str = "tsmgated-audit";
/// How long journald may take for the records of one go. The system takes it twice at most: once for
/// room in our buffer and once for room in journald's.
const DEADLINE: Duration = Duration::from_millis(500);
/// The same while it fails, so that what waits is refused at once.
const DEADLINE_WHILE_FAILING: Duration = Duration::from_millis(10);
/// The longest name journald takes for a field, in bytes.
const NAME_LIMIT: usize = 64;

/// The way to journald. Not connected: each record looks for the socket anew, so that a journald which
/// was started again is found without a word.
#[derive(Debug)]
pub(super) struct Journal {
    socket: UnixDatagram,
    failing: bool,
}

impl Journal {
    /// Looks whether journald is there, and sends nothing.
    ///
    /// # Errors
    /// It is not, or we may not speak to it.
    pub(super) fn open() -> io::Result<Self> {
        UnixDatagram::unbound()?.connect(SOCKET)?;
        Ok(Self { socket: UnixDatagram::unbound()?, failing: false })
    }

    /// Sends lines as they stand in the file, in order, up to the first that is not taken; how many
    /// were, and why no more.
    pub(super) fn send<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a str>,
    ) -> (usize, io::Result<()>) {
        let patience = if self.failing { DEADLINE_WHILE_FAILING } else { DEADLINE };
        let end = Instant::now() + patience;
        let mut taken = 0;
        for line in lines {
            let sent = entry(line).and_then(|entry| self.send_entry(&entry, end));
            self.failing = sent.is_err();
            if sent.is_err() {
                return (taken, sent);
            }
            taken += 1;
        }
        (taken, Ok(()))
    }

    fn send_entry(&self, entry: &[u8], end: Instant) -> io::Result<()> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            // none at all would be no deadline
            self.socket.set_write_timeout(Some(left.max(Duration::from_millis(1))))?;
            match self.socket.send_to(entry, Path::new(SOCKET)) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Err(io::Error::new(ErrorKind::TimedOut, "it does not read in time"));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// A line as an entry of the journal.
fn entry(line: &str) -> io::Result<Vec<u8>> {
    let record: Map<String, Value> = serde_json::from_str(line)?;
    let mut entry = Vec::with_capacity(2 * line.len());
    put(&mut entry, "MESSAGE", &message(&record));
    let priority = if text(&record, "event.outcome") == Some("failure") { "4" } else { "6" };
    put(&mut entry, "PRIORITY", priority);
    put(&mut entry, "SYSLOG_IDENTIFIER", IDENTIFIER);
    put(&mut entry, "MESSAGE_ID", MESSAGE_ID);
    for (name, value) in &record {
        let name = field(name);
        match value {
            Value::Array(values) => {
                values.iter().for_each(|value| put_value(&mut entry, &name, value))
            }
            value => put_value(&mut entry, &name, value),
        }
    }
    Ok(entry)
}

/// One line for a person: what, how it ended, who, from where, why.
fn message(record: &Map<String, Value>) -> String {
    let mut message = text(record, "event.action").unwrap_or("record").to_owned();
    let phase = text(record, "tsmgate.phase");
    let outcome = text(record, "event.outcome").filter(|_| phase != Some("intent"));
    for word in [phase.filter(|phase| *phase == "intent"), outcome].into_iter().flatten() {
        message.push(' ');
        message.push_str(word);
    }
    let about =
        [(": ", "client.user.name"), (" from ", "source.ip"), (" because of ", "event.reason")];
    for (before, name) in about {
        if let Some(value) = text(record, name) {
            message.push_str(before);
            message.push_str(value);
        }
    }
    message
}

fn text<'a>(record: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    record.get(name).and_then(Value::as_str)
}

/// The name of a field in the journal: capitals, digits and `_`, and the first a letter, for journald
/// drops what is named otherwise.
fn field(name: &str) -> String {
    let capital = |character: char| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' => character.to_ascii_uppercase(),
        _ => '_',
    };
    let name = name.trim_start_matches(|character: char| !character.is_ascii_alphabetic());
    name.chars().map(capital).take(NAME_LIMIT).collect()
}

fn put_value(entry: &mut Vec<u8>, name: &str, value: &Value) {
    match value {
        Value::String(text) => put(entry, name, text),
        value => put(entry, name, &value.to_string()),
    }
}

/// Adds a field; one with a line feed in the form that says its length, so that it stays one field.
fn put(entry: &mut Vec<u8>, name: &str, value: &str) {
    entry.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed unwrap is a failed test")]
mod tests;
