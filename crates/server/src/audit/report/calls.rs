//! How calls ended. An outcome waits a while, for it may not be the last word: a call that is cut while its
//! outcome is being written has another one behind it, and an answer that breaks off a refusal. What was said
//! last counts, and a call counts once.

use std::collections::{BTreeMap, HashMap};

use time::OffsetDateTime;

use super::figures::Counts;
use super::line::Line;

/// Outcomes that wait; before one more the oldest counts as it is.
const WAITING: usize = 4096;

/// Which lane a call was in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Login,
    Api,
}

impl Lane {
    /// The lane of a refusal: those of requests have the request's number, sums of them the lane's name.
    pub(super) fn of_refusal(line: &Line) -> Self {
        let request = line.text("http.request.id").is_some() || line.is("tsmgate.lane", "http");
        if request { Self::Api } else { Self::Login }
    }
}

/// What is known of a call or of refusals.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) lane: Lane,
    pub(super) at: OffsetDateTime,
    pub(super) client: Option<String>,
    pub(super) operation: Option<String>,
    pub(super) counts: Counts,
    /// Why it was not granted.
    pub(super) reason: Option<String>,
    pub(super) network: String,
    /// Whether secrets left in clear, as far as it is known: an answer that broke off had some, perhaps.
    pub(super) secrets: bool,
}

impl Ended {
    /// Of a record that says how a call ended, or that so many were refused.
    pub(super) fn of(line: &Line, at: OffsetDateTime, lane: Lane, counts: Counts) -> Self {
        Self {
            lane,
            at,
            client: line.text("client.user.name"),
            // an order's is the command
            operation: line.text("tsmgate.operation").or_else(|| line.text("tsmgate.command.path")),
            counts,
            reason: line.text("event.reason"),
            network: line.network(),
            secrets: counts.granted > 0 && line.flag("tsmgate.secrets"),
        }
    }
}

/// The outcomes that wait.
#[derive(Debug, Default)]
pub(super) struct Calls {
    next: u64,
    numbers: HashMap<String, u64>,
    waiting: BTreeMap<u64, (String, Ended)>,
}

impl Calls {
    /// A call began: the one before it on the connection has its last word. To be counted.
    pub(super) fn begin(&mut self, line: &Line, lane: Lane) -> Option<Ended> {
        let number = self.numbers.remove(&key(line, lane)?)?;
        self.waiting.remove(&number).map(|(_, ended)| ended)
    }

    /// A call ended. What is given back is to be counted.
    pub(super) fn end(&mut self, line: &Line, mut ended: Ended) -> Option<Ended> {
        let Some(key) = key(line, ended.lane) else { return Some(ended) };
        if let Some((_, before)) = self.of(&key) {
            ended.secrets |= before.secrets;
            *before = ended;
            return None;
        }
        let number = self.next;
        self.next += 1;
        self.numbers.insert(key.clone(), number);
        self.waiting.insert(number, (key, ended));
        if self.waiting.len() <= WAITING {
            return None;
        }
        let (_, (key, oldest)) = self.waiting.pop_first()?;
        self.numbers.remove(&key);
        Some(oldest)
    }

    /// A refusal. Where it is of a request that has ended, that one failed; otherwise it is to be counted.
    pub(super) fn refused(&mut self, line: &Line, refused: Ended) -> Option<Ended> {
        let of_request = (refused.lane == Lane::Api).then(|| key(line, Lane::Api)).flatten();
        match of_request.and_then(|key| self.of(&key)) {
            Some((_, before)) => {
                before.counts = Counts::FAILED;
                before.reason = refused.reason;
                None
            }
            None => Some(refused),
        }
    }

    /// All that still wait, at the end.
    pub(super) fn rest(self) -> impl Iterator<Item = Ended> {
        self.waiting.into_values().map(|(_, ended)| ended)
    }

    fn of(&mut self, key: &str) -> Option<&mut (String, Ended)> {
        self.waiting.get_mut(self.numbers.get(key)?)
    }
}

/// What two records of one call have in common: a request its number; logins of a connection come one after
/// the other.
fn key(line: &Line, lane: Lane) -> Option<String> {
    match lane {
        Lane::Login => line.text("tsmgate.connection"),
        Lane::Api => line.text("http.request.id"),
    }
}
