//! What happened beside connections, calls and refusals: starts and stops, bans, cuts, gaps. An action
//! that this version does not know is listed like any other.

use std::collections::VecDeque;

use time::OffsetDateTime;

use super::capped::Capped;
use super::figures::{Event, EventCount, Moment};
use super::line::Line;

/// Actions told apart.
const ACTIONS: usize = 48;
/// Of each action the last so many are listed; all are counted.
const LISTED: usize = 12;
/// The name of all that there was no row for.
const OTHERS: &str = "others";

/// The actions this version writes, with what they mean.
const MEANINGS: &[(&str, &str)] = &[
    ("start", "the gate was started"),
    ("stop", "the gate was stopped"),
    ("reload", "the gate read its configuration anew"),
    ("cut", "an open connection was cut"),
    ("ban", "a source was banned for a while"),
    ("command-started", "a command of the tsm program began"),
    ("command-ended", "a command of the tsm program was over"),
    ("recovered", "a line that a crash left half written was closed"),
    ("records-lost", "records could not be written"),
    ("sync-failed", "the disk did not take what was written"),
];

/// Fields that say more of an event, with the word for each.
const DETAILS: &[(&str, &str)] = &[
    ("client.user.name", "client"),
    ("source.ip", "from"),
    ("tsmgate.command.path", "command"),
    ("tsmgate.command.end", "ended as"),
    ("tsmgate.command.cancelled_by", "cancelled by"),
    ("event.reason", "reason"),
    ("server.address", "listening on"),
    ("tsmgate.version", "version"),
];
const NUMBERS: &[(&str, [&str; 2])] = &[
    ("tsmgate.count", ["count ", ""]),
    ("tsmgate.ban.seconds", ["for ", " seconds"]),
    ("process.exit_code", ["exit code ", ""]),
    ("tsmgate.audit.torn_bytes", ["", " bytes"]),
];
const FLAGS: &[(&str, &str)] = &[
    ("tsmgate.closed", "CLOSED: nobody can get in"),
    ("tsmgate.audit.new_chain", "a NEW chain was begun: the file was missing or empty"),
];

/// The events by action.
#[derive(Debug)]
pub(super) struct Events(Capped<Kind>);

#[derive(Debug, Default)]
struct Kind {
    count: u64,
    last: VecDeque<Event>,
}

impl Default for Events {
    fn default() -> Self {
        Self(Capped::new(ACTIONS))
    }
}

impl Events {
    /// Takes an event.
    pub(super) fn see(&mut self, line: &Line, at: OffsetDateTime, number: u64) {
        let action = line.text("event.action").unwrap_or_default();
        let kind = self.0.row(action.clone());
        kind.count = kind.count.saturating_add(1);
        if kind.last.len() == LISTED {
            kind.last.pop_front();
        }
        let failed = line.is("event.outcome", "failure");
        kind.last.push_back(Event { at: Moment(at), number, failed, about: about(line), action });
    }

    /// How many there were of each action, and those that are listed, in the order of the file.
    pub(super) fn end(self) -> (Vec<EventCount>, Vec<Event>) {
        let mut counts = Vec::new();
        let mut events = Vec::new();
        let (rows, others) = self.0.into_rows();
        for (action, kind) in rows.into_iter().chain(others.map(|kind| (OTHERS.to_owned(), kind))) {
            let known = MEANINGS.iter().find(|(name, _)| *name == action);
            let meaning = known.map_or("not known to this version", |(_, meaning)| meaning);
            counts.push(EventCount { action, count: kind.count, meaning });
            events.extend(kind.last);
        }
        events.sort_by_key(|event| (event.number, event.at.0));
        (counts, events)
    }
}

fn about(line: &Line) -> String {
    let texts = DETAILS.iter().filter_map(|(field, word)| {
        let text = line.text(field)?;
        Some(format!("{word} {text}"))
    });
    let numbers = NUMBERS.iter().filter_map(|(field, [before, after])| {
        let number = line.number(field)?;
        Some(format!("{before}{number}{after}"))
    });
    let flags = FLAGS.iter().filter(|(field, _)| line.flag(field));
    let flags = flags.map(|(_, words)| (*words).to_owned());
    texts.chain(numbers).chain(flags).collect::<Vec<_>>().join(", ")
}
