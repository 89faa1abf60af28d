//! Requests of the api lane by client and by operation, who read secrets in clear, and the gate's own
//! session at TSM.

use std::cmp::Reverse;

use time::OffsetDateTime;

use super::calls::Ended;
use super::capped::Capped;
use super::figures::{
    Counts, InClear, Moment, Requester, Requests, RequestsDone, RequestsOf, SessionUse,
};
use super::line::Line;

/// Rows of each table; what is beyond is one row.
const CLIENTS: usize = 256;
const OPERATIONS: usize = 128;
const IN_CLEAR: usize = 512;
/// The operation of requests that are recorded without one.
const NO_OPERATION: &str = "none";
/// Whose a request is that is recorded without a client.
const NOBODY: &str = "nobody";

/// The sums so far.
#[derive(Debug)]
pub(super) struct RequestSums {
    intents: u64,
    totals: Counts,
    clients: Capped<Row>,
    operations: Capped<Row>,
    in_clear: Capped<Row, (String, String)>,
    session: SessionUse,
}

#[derive(Debug, Default)]
struct Row {
    counts: Counts,
    in_clear: u64,
    last: Option<OffsetDateTime>,
}

impl Row {
    fn add(&mut self, counts: Counts, in_clear: u64, at: OffsetDateTime) {
        self.counts.add(counts);
        self.in_clear = self.in_clear.saturating_add(in_clear);
        self.last = self.last.max(Some(at));
    }
}

impl Default for RequestSums {
    fn default() -> Self {
        Self {
            intents: 0,
            totals: Counts::default(),
            clients: Capped::new(CLIENTS),
            operations: Capped::new(OPERATIONS),
            in_clear: Capped::new(IN_CLEAR),
            session: SessionUse::default(),
        }
    }
}

impl RequestSums {
    /// A request was about to be passed on.
    pub(super) fn intent(&mut self) {
        self.intents += 1;
    }

    /// Takes one that ended, or refusals.
    pub(super) fn add(&mut self, ended: &Ended) {
        let Ended { at, counts, secrets, .. } = *ended;
        let client = ended.client.clone().unwrap_or_else(|| NOBODY.to_owned());
        let operation = ended.operation.clone().unwrap_or_else(|| NO_OPERATION.to_owned());
        let in_clear = u64::from(secrets);
        self.totals.add(counts);
        self.operations.row(operation.clone()).add(counts, in_clear, at);
        self.clients.row(client.clone()).add(counts, in_clear, at);
        if secrets {
            self.in_clear.row((client, operation)).add(counts, in_clear, at);
        }
    }

    /// Takes a record of the gate's own session; `false` where this version does not know what it says.
    pub(super) fn session(&mut self, line: &Line, at: OffsetDateTime) -> bool {
        let good = line.is("event.outcome", "success");
        let session = &mut self.session;
        let count = match line.text("tsmgate.session").as_deref() {
            Some("taken") if good => {
                session.last_taken = session.last_taken.max(Some(Moment(at)));
                &mut session.taken
            }
            Some("taken") => &mut session.not_given,
            Some("refused") => &mut session.refused,
            Some("ended") if good => &mut session.ended,
            Some("ended") => &mut session.not_ended,
            _ => return false,
        };
        *count += 1;
        true
    }

    /// What they add up to.
    pub(super) fn end(self) -> (Requests, SessionUse) {
        let (clients, other_clients) = self.clients.into_rows();
        let client = |(name, row): (String, Row)| Requester {
            name,
            counts: row.counts.into(),
            secrets_in_clear: row.in_clear,
            last: row.last.map(Moment),
        };
        let mut clients: Vec<_> = clients.into_iter().map(client).collect();
        clients.sort_by_key(|client| Reverse(client.counts.sum()));
        let (operations, other_operations) = self.operations.into_rows();
        let operation = |(name, row): (String, Row)| RequestsOf {
            name,
            counts: row.counts.into(),
            last: row.last.map(Moment),
        };
        let mut operations: Vec<_> = operations.into_iter().map(operation).collect();
        operations.sort_by_key(|operation| Reverse(operation.counts.sum()));
        let (in_clear, other_in_clear) = self.in_clear.into_rows();
        let read = |((client, operation), row): ((String, String), Row)| InClear {
            client,
            operation,
            count: row.in_clear,
            last: row.last.map(Moment),
        };
        let mut in_clear: Vec<_> = in_clear.into_iter().map(read).collect();
        in_clear.sort_by_key(|read| Reverse(read.count));
        let outcomes = self.totals.granted.saturating_add(self.totals.failed);
        let requests = Requests {
            intents: self.intents,
            without_outcome: self.intents.saturating_sub(outcomes),
            totals: self.totals.into(),
            clients,
            other_clients: other_clients.map(|row| row.counts.into()),
            operations,
            other_operations: other_operations.map(|row| RequestsDone::from(row.counts)),
            secrets_in_clear: in_clear,
            other_secrets_in_clear: other_in_clear.map_or(0, |row| row.in_clear),
        };
        (requests, self.session)
    }
}
