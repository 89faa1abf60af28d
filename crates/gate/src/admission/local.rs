//! Who may open a connection to the local socket: how fast one user, and how many there are at once.
//!
//! Everybody on the host can reach the socket. So whoever is not identified yet can take half of the places at
//! most, and no user more than a quarter: nobody keeps out those who are in, and one alone nobody at all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::rate::{Buckets, Rate};
use crate::reason::Reason;

/// Local connections at once.
pub const CONNECTIONS: usize = 64;
/// Of those, of one user.
pub const CONNECTIONS_PER_USER: usize = 16;
/// Of those, of users who are not identified yet.
pub const UNIDENTIFIED: usize = 32;
/// Users whose rate is remembered; the longest unseen are forgotten first.
pub const USERS_REMEMBERED: usize = 4096;

/// The doorkeeper of the local socket.
#[derive(Debug)]
pub struct LocalAdmission {
    rates: Buckets<u32>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    unidentified: usize,
    all: usize,
    /// By the user's number: how many, and what he is called once that is known.
    users: BTreeMap<u32, (usize, Option<String>)>,
}

impl LocalAdmission {
    /// An empty house, where one user may connect that often.
    pub fn new(rate: Rate, clock: &Clock) -> Arc<Self> {
        let rates = Buckets::new(rate, USERS_REMEMBERED, clock);
        Arc::new(Self { rates, state: Mutex::default() })
    }

    /// Whether a user, by his number, may open one more.
    ///
    /// # Errors
    /// He is over his rate, or there are as many as there may be.
    pub fn admit(self: &Arc<Self>, uid: u32) -> Result<LocalPlace, Reason> {
        self.rates.take(uid).map_err(|_| Reason::SourceOverRate)?;
        let mut state = self.state();
        let of_user = state.users.get(&uid).map_or(0, |(count, _)| *count);
        let full = state.all >= CONNECTIONS || state.unidentified >= UNIDENTIFIED;
        if full || of_user >= CONNECTIONS_PER_USER {
            return Err(Reason::LocalFull);
        }
        state.all += 1;
        state.unidentified += 1;
        state.users.entry(uid).or_default().0 += 1;
        drop(state);
        Ok(LocalPlace { admission: Arc::clone(self), uid, identified: false })
    }

    /// Who has connections, by name, and how many. Who is not identified yet is not among them.
    pub fn callers(&self) -> Vec<(String, usize)> {
        let state = self.state();
        let known = state.users.values();
        let named = known.filter_map(|(count, name)| name.clone().map(|name| (name, *count)));
        let mut callers: Vec<_> = named.collect();
        callers.sort();
        callers
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a local connection; dropping it frees the place.
#[derive(Debug)]
pub struct LocalPlace {
    admission: Arc<LocalAdmission>,
    uid: u32,
    identified: bool,
}

impl LocalPlace {
    /// It is known now whose it is.
    pub fn identified(&mut self, name: &str) {
        if std::mem::replace(&mut self.identified, true) {
            return;
        }
        let mut state = self.admission.state();
        state.unidentified -= 1;
        if let Some((_, known)) = state.users.get_mut(&self.uid) {
            *known = Some(name.to_owned());
        }
    }
}

impl Drop for LocalPlace {
    fn drop(&mut self) {
        let mut state = self.admission.state();
        state.all -= 1;
        state.unidentified -= usize::from(!self.identified);
        if let Some((count, _)) = state.users.get_mut(&self.uid) {
            *count -= 1;
            if *count == 0 {
                state.users.remove(&self.uid);
            }
        }
    }
}
