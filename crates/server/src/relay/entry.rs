//! The two records of a call, and the certainty that there are two.
//!
//! An entry that is dropped before it was closed files its outcome as aborted, and counts it so: a
//! panic, a cut connection or the end of the daemon leave no intent without one.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tsmgate_gate::permit::Permit;
use tsmgate_gate::reason::Reason;

use crate::audit::record::{Outcome, Record};
use crate::audit::{Unwritten, Written};
use crate::house::House;

/// What kind of call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// A raw cookie.
    Login,
    /// A request of this operation.
    Request(&'static str),
    /// A command that is to be run.
    Command,
}

impl Call {
    /// The action in the records.
    fn action(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Request(_) => "request",
            Self::Command => "command",
        }
    }

    /// Counts how one of `client` ended.
    pub(super) fn count(self, house: &House, client: &str, outcome: Result<(), Reason>) {
        match self {
            Self::Login => house.metrics.login(client, outcome),
            Self::Request(operation) => house.metrics.request(client, operation, outcome),
            Self::Command => house.metrics.request(client, "command", outcome),
        }
    }

    /// The beginning of an outcome's record.
    fn ended(self, outcome: Result<(), Reason>) -> Record {
        match outcome {
            Ok(()) => Record::new(self.action(), Outcome::Success),
            Err(reason) => Record::refusal(self.action(), reason),
        }
    }
}

/// How far a call is on record. The connection's fields are in each of its records.
#[derive(Debug)]
enum State {
    /// Not at all, nor may be the record that its connection is open.
    New { about: Record, opening: Option<Record> },
    /// Its intent was handed over.
    Open(Record),
    /// Its outcome was handed over and its result is withheld, or there will be none.
    Over,
    /// Its outcome is on file: its result may leave.
    Closed,
}

/// A call and its records. Whoever shares it may end it from where he is, at any moment: what was said of the
/// call is followed by what became of it.
#[derive(Debug)]
pub(super) struct Entry<H: Deref<Target = House>> {
    house: H,
    /// Whose call it is.
    client: String,
    call: Call,
    state: Mutex<State>,
    begun: Instant,
}

impl<H: Deref<Target = House>> Entry<H> {
    /// A permitted call of `client` that is about to be made; nothing is recorded yet. What `about` says will
    /// stand in both records; `opening` comes before them, whatever becomes of the call.
    pub(super) fn new(
        house: H,
        client: &str,
        call: Call,
        (about, opening): (&Record, Option<Record>),
        permit: &Permit,
    ) -> Self {
        let about = Record::empty()
            .text("tsmgate.permission", permit.permission().name())
            .text("tsmgate.role", permit.role())
            .append(about);
        let state = Mutex::new(State::New { about, opening });
        Self { house, client: client.to_owned(), call, state, begun: Instant::now() }
    }

    /// The same, with its intent on record.
    ///
    /// # Errors
    /// As [`Entry::begin`].
    pub(super) async fn open(
        house: H,
        client: &str,
        call: Call,
        about: &Record,
        permit: &Permit,
    ) -> Result<Self, Reason> {
        let entry = Self::new(house, client, call, (about, None), permit);
        entry.begin().await?;
        Ok(entry)
    }

    /// Records that the call is about to be made.
    ///
    /// # Errors
    /// [`Reason::AuditUnavailable`]: it must not be.
    pub(super) async fn begin(&self) -> Result<(), Reason> {
        let intent = self.hand_over_intent().ok_or(Reason::AuditUnavailable)?;
        intent.on_file().await.map_err(|unwritten| {
            // an intent that may come late gets its outcome, as any other
            let about = self.end(State::Over).filter(|_| unwritten == Unwritten::Perhaps);
            if let Some(about) = about {
                let outcome = self.call.ended(Err(Reason::CallAborted));
                self.house.audit.note(self.outcome(outcome, &about));
            }
            Reason::AuditUnavailable
        })
    }

    /// None where it was not taken, or the call was aborted before.
    fn hand_over_intent(&self) -> Option<Written> {
        let mut state = self.state();
        let State::New { about, opening } = std::mem::replace(&mut *state, State::Over) else {
            return None;
        };
        opening.into_iter().for_each(|opening| self.house.audit.note(opening));
        let intent = Record::new(self.call.action(), Outcome::Unknown);
        let intent = intent.text("tsmgate.phase", "intent").append(&about);
        let intent = self.house.audit.hand_over(intent).ok()?;
        *state = State::Open(about);
        Some(intent)
    }

    /// Records how the call ended, with what there is `more` to say, and counts it so.
    ///
    /// # Errors
    /// [`Reason::AuditUnavailable`]: its result must not leave. That is how it ended then.
    pub(super) async fn close(
        &self,
        outcome: Result<(), Reason>,
        more: &Record,
    ) -> Result<(), Reason> {
        let aborted = Err(Reason::CallAborted);
        let Some(handed) = self.hand_over_outcome(self.call.ended(outcome).append(more)) else {
            return aborted;
        };
        // open until that is on file: where the call is cut meanwhile its result does not leave, and
        // what was said of it is followed by what became of it
        let written = async { handed?.on_file().await };
        let closed = written.await.map_err(|_| Reason::AuditUnavailable);
        let end = if closed.is_ok() { State::Closed } else { State::Over };
        let Some(about) = self.end(end) else { return aborted };
        if let Err(reason) = closed {
            // the result is withheld: that is how the call ended, as soon as it can be written
            self.house.audit.note(self.outcome(self.call.ended(Err(reason)), &about));
        }
        self.call.count(&self.house, &self.client, closed.and(outcome));
        closed
    }

    /// Ends a call that is not closed: there is nobody who waits for it. What was said of it is followed by
    /// what became of it; of one that was not begun nothing is said.
    pub(super) fn abort(&self) {
        let aborted = Err(Reason::CallAborted);
        let mut state = self.state();
        let last = match std::mem::replace(&mut *state, State::Over) {
            State::New { opening, .. } => opening,
            State::Open(about) => Some(self.outcome(self.call.ended(aborted), &about)),
            before @ (State::Over | State::Closed) => {
                *state = before;
                return;
            }
        };
        drop(state);
        last.into_iter().for_each(|last| self.house.audit.note(last));
        self.call.count(&self.house, &self.client, aborted);
    }

    /// Whether its outcome is on file, so that its result may leave, or has left. One that was aborted before
    /// never comes to that.
    pub(super) fn is_closed(&self) -> bool {
        matches!(*self.state(), State::Closed)
    }

    /// None where there is no intent that has no outcome yet.
    fn hand_over_outcome(&self, outcome: Record) -> Option<Result<Written, Unwritten>> {
        // held until it is handed over: an abort comes before, and there is none, or behind it
        let state = self.state();
        let State::Open(about) = &*state else { return None };
        Some(self.house.audit.hand_over(self.outcome(outcome, about)))
    }

    fn outcome(&self, outcome: Record, about: &Record) -> Record {
        outcome.text("tsmgate.phase", "outcome").duration(self.begun.elapsed()).append(about)
    }

    /// Nothing is recorded from here on, for that is how it `end`ed; what is known of the call, where something
    /// would have been.
    fn end(&self, end: State) -> Option<Record> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, end) {
            State::Open(about) => Some(about),
            before => {
                *state = before;
                None
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H: Deref<Target = House>> Drop for Entry<H> {
    fn drop(&mut self) {
        self.abort();
    }
}
