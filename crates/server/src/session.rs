//! The gate's own session at TSM: one for all callers, and nobody's to see.
//!
//! It is taken through the login socket when the first request needs it, by one caller while all others
//! wait; it is given up before TSM would end it, when TSM does not accept it, at a reload, and at the end.
//! Each taking and each end is on record.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};
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
/// For so long a request that TSM refused under a fresh session is refused for its own sake, not the session's.
const DOUBT: Duration = Duration::from_secs(10);
/// How often a session is taken, a minute and at once: a TSM that accepts none of them is not asked for
/// ever new ones.
const TAKINGS: (u32, u32) = (30, 10);

/// The session, where there is one.
#[derive(Debug)]
pub struct Session {
    place: Lock<Place>,
    /// Held while one is being taken: when the last try ended, and why it failed.
    taking: Mutex<Option<(Instant, Reason)>>,
    takings: Bucket,
    /// Whether the next taking is counted already, by the refusal that makes it necessary.
    counted: AtomicBool,
    /// Held while one is being ended: who comes then waits until that is done.
    ending: Mutex<()>,
    /// The operations that TSM refused under a fresh session, and when: as many as the catalogue has.
    doubted: Lock<HashMap<&'static str, Instant>>,
}

/// Where the session is kept.
#[derive(Debug, Default)]
struct Place {
    held: Option<Arc<Held>>,
    /// One that TSM gave and that is not on record yet: nobody uses it before.
    granted: Option<Arc<Held>>,
    /// How often it was given up. One that was asked for before that is not put here after it.
    given_up: u64,
}

/// A session that TSM gave.
#[derive(Debug)]
pub(crate) struct Held {
    /// What to send.
    pub(crate) cookie: Cookie,
    /// Whose TSM says it is.
    username: String,
    /// What must not leave.
    pub(crate) withhold: Withhold,
    /// Under what it was got: it is sent to that TSM and to no other.
    pub(crate) snapshot: Arc<Snapshot>,
    since: Instant,
    until: Instant,
}

impl Session {
    /// None yet.
    pub(crate) fn new(clock: &Clock) -> Self {
        let (per_minute, burst) = TAKINGS;
        let rate = Rate::new(per_minute, burst).expect("constants above, not zero");
        Self {
            place: Lock::default(),
            taking: Mutex::default(),
            takings: Bucket::new(rate, clock),
            counted: AtomicBool::new(false),
            ending: Mutex::default(),
            doubted: Lock::default(),
        }
    }

    /// The session that there is, or a new one.
    ///
    /// # Errors
    /// Why TSM gave none, or [`Reason::AuditUnavailable`]: one that cannot be recorded is not used. Who
    /// waited while another tried shares the outcome.
    pub(crate) async fn hold(&self, house: &House, permit: &Permit) -> Result<Arc<Held>, Reason> {
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
        let before = failed.map(|(_, reason)| reason);
        let taken = self.take_one(house, permit, before).await;
        *failed = taken.as_ref().err().map(|reason| (Instant::now(), *reason));
        taken
    }

    /// TSM does not accept this one: nobody uses it any more. Where no other could be taken just now it
    /// stays, for what TSM refuses may be the one request alone. Tells whether it is gone.
    pub(crate) fn refused(&self, house: &House, refused: &Arc<Held>) -> bool {
        let mut place = self.place();
        if !place.held.as_ref().is_some_and(|held| Arc::ptr_eq(held, refused)) {
            return true;
        }
        if self.takings.take().is_err() {
            return false;
        }
        self.counted.store(true, Ordering::Relaxed);
        place.held = None;
        house.audit.note(about(house, "refused", Outcome::Failure, &refused.cookie));
        true
    }

    /// TSM refused this operation under a session that it had just given.
    pub(crate) fn doubt(&self, operation: &'static str) {
        let mut doubted = self.doubted.lock().unwrap_or_else(PoisonError::into_inner);
        doubted.insert(operation, Instant::now());
    }

    /// Whether a refusal of this operation says nothing of the session.
    pub(crate) fn is_doubted(&self, operation: &'static str) -> bool {
        let doubted = self.doubted.lock().unwrap_or_else(PoisonError::into_inner);
        doubted.get(operation).is_some_and(|since| since.elapsed() < DOUBT)
    }

    /// Since when the session that there is has been held, and until when it will be used.
    pub(crate) fn since(&self) -> Option<(Instant, Instant)> {
        self.good().map(|held| (held.since, held.until))
    }

    fn good(&self) -> Option<Arc<Held>> {
        self.place().held.as_ref().filter(|held| Instant::now() < held.until).cloned()
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that is to be ended: from here on nobody uses it.
    fn clear(&self) -> [Option<Arc<Held>>; 2] {
        let mut place = self.place();
        place.given_up += 1;
        [place.held.take(), place.granted.take()]
    }

    /// Where nothing was given up since that was counted: from here on everybody uses this one. What it
    /// takes the place of is given back; an error says that it is not wanted any more.
    fn put(&self, held: &Arc<Held>, given_up: u64) -> Result<Option<Arc<Held>>, ()> {
        let mut place = self.place();
        if place.given_up != given_up {
            return Err(());
        }
        place.granted = None;
        Ok(place.held.replace(Arc::clone(held)))
    }

    /// `before`: why the last try failed, where it did.
    async fn take_one(
        &self,
        house: &House,
        permit: &Permit,
        before: Option<Reason>,
    ) -> Result<Arc<Held>, Reason> {
        loop {
            let (given_up, granted) = {
                let place = self.place();
                let good = |held: &Arc<Held>| Instant::now() < held.until;
                (place.given_up, place.granted.clone().filter(good))
            };
            let held = match granted {
                // who was to have it was cut before it was on record
                Some(held) => held,
                None => {
                    let counted = self.counted.swap(false, Ordering::Relaxed);
                    if !counted && self.takings.take().is_err() {
                        return Err(before.unwrap_or(Reason::BackendSessionRefused));
                    }
                    self.ask_for_one(house, permit, given_up).await?
                }
            };
            let record = about(house, "taken", Outcome::Success, &held.cookie)
                .text("tsmgate.tsm.username", &held.username)
                .number("tsmgate.cookie.max_age", held.cookie.max_age().into());
            if house.audit.write(record).await.is_err() {
                give_up(house).await;
                return Err(Reason::AuditUnavailable);
            }
            match self.put(&held, given_up) {
                Ok(None) => return Ok(held),
                Ok(Some(former)) => {
                    end(house, &former).await;
                    return Ok(held);
                }
                // read anew meanwhile: this one belongs to what there was before
                Err(()) => end(house, &held).await,
            }
        }
    }

    /// Asks TSM for one. From the moment it is there on it is known, whatever becomes of the caller.
    async fn ask_for_one(
        &self,
        house: &House,
        permit: &Permit,
        given_up: u64,
    ) -> Result<Arc<Held>, Reason> {
        let snapshot = house.snapshot();
        let config = &snapshot.config;
        let asked = Instant::now();
        let login = house.backend.session(&config.tsm, config.login.call, permit).await;
        let outcome = login.as_ref().map(drop).map_err(|reason| *reason);
        house.metrics.asked_tsm(Side::Login, asked.elapsed(), outcome);
        let Login { username, cookie } = login.inspect_err(|reason| {
            house.audit.note(Record::refusal("session", *reason).text("tsmgate.session", "taken"));
        })?;
        let short = cookie.value().expose().len() < SHORTEST;
        let withhold = Withhold::of(cookie.value()).map_err(|_| Reason::BackendGarbage)?;
        let life = Duration::from_secs(cookie.max_age().into()) * TENTHS / 10;
        let until = asked + life;
        let held = Arc::new(Held { cookie, username, withhold, snapshot, since: asked, until });
        if short {
            end(house, &held).await;
            return Err(Reason::BackendGarbage);
        }
        let mut place = self.place();
        if place.given_up == given_up {
            place.granted = Some(Arc::clone(&held));
        }
        drop(place);
        Ok(held)
    }
}

/// Gives the gate's session up, and ends it at TSM as far as that can be reached.
pub(crate) async fn give_up(house: &House) {
    let _ending = house.session.ending.lock().await;
    for held in house.session.clear().into_iter().flatten() {
        end(house, &held).await;
    }
}

/// Tells TSM that a session is not needed any more.
pub(crate) async fn end(house: &House, held: &Held) {
    let outcome = match house.api.end_own(&held.snapshot, &held.cookie).await {
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
