//! Time as the decisions see it: how long since the clock was made, and never backwards.
//!
//! The wall clock is not used: an administrator or NTP who moves it by hours must ban, free and cut
//! nobody.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::nanos::Nanos;

/// A monotonic clock. Clones show the same time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    /// The system's monotonic clock, starting now at zero.
    pub fn monotonic() -> Self {
        let start = Instant::now();
        Self(Arc::new(move || start.elapsed()))
    }

    /// A clock that stands still until its [`Hand`] moves it; for tests.
    pub fn by_hand() -> (Self, Hand) {
        let hand = Hand(Arc::default());
        let reading = hand.clone();
        (Self(Arc::new(move || Duration::from_millis(reading.0.load(Ordering::Relaxed)))), hand)
    }

    /// The time since the clock was made.
    pub fn elapsed(&self) -> Duration {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Clock({:?})", self.elapsed())
    }
}

impl governor::clock::Clock for Clock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.elapsed().into()
    }
}

/// Moves a clock made by [`Clock::by_hand`].
#[derive(Debug, Clone)]
pub struct Hand(Arc<AtomicU64>);

impl Hand {
    /// Moves the clock forward; parts of a millisecond are dropped.
    pub fn advance(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}
