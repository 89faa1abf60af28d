//! Adds up what the records of the period say, in tables of bounded size.

use std::cmp::Reverse;

use time::OffsetDateTime;
use tsmgate_gate::reason::{Explained, Reason as GateReason};

use super::callers::Callers;
use super::calls::{Calls, Ended, Lane};
use super::capped::Capped;
use super::events::Events;
use super::figures::{
    Client, Counts, Figures, Moment, Network, OverTime, Period, Reason, Slot, Totals,
};
use super::line::Line;
use super::requests::RequestSums;
use super::timeline::Timeline;

/// Rows of each table; what is beyond is one row.
const CLIENTS: usize = 256;
const NETWORKS: usize = 1024;
const REASONS: usize = 128;

/// What a refusal without a line of its own is recorded as.
const BEYOND_THE_LIMIT: (&str, &str) = (
    "refusals_beyond_the_line_limit",
    "Refusals for which there was no line: there were more than a hundred in a second.",
);

/// The sums so far.
#[derive(Debug)]
pub(super) struct Sums {
    now: OffsetDateTime,
    since: Option<OffsetDateTime>,
    range: Option<(OffsetDateTime, OffsetDateTime)>,
    totals: Totals,
    clients: Capped<ClientSums>,
    reasons: Capped<Counts>,
    networks: Capped<Counts>,
    callers: Callers,
    events: Events,
    calls: Calls,
    requests: RequestSums,
    known: Timeline,
    requested: Timeline,
    strangers: Timeline,
}

#[derive(Debug, Default)]
struct ClientSums {
    counts: Counts,
    last_granted: Option<OffsetDateTime>,
    timeline: Timeline,
}

impl Sums {
    /// Nothing yet. A period that was asked for is shown whole, also where nothing happened.
    pub(super) fn new(since: Option<OffsetDateTime>, now: OffsetDateTime) -> Self {
        let mut known = Timeline::default();
        if let Some(since) = since {
            known.cover(since.unix_timestamp());
            known.cover(now.unix_timestamp());
        }
        Self {
            now,
            since,
            range: None,
            totals: Totals::default(),
            clients: Capped::new(CLIENTS),
            reasons: Capped::new(REASONS),
            networks: Capped::new(NETWORKS),
            callers: Callers::default(),
            events: Events::default(),
            calls: Calls::default(),
            requests: RequestSums::default(),
            known,
            requested: Timeline::default(),
            strangers: Timeline::default(),
        }
    }

    /// Takes a record. Of one before the period (`within` is false) only who called counts: so that
    /// he is not taken for new.
    pub(super) fn see(&mut self, line: &Line, at: OffsetDateTime, number: u64, within: bool) {
        self.callers.see(line, at);
        if !within {
            return;
        }
        let (first, last) = self.range.unwrap_or((at, at));
        self.range = Some((first.min(at), last.max(at)));
        self.known.cover(at.unix_timestamp());
        let is = |action| line.is("event.action", action);
        if is("connection") {
            self.totals.connections += 1;
        } else if is("login") {
            self.call(line, at, Lane::Login);
        } else if is("request") || is("command") {
            self.call(line, at, Lane::Api);
        } else if is("refused") {
            let counts = Counts::refused(line.count());
            let refused = Ended::of(line, at, Lane::of_refusal(line), counts);
            let refused = self.calls.refused(line, refused);
            self.count(refused);
        } else if !(is("session") && self.requests.session(line, at)) {
            self.events.see(line, at, number);
        }
    }

    /// A line of a call: that it is about to be made, or how it ended.
    fn call(&mut self, line: &Line, at: OffsetDateTime, lane: Lane) {
        let ended = if line.is("tsmgate.phase", "intent") {
            match lane {
                Lane::Login => self.totals.intents += 1,
                Lane::Api => self.requests.intent(),
            }
            self.calls.begin(line, lane)
        } else {
            let granted = line.is("event.outcome", "success");
            let counts = if granted { Counts::GRANTED } else { Counts::FAILED };
            self.calls.end(line, Ended::of(line, at, lane, counts))
        };
        self.count(ended);
    }

    /// What they add up to.
    pub(super) fn end(mut self) -> Figures {
        for ended in std::mem::take(&mut self.calls).rest() {
            self.count(Some(ended));
        }
        let whole = self.known.clone();
        let strangers = self.strangers.within(&whole);
        let requested = self.requested.within(&whole);
        let slots = self.known.within(&whole).into_iter().zip(requested).zip(strangers);
        let slot = |(((at, clients), (_, requests)), (_, strangers)): ((_, (_, Counts)), _)| Slot {
            from: moment(at),
            clients,
            requests: requests.into(),
            strangers_refused: Counts::sum(&strangers),
        };
        let over_time = OverTime { slot_seconds: whole.width(), slots: slots.map(slot).collect() };
        let (requests, session) = self.requests.end();
        let (clients, other_clients) = self.clients.into_rows();
        let mut clients: Vec<_> = clients
            .into_iter()
            .map(|(name, sums)| Client {
                name,
                counts: sums.counts,
                last_granted: sums.last_granted.map(Moment),
                slots: sums.timeline.within(&whole).into_iter().map(|(_, counts)| counts).collect(),
            })
            .collect();
        clients.sort_by_key(|client| Reverse(client.counts.sum()));
        let (reasons, other_reasons) = self.reasons.into_rows();
        let mut reasons: Vec<_> =
            reasons.into_iter().map(|(code, counts)| reason(code, counts)).collect();
        reasons.sort_by_key(|reason| Reverse(reason.counts.sum()));
        let (networks, other_networks) = self.networks.into_rows();
        let network = |(network, counts)| Network { network, counts };
        let mut networks: Vec<_> = networks.into_iter().map(network).collect();
        networks.sort_by_key(|network| Reverse(network.counts.sum()));
        let (event_counts, events) = self.events.end();
        let mut totals = self.totals;
        let outcomes = totals.clients.granted.saturating_add(totals.clients.failed);
        totals.without_outcome = totals.intents.saturating_sub(outcomes);
        Figures {
            period: Period {
                since: self.since.map(Moment),
                first: self.range.map(|(first, _)| Moment(first)),
                last: self.range.map(|(_, last)| Moment(last)),
            },
            totals,
            clients,
            other_clients: other_clients.map(|sums| sums.counts),
            requests,
            session,
            over_time,
            reasons,
            other_reasons,
            networks,
            other_networks,
            first_seen: self.callers.first_seen(self.since),
            callers_beyond: self.callers.beyond,
            certificates: self.callers.certificates(self.since, self.now),
            event_counts,
            events,
        }
    }

    /// A call that ended, or refusals; nothing where its last word is not said yet.
    fn count(&mut self, ended: Option<Ended>) {
        let Some(ended) = ended else { return };
        let Ended { at, counts, .. } = ended;
        let second = at.unix_timestamp();
        match ended.client {
            _ if ended.lane == Lane::Api => {
                self.requests.add(&ended);
                self.requested.add(second, counts);
            }
            Some(name) => {
                let client = self.clients.row(name);
                client.counts.add(counts);
                client.timeline.add(second, counts);
                if counts.granted > 0 {
                    client.last_granted = client.last_granted.max(Some(at));
                }
                self.totals.clients.add(counts);
                self.known.add(second, counts);
            }
            None if counts.refused > 0 => {
                let strangers = &mut self.totals.strangers_refused;
                *strangers = strangers.saturating_add(counts.refused);
                self.strangers.add(second, counts);
            }
            // a call of nobody's is none of ours, and still counts
            None => {
                self.totals.clients.add(counts);
                self.known.add(second, counts);
            }
        }
        if counts.not_granted() > 0 {
            let code = ended.reason.unwrap_or_else(|| "not recorded".to_owned());
            self.reasons.row(code).add(counts);
            self.networks.row(ended.network).add(counts);
        }
    }
}

fn reason(code: String, counts: Counts) -> Reason {
    let explained = GateReason::EXPLAINED.iter().find(|known| known.code == code);
    let (meaning, party) = match explained {
        Some(Explained { meaning, party, .. }) => (*meaning, Some(party.name())),
        None if code == BEYOND_THE_LIMIT.0 => (BEYOND_THE_LIMIT.1, None),
        None => ("Not known to this version.", None),
    };
    Reason { code, meaning, party, counts }
}

fn moment(second: i64) -> Moment {
    Moment(OffsetDateTime::from_unix_timestamp(second).unwrap_or(OffsetDateTime::UNIX_EPOCH))
}
