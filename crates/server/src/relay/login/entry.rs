//! The two records of a call, and the certainty that there are two.
//!
//! An entry that is dropped before it was closed files its outcome as aborted, and counts it so: a
//! panic, a cut connection or the end of the daemon leave no intent without one.

use tokio::time::Instant;
use tsmgate_gate::permit::Permit;
use tsmgate_gate::reason::Reason;
use tsmgate_wire::Login;

use crate::audit::Unwritten;
use crate::audit::record::{Outcome, Record};
use crate::house::House;

/// A call whose intent is on record.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    house: &'a House,
    /// Whose call it is.
    client: &'a str,
    /// The connection's fields; `None` once the outcome is on file.
    about: Option<Record>,
    begun: Instant,
}

impl<'a> Entry<'a> {
    /// Records that a permitted call of `client` is about to be made.
    ///
    /// # Errors
    /// [`Reason::AuditUnavailable`]: it must not be.
    pub(super) async fn open(
        house: &'a House,
        client: &'a str,
        about: &Record,
        permit: &Permit,
    ) -> Result<Self, Reason> {
        let about = Record::empty()
            .text("tsmgate.permission", permit.permission().name())
            .text("tsmgate.role", permit.role())
            .append(about);
        let intent = Record::new("login", Outcome::Unknown).text("tsmgate.phase", "intent");
        let intent = intent.append(&about);
        // made first: where the daemon ends while the intent is on its way to the file, so is this
        let mut entry = Self { house, client, about: Some(about), begun: Instant::now() };
        match house.audit.write(intent).await {
            Ok(()) => Ok(entry),
            Err(unwritten) => {
                // an intent that may come late gets its outcome, as any other
                if unwritten == Unwritten::Perhaps {
                    entry.file(Record::refusal("login", Reason::CallAborted));
                }
                entry.about = None;
                Err(Reason::AuditUnavailable)
            }
        }
    }

    /// Records how the call ended.
    ///
    /// # Errors
    /// [`Reason::AuditUnavailable`]: its result must not leave.
    pub(super) async fn close(mut self, answer: &Result<Login, Reason>) -> Result<(), Reason> {
        let outcome = match answer {
            Ok(login) => {
                let cookie = &login.cookie;
                let fingerprint = self.house.audit.fingerprint(cookie.value());
                Record::new("login", Outcome::Success)
                    .text("tsmgate.tsm.username", &login.username)
                    .text("tsmgate.cookie.fingerprint", &fingerprint)
                    .number("tsmgate.cookie.max_age", cookie.max_age().into())
            }
            Err(reason) => Record::refusal("login", *reason),
        };
        let Some(record) = self.outcome(outcome) else { return Ok(()) };
        // open until that is on file: where the call is cut meanwhile its result does not leave, and
        // what was said of it is followed by what became of it
        let written = self.house.audit.write(record).await;
        let closed = written.map_err(|_| {
            // the result is withheld: that is how the call ended, as soon as it can be written
            let reason = Reason::AuditUnavailable;
            self.file(Record::refusal("login", reason));
            reason
        });
        self.about = None;
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
            self.file(Record::refusal("login", Reason::CallAborted));
            self.house.metrics.login(self.client, Err(Reason::CallAborted));
        }
    }
}
