//! The two records of a call, and the certainty that there are two.
//!
//! An entry that is dropped before it was closed files its outcome as aborted: a panic, a cut
//! connection or the end of the daemon leave no intent without one.

use std::sync::Arc;

use tokio::time::Instant;
use tsmgate_gate::permit::Permit;
use tsmgate_gate::reason::Reason;
use tsmgate_wire::Login;

use crate::audit::record::{Outcome, Record};
use crate::audit::{Audit, Unwritten};

/// A call whose intent is on record.
#[derive(Debug)]
pub(super) struct Entry {
    audit: Arc<Audit>,
    /// The connection's fields; `None` once the outcome is filed.
    about: Option<Record>,
    begun: Instant,
}

impl Entry {
    /// Records that a permitted call is about to be made.
    ///
    /// # Errors
    /// [`Reason::AuditUnavailable`]: it must not be.
    pub(super) async fn open(
        audit: &Arc<Audit>,
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
        let mut entry =
            Self { audit: Arc::clone(audit), about: Some(about), begun: Instant::now() };
        match audit.write(intent).await {
            Ok(()) => Ok(entry),
            // an intent that may come late gets its outcome, as any other
            Err(Unwritten::Perhaps) => Err(Reason::AuditUnavailable),
            Err(Unwritten::Surely) => {
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
                Record::new("login", Outcome::Success)
                    .text("tsmgate.tsm.username", &login.username)
                    .text("tsmgate.cookie.fingerprint", &self.audit.fingerprint(cookie.value()))
                    .number("tsmgate.cookie.max_age", cookie.max_age().into())
            }
            Err(reason) => Record::refusal("login", *reason),
        };
        let about = self.about.clone();
        let Some(record) = self.outcome(outcome) else { return Ok(()) };
        let Err(_) = self.audit.write(record).await else { return Ok(()) };
        // the result is withheld: that is how the call ended, as soon as it can be written
        self.about = about;
        let reason = Reason::AuditUnavailable;
        if let Some(record) = self.outcome(Record::refusal("login", reason)) {
            self.audit.note(record);
        }
        Err(reason)
    }

    /// The outcome's record, once.
    fn outcome(&mut self, outcome: Record) -> Option<Record> {
        let about = self.about.take()?;
        let outcome = outcome.text("tsmgate.phase", "outcome").duration(self.begun.elapsed());
        Some(outcome.append(&about))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(record) = self.outcome(Record::refusal("login", Reason::CallAborted)) {
            self.audit.note(record);
        }
    }
}
