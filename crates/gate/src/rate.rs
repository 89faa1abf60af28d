//! Token buckets: so many a minute, so many at once.
//!
//! The arithmetic is the `governor` crate's. Its own keyed stores grow with every key they ever see
//! (69 bytes each, measured), so that sources are kept in a [`Bounded`] table instead.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

use crate::bounded::Bounded;
use crate::clock::Clock;

/// In nanoseconds.
const MINUTE: u64 = 60_000_000_000;

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Over time, so many a minute.
    pub per_minute: NonZeroU32,
    /// After a pause, so many at once.
    pub burst: NonZeroU32,
}

impl Rate {
    /// A rate from plain numbers: `None` where one is zero.
    pub const fn new(per_minute: u32, burst: u32) -> Option<Self> {
        match (NonZeroU32::new(per_minute), NonZeroU32::new(burst)) {
            (Some(per_minute), Some(burst)) => Some(Self { per_minute, burst }),
            _ => None,
        }
    }

    /// How long one token takes to come, in nanoseconds.
    fn each(self) -> u64 {
        (MINUTE / u64::from(self.per_minute.get())).max(1)
    }

    fn quota(self) -> Quota {
        Quota::per_minute(self.per_minute).allow_burst(self.burst)
    }
}

/// One bucket.
#[derive(Debug)]
pub struct Bucket {
    rate: Rate,
    limiter: RateLimiter<NotKeyed, Level, Clock, NoOpMiddleware<Nanos>>,
    level: Arc<Mutex<Option<Nanos>>>,
    clock: Clock,
}

/// The state of one bucket, to be looked at without taking from it: the moment at which it is full again.
#[derive(Debug)]
struct Level(Arc<Mutex<Option<Nanos>>>);

impl StateStore for Level {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut level = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (answer, state) = measure(*level)?;
        *level = Some(state);
        Ok(answer)
    }
}

impl Bucket {
    /// A full bucket.
    pub fn new(rate: Rate, clock: &Clock) -> Self {
        Self::at(rate, None, clock)
    }

    /// A bucket of another rate, from which as many tokens are taken as from this one; all of them, where it
    /// holds fewer.
    pub fn with_rate(&self, rate: Rate) -> Self {
        let taken = self.rate.burst.get() - self.left();
        let now = self.clock.now().as_u64();
        let missing = u64::from(taken.min(rate.burst.get())).saturating_mul(rate.each());
        let level = (taken > 0).then(|| Nanos::new(now.saturating_add(missing)));
        Self::at(rate, level, &self.clock)
    }

    fn at(rate: Rate, level: Option<Nanos>, clock: &Clock) -> Self {
        let level = Arc::new(Mutex::new(level));
        let limiter = RateLimiter::new(rate.quota(), Level(Arc::clone(&level)), clock.clone());
        Self { rate, limiter, level, clock: clock.clone() }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// The bucket is empty; the time until a token will be there.
    pub fn take(&self) -> Result<(), Duration> {
        self.limiter.check().map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }

    /// How many tokens are there now; none is taken.
    pub fn left(&self) -> u32 {
        let burst = self.rate.burst.get();
        let level = *self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = level.map_or(0, Nanos::as_u64);
        let missing = full_at.saturating_sub(self.clock.now().as_u64());
        let used = missing.div_ceil(self.rate.each());
        burst.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
    }
}

/// A bucket for each key, of which the longest unused are forgotten at the bound.
#[derive(Debug)]
pub struct Buckets<K: Copy + Eq + Hash + Ord> {
    limiter: RateLimiter<K, Used<K>, Clock, NoOpMiddleware<Nanos>>,
    clock: Clock,
}

impl<K: Copy + Eq + Hash + Ord> Buckets<K> {
    /// Full buckets for at most `bound` keys.
    pub fn new(rate: Rate, bound: usize, clock: &Clock) -> Self {
        let store = Used(Mutex::new((0, Bounded::new(bound))));
        Self { limiter: RateLimiter::new(rate.quota(), store, clock.clone()), clock: clock.clone() }
    }

    /// Takes one token of the key's bucket.
    ///
    /// # Errors
    /// The bucket is empty; the time until a token will be there.
    pub fn take(&self, key: K) -> Result<(), Duration> {
        self.limiter.check_key(&key).map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

/// The state of each bucket, ranked by its last use: a running number, then the bucket.
#[derive(Debug)]
struct Used<K: Copy + Eq + Hash + Ord>(Mutex<(u64, Bounded<K, u64, Nanos>)>);

impl<K: Copy + Eq + Hash + Ord> StateStore for Used<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (uses, table) = &mut *used;
        *uses += 1;
        let known = table.find(key).copied();
        let measured = measure(known);
        // a refusal counts as use too, else whoever never stops asking is forgotten first
        let state = match &measured {
            Ok((_, state)) => Some(*state),
            Err(_) => known,
        };
        if let Some(state) = state {
            table.insert(*key, *uses, state);
        }
        measured.map(|(answer, _)| answer)
    }
}
