//! The clock that sessions and jobs live by: the system's, and as far ahead of it as a test wants.
//!
//! It never goes back, and nothing waits for it: what time has done is found out when somebody asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;

/// A clock that can be moved ahead. Its clones are the same clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead_ms: Arc<AtomicU64>,
}

impl Clock {
    /// Lets so much time pass at once, in whole milliseconds.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ahead_ms.fetch_add(by, Ordering::SeqCst);
    }

    /// The time by this clock.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        let ahead = Duration::from_millis(self.ahead_ms.load(Ordering::SeqCst));
        OffsetDateTime::now_utc() + ahead
    }

    /// Documented: TSM tells times in milliseconds since 1970.
    #[must_use]
    pub fn epoch_ms(&self) -> u64 {
        u64::try_from(self.now().unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
    }
}
