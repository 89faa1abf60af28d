//! The sessions of one controller, whichever door gave them: the login socket or `POST /login`.
//!
//! Seen: the cookie of either is good for HTTPS alike, for 7200 seconds. Guess: using a session does
//! not make it longer. It keeps the newest sessions and forgets older ones, so that a long run does
//! not fill the memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::cookie;

/// So many sessions are kept, the newest.
const SESSIONS_KEPT: usize = 4096;

/// Documented: two hours, `tabadmincontroller.auth.expiration.minutes`.
pub(crate) const LIFETIME: Duration = Duration::from_secs(7200);

#[derive(Debug)]
pub(crate) struct Sessions {
    clock: Clock,
    lifetime: Duration,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    open: HashMap<String, Session>,
    order: VecDeque<String>,
}

#[derive(Debug)]
struct Session {
    user: String,
    ends_ms: u64,
}

impl Sessions {
    pub(crate) fn new(clock: Clock, lifetime: Duration) -> Self {
        Self { clock, lifetime, kept: Mutex::default() }
    }

    /// The life of a new session, in seconds, as a cookie tells it.
    pub(crate) fn max_age(&self) -> i32 {
        i32::try_from(self.lifetime.as_secs()).unwrap_or(i32::MAX)
    }

    /// Opens a session and gives the cookie's value, one that was never given before.
    pub(crate) fn open(&self, user: &str) -> String {
        let value = cookie::mint();
        let lifetime_ms = u64::try_from(self.lifetime.as_millis()).unwrap_or(u64::MAX);
        let ends_ms = self.clock.epoch_ms().saturating_add(lifetime_ms);
        let mut kept = self.kept();
        if kept.order.len() == SESSIONS_KEPT
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.open.remove(&oldest);
        }
        kept.order.push_back(value.clone());
        kept.open.insert(value.clone(), Session { user: user.to_owned(), ends_ms });
        value
    }

    /// Whose session this value opens now.
    pub(crate) fn user(&self, value: &str) -> Option<String> {
        let now = self.clock.epoch_ms();
        let kept = self.kept();
        kept.open.get(value).filter(|session| now < session.ends_ms).map(|open| open.user.clone())
    }

    /// Ends one session.
    pub(crate) fn end(&self, value: &str) {
        self.kept().open.remove(value);
    }

    /// Ends every session, as a new key for the cookies would.
    pub(crate) fn end_all(&self) {
        *self.kept() = Kept::default();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
