//! How often something that does not answer is tried again: a TSM that is down is not hammered, whatever
//! the clients do, and found again as soon as it is back.

use std::sync::atomic::{AtomicBool, Ordering};

use tsmgate_gate::clock::Clock;
use tsmgate_gate::rate::{Bucket, Rate};

/// While nobody answers, no more attempts than these reach the place: a minute, and at once.
const WHILE_DOWN: (u32, u32) = (600, 10);

/// The attempts at one place.
#[derive(Debug)]
pub(super) struct Attempts {
    down: AtomicBool,
    while_down: Bucket,
}

impl Attempts {
    pub(super) fn new(clock: &Clock) -> Self {
        let (per_minute, burst) = WHILE_DOWN;
        let rate = Rate::new(per_minute, burst).expect("constants above, not zero");
        Self { down: false.into(), while_down: Bucket::new(rate, clock) }
    }

    /// Whether one more may be made.
    pub(super) fn may_try(&self) -> bool {
        !self.down.load(Ordering::Relaxed) || self.while_down.take().is_ok()
    }

    /// How one went: whether there was nobody.
    pub(super) fn tried(&self, nobody: bool) {
        self.down.store(nobody, Ordering::Relaxed);
    }
}
