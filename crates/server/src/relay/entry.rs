//! The two records of a call, and the certainty that there are two.
//!
//! An entry that is dropped before it was closed files its outcome as aborted, and counts it so: a
//! panic, a cut connection or the end of the daemon leave no intent without one.

use tokio::time::Instant;
use tsmgate_gate::permit::Permit;
use tsmgate_gate::reason::Reason;

use crate::audit::Unwritten;
use crate::audit::record::{Outcome, Record};
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

/// A call whose intent is on record.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    house: &'a House,
    /// Whose call it is.
    client: &'a str,
    call: Call,
    /// The connection's fields; `None` once the outcome is on file.
    about: Option<Record>,
    begun: Instant,
}

impl<'a> Entry<'a> {
    /// Records that a permitted call of `client` is about to be made. What `about` says stands in both
    /// records.
    ///
    /// # Errors
    /// [`Reason::AuditUnavailable`]: it must not be.
    pub(super) async fn open(
        house: &'a House,
        client: &'a str,
        call: Call,
        about: &Record,
        permit: &Permit,
    ) -> Result<Self, Reason> {
        let about = Record::empty()
            .text("tsmgate.permission", permit.permission().name())
            .text("tsmgate.role", permit.role())
            .append(about);
        let intent = Record::new(call.action(), Outcome::Unknown).text("tsmgate.phase", "intent");
        let intent = intent.append(&about);
        // made first: where the daemon ends while the intent is on its way to the file, so is this
        let mut entry = Self { house, client, call, about: Some(about), begun: Instant::now() };
        match house.audit.write(intent).await {
            Ok(()) => Ok(entry),
            Err(unwritten) => {
                // an intent that may come late gets its outcome, as any other
                if unwritten == Unwritten::Perhaps {
                    entry.file(call.ended(Err(Reason::CallAborted)));
                }
                entry.about = None;
                Err(Reason::AuditUnavailable)
            }
        }
    }

    /// Records how the call ended, with what there is `more` to say, and counts it so.
    ///
    /// # Errors
    /// [`Reason::AuditUnavailable`]: its result must not leave. That is how it ended then.
    pub(super) async fn close(
        mut self,
        outcome: Result<(), Reason>,
        more: &Record,
    ) -> Result<(), Reason> {
        let Some(record) = self.outcome(self.call.ended(outcome).append(more)) else {
            return Ok(());
        };
        // open until that is on file: where the call is cut meanwhile its result does not leave, and
        // what was said of it is followed by what became of it
        let written = self.house.audit.write(record).await;
        let closed = written.map_err(|_| {
            // the result is withheld: that is how the call ended, as soon as it can be written
            let reason = Reason::AuditUnavailable;
            self.file(self.call.ended(Err(reason)));
            reason
        });
        self.about = None;
        self.call.count(self.house, self.client, closed.and(outcome));
        closed
    }

    /// Hands an outcome over without waiting.
    fn file(&self, outcome: Record) {
        if let Some(record) = self.outcome(outcome) {
            self.house.audit.note(record);
        }
    }

    /// The outcome's record; none once one is on file.
    fn outcome(&self, outcome: Record) -> Option<Record> {
        let about = self.about.as_ref()?;
        let outcome = outcome.text("tsmgate.phase", "outcome").duration(self.begun.elapsed());
        Some(outcome.append(about))
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if self.about.is_some() {
            self.file(self.call.ended(Err(Reason::CallAborted)));
            self.call.count(self.house, self.client, Err(Reason::CallAborted));
        }
    }
}
