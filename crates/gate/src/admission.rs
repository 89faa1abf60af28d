//! Before a TLS byte: who may open a connection, how fast, and how many.
//!
//! Connections that have not proved themselves have a budget of their own ([`unproven`]): strangers
//! fill that, and never the places of proven clients. Sources that keep failing are banned for a
//! while ([`penalty`]), unless somebody proved himself from there lately.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::bounded::Bounded;
use crate::clock::Clock;
use crate::network::{Networks, Source};
use crate::policy::Policy;
use crate::rate::{Buckets, Rate};
use crate::reason::Reason;

pub mod local;
pub mod penalty;
pub mod unproven;

use penalty::{Offence, Penalties};
use unproven::UnprovenBudget;

/// How long one proven connection keeps its source from being banned.
pub const PROVEN_MEMORY: Duration = Duration::from_secs(600);

/// The numbers of `[admission]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Proven connections at once.
    pub connections: usize,
    /// Of those, from one source.
    pub connections_per_source: usize,
    /// Unproven connections at once.
    pub unproven: usize,
    /// Of those, from one source.
    pub unproven_per_source: usize,
    /// New connections of one source.
    pub source_rate: Rate,
    /// Sources remembered in each table.
    pub sources_remembered: usize,
}

/// The doorkeeper. `T` is whatever the caller wants dropped when an unproven connection has to go.
#[derive(Debug)]
pub struct Admission<T> {
    limits: AdmissionLimits,
    clock: Clock,
    rates: Buckets<Source>,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    unproven: UnprovenBudget<T>,
    proven: usize,
    proven_by_source: HashMap<Source, usize>,
    proven_lately: Bounded<Source, Duration, ()>,
    penalties: Penalties,
}

impl<T> Admission<T> {
    /// An empty house.
    pub fn new(limits: AdmissionLimits, clock: Clock) -> Arc<Self> {
        let remembered = limits.sources_remembered;
        Arc::new(Self {
            limits,
            rates: Buckets::new(limits.source_rate, remembered, &clock),
            clock,
            state: Mutex::new(State {
                unproven: UnprovenBudget::new(limits.unproven, limits.unproven_per_source),
                proven: 0,
                proven_by_source: HashMap::new(),
                proven_lately: Bounded::new(remembered),
                penalties: Penalties::new(remembered),
            }),
        })
    }

    /// Whether a connection from a canonical address may begin its handshake.
    ///
    /// Where the budget of the unproven is full, another unproven connection makes room and its `T`
    /// is dropped; `handle` is the new one's.
    ///
    /// # Errors
    /// The first stage that says no; the connection is to be closed without a byte.
    pub fn admit(
        self: &Arc<Self>,
        policy: &Policy,
        address: IpAddr,
        handle: T,
    ) -> Result<Unproven<T>, Reason> {
        if policy.is_closed() {
            return Err(Reason::GateClosed);
        }
        self.admit_from(&policy.allow, &policy.exempt, address, handle)
    }

    /// The same by networks alone, for a service that has no clients of its own.
    ///
    /// # Errors
    /// As [`Self::admit`].
    pub fn admit_from(
        self: &Arc<Self>,
        allow: &Networks,
        exempt: &Networks,
        address: IpAddr,
        handle: T,
    ) -> Result<Unproven<T>, Reason> {
        if allow.find(address).is_none() {
            return Err(Reason::AddressNotListed);
        }
        let source = Source::of(address);
        let exempt = exempt.find(address).is_some();
        // the ban first: an attempt in vain must not cost the source its tokens too
        if !exempt && self.state().penalties.banned(source, self.clock.elapsed()) {
            return Err(Reason::SourceBanned);
        }
        self.rates.take(source).map_err(|_| Reason::SourceOverRate)?;
        let mut state = self.state();
        self.has_room(&state, source)?;
        let (number, evicted) = state.unproven.enter(source, handle);
        drop(state);
        drop(evicted);
        Ok(Unproven { admission: Arc::clone(self), source, exempt, number })
    }

    /// How many connections there are: unproven, proven.
    pub fn occupancy(&self) -> (usize, usize) {
        let state = self.state();
        (state.unproven.len(), state.proven)
    }

    fn has_room(&self, state: &State<T>, source: Source) -> Result<(), Reason> {
        let of_source = state.proven_by_source.get(&source).copied().unwrap_or_default();
        if state.proven >= self.limits.connections {
            Err(Reason::GateFull)
        } else if of_source >= self.limits.connections_per_source {
            Err(Reason::SourceOverConnections)
        } else {
            Ok(())
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a connection that has not proved itself; dropping it frees the place.
#[derive(Debug)]
pub struct Unproven<T> {
    admission: Arc<Admission<T>>,
    source: Source,
    exempt: bool,
    number: u64,
}

impl<T> Unproven<T> {
    /// The connection proved itself: it moves to the other budget.
    ///
    /// # Errors
    /// That one is full.
    pub fn prove(self) -> Result<Proven<T>, Reason> {
        let admission = Arc::clone(&self.admission);
        let source = self.source;
        drop(self);
        let mut state = admission.state();
        admission.has_room(&state, source)?;
        state.proven += 1;
        *state.proven_by_source.entry(source).or_default() += 1;
        state.penalties.forgive(source);
        drop(state);
        Ok(Proven { admission, source })
    }

    /// The connection failed in a way that costs its source; gives how long the source is banned,
    /// where a ban begins with it.
    pub fn offend(&self, offence: Offence) -> Option<Duration> {
        if self.exempt {
            return None;
        }
        let now = self.admission.clock.elapsed();
        let mut state = self.admission.state();
        state.proven_lately.forget_below(now.saturating_sub(PROVEN_MEMORY));
        let proven_now = state.proven_by_source.contains_key(&self.source);
        if proven_now || state.proven_lately.find(&self.source).is_some() {
            return None;
        }
        state.penalties.add(self.source, offence, now)
    }
}

impl<T> Drop for Unproven<T> {
    fn drop(&mut self) {
        let handle = self.admission.state().unproven.leave(self.source, self.number);
        drop(handle);
    }
}

/// The place of a proven connection; dropping it frees the place.
#[derive(Debug)]
pub struct Proven<T> {
    admission: Arc<Admission<T>>,
    source: Source,
}

impl<T> Drop for Proven<T> {
    fn drop(&mut self) {
        let now = self.admission.clock.elapsed();
        let mut state = self.admission.state();
        state.proven -= 1;
        // its ten minutes count from its end: until then it speaks for its source itself
        state.proven_lately.forget_below(now.saturating_sub(PROVEN_MEMORY));
        state.proven_lately.insert(self.source, now, ());
        if let Some(of_source) = state.proven_by_source.get_mut(&self.source) {
            *of_source -= 1;
            if *of_source == 0 {
                state.proven_by_source.remove(&self.source);
            }
        }
    }
}
