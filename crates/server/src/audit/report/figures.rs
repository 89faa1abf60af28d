//! The report itself: what `--json` prints, and what the page and the summary are made of.
//!
//! The names of the fields are stable. Times are RFC 3339 in UTC, to the second; counts are numbers of
//! calls or refusals, not of lines. All text is escaped and bounded; lists have at most as many rows as
//! their room keeps, and what is beyond is in a row of its own (`null` where there is none).

use std::fmt;

use serde::{Serialize, Serializer};
use time::OffsetDateTime;

mod requests;

pub use requests::{InClear, Requester, Requests, RequestsDone, RequestsOf, SessionUse};

/// The form of the JSON object; it changes when a field changes its meaning or goes.
pub const FORMAT: &str = "tsmgate-audit-report/1";

/// All that was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: &'static str,
    /// The version of the program that made it.
    pub version: &'static str,
    /// When it was made.
    pub made_at: Moment,
    /// The files, in the order they were read.
    pub files: Vec<File>,
    /// Whether the lines are all there, of all files whatever the period.
    pub chain: Chain,
    /// How many records there were.
    pub records: Records,
    /// What was added up; its fields stand beside the others.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What the records of the period add up to.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// Which time they are about.
    pub period: Period,
    /// All calls and refusals but those of the api lane.
    pub totals: Totals,
    /// Clients by how often they called or were refused, but in the api lane.
    pub clients: Vec<Client>,
    /// Those that there was no row for.
    pub other_clients: Option<Counts>,
    /// The requests of the api lane.
    pub requests: Requests,
    /// The gate's own session at TSM.
    pub session: SessionUse,
    /// The calls and refusals of known clients, and the refusals of strangers, over time.
    pub over_time: OverTime,
    /// Why calls were refused or failed, the most frequent first.
    pub reasons: Vec<Reason>,
    /// Those that there was no row for.
    pub other_reasons: Option<Counts>,
    /// From where what was refused came: IPv4 /24, IPv6 /48; the most frequent first.
    pub networks: Vec<Network>,
    /// Those that there was no row for.
    pub other_networks: Option<Counts>,
    /// Client and certificate pairs that no line before the period has, the latest first.
    pub first_seen: Vec<FirstSeen>,
    /// Records of callers beyond the four thousand that are told apart.
    pub callers_beyond: u64,
    /// For each client the certificate in use that ends first.
    pub certificates: Vec<Certificate>,
    /// How often everything else happened.
    pub event_counts: Vec<EventCount>,
    /// The last of each, in order.
    pub events: Vec<Event>,
}

/// A time, shown in UTC to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub OffsetDateTime);

impl Moment {
    /// The day.
    pub fn day(&self) -> String {
        let (year, month, day) = self.0.to_calendar_date();
        format!("{year:04}-{:02}-{day:02}", u8::from(month))
    }

    /// Hours and minutes.
    pub fn minute(&self) -> String {
        format!("{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}:{:02}", self.day(), self.minute(), self.0.second())
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(time) = self;
        let text = format!("{}T{}:{:02}Z", self.day(), self.minute(), time.second());
        serializer.serialize_str(&text)
    }
}

/// Which time the figures are about.
#[derive(Debug, Serialize)]
pub struct Period {
    /// Where it was asked to begin; records of this very moment are in it.
    pub since: Option<Moment>,
    /// The earliest record in it.
    pub first: Option<Moment>,
    /// The latest.
    pub last: Option<Moment>,
}

/// One file.
#[derive(Debug, Serialize)]
pub struct File {
    /// As it was named.
    pub name: String,
    /// Its lines, whatever is in them.
    pub lines: u64,
}

/// How the chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// From the first record on nothing is missing or changed.
    Whole,
    /// In order, but earlier records are in another file, or gone.
    Partial,
    /// There is no record.
    Empty,
    /// Lines are missing, changed, out of order or not ours.
    Broken,
}

/// The chain over all files.
#[derive(Debug, Serialize)]
pub struct Chain {
    /// How it is.
    pub state: State,
    /// The first record's number; 0 where there is none.
    pub first: u64,
    /// The last record's number.
    pub last: u64,
    /// The end of the chain as `NUMBER:HASH`, to be held against the one in the log.
    pub head: String,
    /// Lines that a crash left half written and that a later record accounts for.
    pub torn: u64,
    /// The first places at which it breaks.
    pub breaks: Vec<Break>,
    /// How many there are.
    pub breaks_total: u64,
}

/// A place at which the chain breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Break {
    /// Which file.
    pub file: String,
    /// Which line of it, from 1.
    pub line: u64,
    /// What is wrong there.
    pub what: &'static str,
}

/// How many records there were.
#[derive(Debug, Default, Serialize)]
pub struct Records {
    /// In all files.
    pub read: u64,
    /// The time of the earliest of them.
    pub earliest: Option<Moment>,
    /// The time of the latest.
    pub latest: Option<Moment>,
    /// In the period.
    pub in_period: u64,
    /// Without a time that can be read: they are in no figure.
    pub undated: u64,
}

/// How calls ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Answered with a cookie; a request: done by TSM.
    pub granted: u64,
    /// Passed on to TSM, and failed.
    pub failed: u64,
    /// Refused by the gate.
    pub refused: u64,
}

impl Counts {
    /// One more granted.
    pub const GRANTED: Self = Self { granted: 1, failed: 0, refused: 0 };
    /// One more failed.
    pub const FAILED: Self = Self { granted: 0, failed: 1, refused: 0 };

    /// So many refused.
    pub fn refused(count: u64) -> Self {
        Self { refused: count, ..Self::default() }
    }

    /// Adds others; a sum that is too large for a number stays the largest.
    pub fn add(&mut self, other: Self) {
        self.granted = self.granted.saturating_add(other.granted);
        self.failed = self.failed.saturating_add(other.failed);
        self.refused = self.refused.saturating_add(other.refused);
    }

    /// What was not granted.
    pub fn not_granted(&self) -> u64 {
        self.failed.saturating_add(self.refused)
    }

    /// All of them.
    pub fn sum(&self) -> u64 {
        self.granted.saturating_add(self.not_granted())
    }
}

/// All calls and refusals but those of the api lane.
#[derive(Debug, Default, Serialize)]
pub struct Totals {
    /// Connections of known clients.
    pub connections: u64,
    /// Calls that were about to be passed on to TSM.
    pub intents: u64,
    /// Intents that no outcome is on file for, as after a crash; calls under way are among them.
    pub without_outcome: u64,
    /// Of known clients.
    pub clients: Counts,
    /// Refusals of who was not known as a client.
    pub strangers_refused: u64,
}

/// One client.
#[derive(Debug, Serialize)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// How its calls ended.
    #[serde(flatten)]
    pub counts: Counts,
    /// When it last got a cookie.
    pub last_granted: Option<Moment>,
    /// Its counts in the slots of `over_time`, in their order.
    pub slots: Vec<Counts>,
}

/// Slots of one width that follow on each other.
#[derive(Debug, Serialize)]
pub struct OverTime {
    /// Their width in seconds.
    pub slot_seconds: i64,
    /// The slots, at most sixty.
    pub slots: Vec<Slot>,
}

/// One slot.
#[derive(Debug, Serialize)]
pub struct Slot {
    /// When it begins.
    pub from: Moment,
    /// What clients did.
    pub clients: Counts,
    /// What they did in the api lane.
    pub requests: RequestsDone,
    /// How many strangers were refused.
    pub strangers_refused: u64,
}

/// One reason.
#[derive(Debug, Serialize)]
pub struct Reason {
    /// Its code.
    pub code: String,
    /// In plain words.
    pub meaning: &'static str,
    /// Who has to do something about it, where it is known.
    pub party: Option<&'static str>,
    /// Refused and failed.
    #[serde(flatten)]
    pub counts: Counts,
}

/// One network.
#[derive(Debug, Serialize)]
pub struct Network {
    /// As `10.20.1.0/24` or `2001:db8:1::/48`.
    pub network: String,
    /// Refused and failed.
    #[serde(flatten)]
    pub counts: Counts,
}

/// A client with a certificate that was not there before.
#[derive(Debug, Serialize)]
pub struct FirstSeen {
    /// The client's name.
    pub client: String,
    /// The certificate's serial number.
    pub serial: String,
    /// When.
    pub at: Moment,
    /// From where.
    pub network: String,
}

/// A certificate and its end.
#[derive(Debug, Serialize)]
pub struct Certificate {
    /// The client's name.
    pub client: String,
    /// The serial number.
    pub serial: String,
    /// When it ends; `null` where no record says so.
    pub ends: Option<Moment>,
    /// Whole days until then, negative where it has ended.
    pub days_left: Option<i64>,
    /// When it was last used.
    pub last_seen: Moment,
}

/// How often an action was recorded.
#[derive(Debug, Serialize)]
pub struct EventCount {
    /// The action.
    pub action: String,
    /// How often.
    pub count: u64,
    /// In plain words.
    pub meaning: &'static str,
}

/// One event.
#[derive(Debug, Serialize)]
pub struct Event {
    /// When.
    pub at: Moment,
    /// The record's number.
    pub number: u64,
    /// The action.
    pub action: String,
    /// Whether it is recorded as a failure.
    pub failed: bool,
    /// Its details, in words.
    pub about: String,
}
