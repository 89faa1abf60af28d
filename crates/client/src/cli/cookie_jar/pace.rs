//! When the next login is due: ahead of the end of the session that is there, and after failures ever later, at
//! times that differ from one process to the next.
//!
//! All times are since the system started; nothing is waited for longer than a minute at once, for a host that
//! slept wakes up late.

use std::time::Duration;

use crate::cache::Stage;

/// The least time between two logins that worked.
const LEAST: Duration = Duration::from_secs(1);
/// After the first failure of a row.
const FIRST: Duration = Duration::from_secs(1);
/// After many.
const MOST: Duration = Duration::from_secs(60);
/// The longest wait at once.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// The times of one file.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the session was asked for that was written last, and how long it lives.
    filled: Option<(Duration, Duration)>,
    /// When to log in again.
    next: Duration,
    failures: u32,
}

impl Pace {
    /// Whether there ever was a session.
    pub(super) fn was_filled(&self) -> bool {
        self.filled.is_some()
    }

    /// A session was written.
    pub(super) fn filled(&mut self, asked: Duration, max_age: u32, now: Duration) {
        self.filled = Some((asked, Duration::from_secs(max_age.into())));
        self.failures = 0;
        self.next = Stage::ageing_from(asked, max_age).max(now + LEAST);
    }

    /// There is no new session.
    pub(super) fn failed(&mut self, now: Duration) {
        let most = FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        self.next = now + some_of(most.min(MOST));
    }

    /// How long to wait now; `None` when it is time to log in.
    pub(super) fn left(&self, now: Duration) -> Option<Duration> {
        let left = self.next.checked_sub(now).filter(|left| !left.is_zero())?;
        // the end of the session is not to be missed
        let end = self.end().and_then(|end| end.checked_sub(now)).filter(|left| !left.is_zero());
        Some(left.min(LOOK_EVERY).min(end.unwrap_or(left)))
    }

    /// Whether the session's time is over.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        self.end().is_some_and(|end| now >= end)
    }

    fn end(&self) -> Option<Duration> {
        self.filled.map(|(asked, life)| asked + life)
    }
}

/// Between half of a time and the whole of it.
fn some_of(time: Duration) -> Duration {
    let mut byte = [0];
    // where there is no chance, all of it is as good
    let part = aws_lc_rs::rand::fill(&mut byte).map_or(u32::from(u8::MAX), |()| byte[0].into());
    time / 2 + time / 2 * part / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests;
