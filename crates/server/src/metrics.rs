//! What is counted, and its text for Prometheus (OpenMetrics 1.0).
//!
//! Labels are codes of ours, names from the configuration and those of users it lets in, a bounded number of them: never an address,
//! a serial number or anything else that a peer chooses. Counting never waits and never fails.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use time::OffsetDateTime;
use tsmgate_gate::reason::{Explained, Reason};

use crate::status::Status;

mod gauges;
mod known;
mod labels;

pub use known::Requests;
pub use labels::Side;

use known::Known;
use labels::{
    ANSWERED, Answer, BAD, EndedCommand, FAILED, Failure, GOOD, Login, Outcome, RefusedRequest,
    Request, Why,
};

/// What each metric's name begins with.
pub const PREFIX: &str = "tsmgate";
/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The outcome of a login that was granted; of others it is the reason's code.
pub const SUCCESS: &str = "success";
/// Whose login is counted as nobody's own, past [`LOGIN_SERIES`].
pub const OTHERS: &str = "others";
/// Pairs of client and outcome, or triples with the operation, that are counted apart in each metric; the
/// calls of further ones are [`OTHERS`]'.
pub const LOGIN_SERIES: usize = 4096;
/// Clients whose certificate's end is remembered; of further ones it is not.
pub const CLIENTS: usize = 4096;

/// What somebody is refused who tries what he may do; at zero from a client's first connection on.
const PROBES: [Reason; 2] = [Reason::PermissionMissing, Reason::NotAnOperation];

/// Upper ends of the classes of TSM's answering time, in seconds.
const ANSWER_SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// All that is counted in one life of the daemon.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    refusals: Family<Why, Counter>,
    cuts: Family<Why, Counter>,
    logins: Family<Login, Counter>,
    requests: Family<Request, Counter>,
    requests_refused: Family<RefusedRequest, Counter>,
    withheld: Counter,
    commands: Family<EndedCommand, Counter>,
    answers: Family<Answer, Histogram>,
    tsm_failures: Family<Failure, Counter>,
    bans: Counter,
    reloads: Family<Outcome, Counter>,
    known: Mutex<Known>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing has happened yet. Each refusal there can be is there from the start, at zero: what first
    /// appears with a one does not show as an increase.
    pub fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            refusals: Family::default(),
            cuts: Family::default(),
            logins: Family::default(),
            requests: Family::default(),
            requests_refused: Family::default(),
            withheld: Counter::default(),
            commands: Family::default(),
            answers: Family::new_with_constructor(|| Histogram::new(ANSWER_SECONDS)),
            tsm_failures: Family::default(),
            bans: Counter::default(),
            reloads: Family::default(),
            known: Mutex::default(),
        };
        for Explained { code: reason, stage, .. } in Reason::EXPLAINED {
            let why = Why { stage: stage.name(), reason };
            let _ = metrics.refusals.get_or_create(&why);
            let _ = metrics.cuts.get_or_create(&why);
            for side in Side::ALL.map(Side::name).into_iter().filter(|_| is_of_tsm(reason)) {
                let failure = Failure { side, stage: why.stage, reason };
                let _ = metrics.tsm_failures.get_or_create(&failure);
            }
        }
        for side in Side::ALL.map(Side::name) {
            for outcome in [ANSWERED, FAILED] {
                let _ = metrics.answers.get_or_create(&Answer { side, outcome });
            }
        }
        for outcome in [GOOD, BAD] {
            let _ = metrics.reloads.get_or_create(&outcome);
        }
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register(
            "refusals",
            "Connections and calls that were refused",
            self.refusals.clone(),
        );
        registry.register(
            "cuts",
            "Open connections that were ended because they may not go on",
            self.cuts.clone(),
        );
        registry.register("logins", "Finished calls of the login lane", self.logins.clone());
        registry.register("requests", "Finished requests of the api lane", self.requests.clone());
        registry.register(
            "requests_refused",
            "Requests of the api lane that were refused before TSM was asked",
            self.requests_refused.clone(),
        );
        registry.register(
            "answers_withheld",
            "Answers of TSM out of which secrets could not be taken",
            self.withheld.clone(),
        );
        registry.register(
            "commands_ended",
            "Commands of the tsm program that are over, by how they ended",
            self.commands.clone(),
        );
        registry.register_with_unit(
            "tsm_answer",
            "Time from a call to TSM until its answer, or until it failed",
            Unit::Seconds,
            self.answers.clone(),
        );
        registry.register(
            "tsm_failures",
            "Calls to TSM that brought no answer",
            self.tsm_failures.clone(),
        );
        registry.register("bans", "Sources banned for failing too often", self.bans.clone());
        registry.register(
            "reloads",
            "Times everything was read anew, or was tried to",
            self.reloads.clone(),
        );
        self
    }

    /// A refusal; also one of those that the audit sums up.
    pub fn refused(&self, reason: Reason) {
        self.refusals.get_or_create(&Why::of(reason)).inc();
    }

    /// A finished call of the login lane: whose, and whether it was granted. `client` is the name of a
    /// configuration's entry.
    pub fn login(&self, client: &str, outcome: Result<(), Reason>) {
        let outcome = outcome.err().map_or(SUCCESS, Reason::code);
        let labels = {
            let mut known = self.known();
            if outcome == SUCCESS {
                known.granted += 1;
                known.last = Some((client.to_owned(), OffsetDateTime::now_utc()));
            }
            known.login(client, outcome)
        };
        self.logins.get_or_create(&labels).inc();
    }

    /// A finished request of the api lane: whose, of which operation, and whether TSM did it. `client` and
    /// `operation` are names of the configuration's and the catalogue's.
    pub fn request(&self, client: &str, operation: &'static str, outcome: Result<(), Reason>) {
        let outcome = outcome.err().map_or(SUCCESS, Reason::code);
        if outcome == Reason::AnswerNotRedactable.code() {
            self.withheld.inc();
        }
        let labels = {
            let mut known = self.known();
            known.went.granted += u64::from(outcome == SUCCESS);
            known.went.failed += u64::from(outcome != SUCCESS);
            known.request(client, operation, outcome)
        };
        self.requests.get_or_create(&labels).inc();
    }

    /// A command is over. `command` is a path of the catalogue's.
    pub fn command_ended(&self, command: &str, how: &'static str) {
        let labels = EndedCommand { command: command.to_owned(), end: how };
        self.commands.get_or_create(&labels).inc();
    }

    /// A request of the api lane was refused, so that TSM was not asked. `client` is the name of a
    /// configuration's entry.
    pub fn request_refused(&self, client: &str, reason: Reason) {
        let labels = {
            let mut known = self.known();
            known.went.refused += 1;
            known.refused(client, reason.code())
        };
        self.requests_refused.get_or_create(&labels).inc();
    }

    /// A side of TSM was asked: for how long, and whether it answered. What it is not asked for because of
    /// somebody else says nothing of TSM and is not counted.
    pub fn asked_tsm(&self, side: Side, time: Duration, outcome: Result<(), Reason>) {
        if outcome.is_err_and(|reason| !is_of_tsm(reason.code())) {
            return;
        }
        let labels =
            Answer { side: side.name(), outcome: if outcome.is_ok() { ANSWERED } else { FAILED } };
        self.answers.get_or_create(&labels).observe(time.as_secs_f64());
        if let Err(reason) = outcome {
            let Why { stage, reason } = Why::of(reason);
            let failure = Failure { side: side.name(), stage, reason };
            self.tsm_failures.get_or_create(&failure).inc();
        }
        *self.known().failing(side) = outcome.err().map(Reason::code);
    }

    /// An open connection was ended because it may not go on.
    pub fn cut(&self, reason: Reason) {
        self.cuts.get_or_create(&Why::of(reason)).inc();
    }

    /// A source was banned.
    pub fn banned(&self) {
        self.bans.inc();
    }

    /// Everything was read anew; or it was tried to, and what was there before stays.
    pub fn reloaded(&self, good: bool) {
        self.reloads.get_or_create(if good { &GOOD } else { &BAD }).inc();
    }

    /// A client connected, with a certificate that ends then, in seconds since 1970, or as a user of this host.
    /// What it came with last is what counts, also where it ends earlier than the one before.
    pub fn seen(&self, client: &str, not_after: Option<i64>) {
        let labels = {
            let mut known = self.known();
            if let Some(end) = known.seen.get_mut(client) {
                *end = not_after;
                return;
            }
            if known.seen.len() < CLIENTS {
                known.seen.insert(client.to_owned(), not_after);
            }
            (
                known.login(client, SUCCESS),
                PROBES.map(|reason| known.refused(client, reason.code())),
            )
        };
        // from now on its first login shows as an increase, and so does the first of these refusals
        let (login, refused) = labels;
        let _ = self.logins.get_or_create(&login);
        for labels in refused {
            let _ = self.requests_refused.get_or_create(&labels);
        }
    }

    /// Logins granted.
    pub fn logins(&self) -> u64 {
        self.known().granted
    }

    /// Who was granted one last, and when.
    pub fn last_login(&self) -> Option<(String, OffsetDateTime)> {
        self.known().last.clone()
    }

    /// How the requests of the api lane went.
    pub fn requests(&self) -> Requests {
        self.known().went
    }

    /// The code of the last failure of a side of TSM, until it answers again.
    pub fn tsm_failing(&self, side: Side) -> Option<&'static str> {
        *self.known().failing(side)
    }

    /// The clients that connected, by name, and when the certificate ends that each came with last, in
    /// seconds since 1970.
    pub fn clients_seen(&self) -> Vec<(String, i64)> {
        let mut seen: Vec<_> = self
            .known()
            .seen
            .iter()
            .filter_map(|(client, end)| Some((client.clone(), (*end)?)))
            .collect();
        seen.sort();
        seen
    }

    /// All of it with the rest of the picture, as OpenMetrics text of type [`CONTENT_TYPE`].
    pub fn text(&self, status: &Status) -> String {
        let mut text = String::new();
        // writing to a String cannot fail
        let _ = encode_registry(&mut text, &self.registry);
        let _ = encode_registry(&mut text, &gauges::of(status));
        let _ = encode_eof(&mut text);
        text
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a reason says something of TSM.
fn is_of_tsm(reason: &str) -> bool {
    reason.starts_with("backend_")
}
