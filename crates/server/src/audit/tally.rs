//! Counting refusals, so that whoever causes them cannot fill the disk.
//!
//! The first of an origin and reason is recorded at once, those of the minute after it as one sum; and
//! no more than a hundred lines a second in all, whatever comes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tsmgate_gate::clock::Clock;
use tsmgate_gate::network::Source;
use tsmgate_gate::reason::{Reason, Stage};

use super::record::Record;
use crate::relay::lane::Lane;

/// How long refusals are summed up.
const WINDOW: Duration = Duration::from_secs(60);
/// Lines of refusals in a second, in all.
const LINES_PER_SECOND: u32 = 100;
/// Origins and reasons counted apart; what comes on top is counted in one sum.
const KEYS: usize = 8192;

/// What somebody proved before he was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing.
    None,
    /// That a certificate's key is his.
    Key,
}

/// Lines and keys are for everybody, but a stranger who was not even let into the handshake may take
/// half of them and one who proved nothing three quarters: a flood of the many does not hide what is
/// refused to the few.
fn share(reason: Reason, proof: Proof) -> (u32, usize) {
    match (proof, reason.stage()) {
        (Proof::Key, _) => (LINES_PER_SECOND, KEYS),
        (Proof::None, Stage::Admit) => (LINES_PER_SECOND / 2, KEYS / 2),
        (Proof::None, _) => (LINES_PER_SECOND / 4 * 3, KEYS / 4 * 3),
    }
}

/// Whose refusals are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Somebody who has not proved who he is.
    Source(Source),
    /// A user of this host who is no caller yet, by his number.
    User(u32),
    /// A client, by name.
    Client(String),
    /// A client's requests in the lanes that speak HTTP, by its name.
    Requests(String),
}

impl Origin {
    /// The origin of a stranger's refusal.
    pub fn of(address: IpAddr) -> Self {
        Self::Source(Source::of(address))
    }
}

/// What to do with a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Write it down now.
    Record,
    /// It is in a sum that will be written.
    Counted,
}

/// The sums.
#[derive(Debug)]
pub(super) struct Tally {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Since when, and how many since, by origin and reason.
    sums: HashMap<(Origin, &'static str), (Duration, u64)>,
    /// Those for which there was no line.
    suppressed: u64,
    suppressed_since: Duration,
    /// Lines in the second that began then.
    second: Duration,
    lines: u32,
}

impl State {
    /// Takes one of this second's lines, if fewer than `most` are taken.
    fn line(&mut self, now: Duration, most: u32) -> bool {
        if now >= self.second + Duration::from_secs(1) {
            self.second = now;
            self.lines = 0;
        }
        let granted = self.lines < most;
        self.lines += u32::from(granted);
        granted
    }

    fn suppress(&mut self, now: Duration) {
        if self.suppressed == 0 {
            self.suppressed_since = now;
        }
        self.suppressed += 1;
    }
}

impl Tally {
    /// Nothing counted yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Counts a refusal.
    pub(super) fn count(&self, origin: Origin, reason: Reason, proof: Proof) -> Verdict {
        let (lines, keys) = share(reason, proof);
        let now = self.clock.elapsed();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (origin, reason.code());
        if let Some((_, count)) = state.sums.get_mut(&key) {
            *count += 1;
            return Verdict::Counted;
        }
        if state.sums.len() >= keys || !state.line(now, lines) {
            state.suppress(now);
            return Verdict::Counted;
        }
        state.sums.insert(key, (now, 0));
        Verdict::Record
    }

    /// Takes one of this second's lines for something that is not summed up; where there is none left
    /// it is counted with the refusals that got none.
    pub(super) fn line(&self) -> bool {
        let now = self.clock.elapsed();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let granted = state.line(now, LINES_PER_SECOND);
        if !granted {
            state.suppress(now);
        }
        granted
    }

    /// The sums whose minute is over (all of them where `all`), to be recorded.
    pub(super) fn due(&self, all: bool) -> Vec<Record> {
        let now = self.clock.elapsed();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records = Vec::new();
        let over = |since: Duration| all || now >= since + WINDOW;
        let keys: Vec<_> = state
            .sums
            .iter()
            .filter(|(_, (since, _))| over(*since))
            .map(|(k, _)| k.clone())
            .collect();
        for key in keys {
            let Some(&(since, count)) = state.sums.get(&key) else { continue };
            if count > 0 {
                if !all && !state.line(now, LINES_PER_SECOND) {
                    // its turn comes in the next second
                    break;
                }
                records.push(sum(&key.0, key.1, count, now.saturating_sub(since)));
            }
            state.sums.remove(&key);
        }
        if state.suppressed > 0 && (all || now >= state.suppressed_since + Duration::from_secs(1)) {
            let record = Record::new("refused", super::record::Outcome::Failure)
                .text("event.reason", "refusals_beyond_the_line_limit")
                .number("tsmgate.count", state.suppressed)
                .duration(now.saturating_sub(state.suppressed_since));
            records.push(record);
            state.suppressed = 0;
        }
        records
    }
}

fn sum(origin: &Origin, reason: &str, count: u64, over: Duration) -> Record {
    let record = Record::new("refused", super::record::Outcome::Failure)
        .text("event.reason", reason)
        .number("tsmgate.count", count)
        .duration(over);
    match origin {
        Origin::Source(source) => {
            record.source(source.address(), 0).text("tsmgate.source.network", &source.to_string())
        }
        Origin::User(uid) => record.local(*uid),
        Origin::Client(name) => record.text("client.user.name", name),
        Origin::Requests(name) => {
            record.text("client.user.name", name).text("tsmgate.lane", Lane::Http.name())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed unwrap is a failed test")]
mod tests;
