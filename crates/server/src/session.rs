//! The gate's own session at TSM: one for all callers, and nobody's to see.
//!
//! It is taken through the login socket when the first request needs it, by one caller while all others
//! wait; it is given up before TSM would end it, when TSM does not accept it, at a reload, and at the end.
//! Each taking and each end is on record.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use tsmgate_gate::clock::Clock;
use tsmgate_gate::permit::Permit;
use tsmgate_gate::rate::{Bucket, Rate};
use tsmgate_gate::reason::Reason;
use tsmgate_wire::{Cookie, Login};

use crate::audit::record::{Outcome, Record};
use crate::house::{House, Snapshot};
use crate::metrics::Side;
use crate::relay::http::withhold::Withhold;

/// How much of its life a session is used for, in tenths.
const TENTHS: u32 = 9;
/// The shortest value of a cookie that is taken: in less nothing could be known as a part of it. A real one
/// has some hundred bytes.
const SHORTEST: usize = 32;
/// How often a session is taken, a minute and at once: a TSM that accepts none of them is not asked for
/// ever new ones.
const TAKINGS: (u32, u32) = (30, 10);

/// The session, where there is one.
#[derive(Debug)]
pub struct Session {
    held: RwLock<Option<Arc<Held>>>,
    /// Held while one is being taken: when the last try ended, and why it failed.
    taking: Mutex<Option<(Instant, Reason)>>,
    takings: Bucket,
}

/// A session that TSM gave.
#[derive(Debug)]
pub(crate) struct Held {
    /// What to send.
    pub(crate) cookie: Cookie,
    /// What must not leave.
    pub(crate) withhold: Withhold,
    since: Instant,
    until: Instant,
}

impl Session {
    /// None yet.
    pub(crate) fn new(clock: &Clock) -> Self {
        let (per_minute, burst) = TAKINGS;
        let rate = Rate::new(per_minute, burst).expect("constants above, not zero");
        Self {
            held: RwLock::default(),
            taking: Mutex::default(),
            takings: Bucket::new(rate, clock),
        }
    }

    /// The session that there is, or a new one.
    ///
    /// # Errors
    /// Why TSM gave none, or [`Reason::AuditUnavailable`]: one that cannot be recorded is not used. Who
    /// waited while another tried shares the outcome.
    pub(crate) async fn hold(
        &self,
        house: &House,
        snapshot: &Snapshot,
        permit: &Permit,
    ) -> Result<Arc<Held>, Reason> {
        if let Some(held) = self.good() {
            return Ok(held);
        }
        let asked = Instant::now();
        let mut failed = self.taking.lock().await;
        if let Some(held) = self.good() {
            return Ok(held);
        }
        if let Some((ended, reason)) = *failed
            && ended > asked
        {
            return Err(reason);
        }
        let taken = self.take_one(house, snapshot, permit).await;
        *failed = taken.as_ref().err().map(|reason| (Instant::now(), *reason));
        taken
    }

    /// TSM does not accept this one: nobody uses it any more.
    pub(crate) fn refused(&self, house: &House, refused: &Arc<Held>) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.take_if(|held| Arc::ptr_eq(held, refused)).is_some() {
            house.audit.note(about(house, "refused", Outcome::Failure, &refused.cookie));
        }
    }

    /// Gives the session up: from here on nobody uses it. Whoever takes it out is to [`end`] it.
    pub(crate) fn give_up(&self) -> Option<Arc<Held>> {
        self.held.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Since when the session that there is has been held, and until when it will be used.
    pub(crate) fn since(&self) -> Option<(Instant, Instant)> {
        self.good().map(|held| (held.since, held.until))
    }

    fn good(&self) -> Option<Arc<Held>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|held| Instant::now() < held.until).cloned()
    }

    async fn take_one(
        &self,
        house: &House,
        snapshot: &Snapshot,
        permit: &Permit,
    ) -> Result<Arc<Held>, Reason> {
        self.takings.take().map_err(|_| Reason::BackendSessionRefused)?;
        let config = &snapshot.config;
        let asked = Instant::now();
        let login = house.backend.session(&config.tsm, config.login.call, permit).await;
        let outcome = login.as_ref().map(drop).map_err(|reason| *reason);
        house.metrics.asked_tsm(Side::Login, asked.elapsed(), outcome);
        let Login { username, cookie } = login.inspect_err(|reason| {
            house.audit.note(Record::refusal("session", *reason).text("tsmgate.session", "taken"));
        })?;
        if cookie.value().expose().len() < SHORTEST {
            return Err(Reason::BackendGarbage);
        }
        let withhold = Withhold::of(cookie.value()).map_err(|_| Reason::BackendGarbage)?;
        let record = about(house, "taken", Outcome::Success, &cookie)
            .text("tsmgate.tsm.username", &username)
            .number("tsmgate.cookie.max_age", cookie.max_age().into());
        house.audit.write(record).await.map_err(|_| Reason::AuditUnavailable)?;
        let life = Duration::from_secs(cookie.max_age().into()) * TENTHS / 10;
        let held = Arc::new(Held { cookie, withhold, since: asked, until: asked + life });
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&held));
        Ok(held)
    }
}

/// Tells TSM that a session is not needed any more, as far as it can be told; `snapshot` knows where it is.
pub(crate) async fn end(house: &House, snapshot: &Snapshot, held: &Held) {
    let outcome = match house.api.end_own(snapshot, &held.cookie).await {
        Ok(status) if status.is_success() => Outcome::Success,
        _ => Outcome::Failure,
    };
    house.audit.note(about(house, "ended", outcome, &held.cookie));
}

/// What became of the session, in `tsmgate.session`.
fn about(house: &House, what: &str, outcome: Outcome, cookie: &Cookie) -> Record {
    Record::new("session", outcome)
        .text("tsmgate.session", what)
        .text("tsmgate.cookie.fingerprint", &house.audit.fingerprint(cookie.value()))
}
