//! How many connections there may be: of all users together, and of one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places that there are.
#[derive(Debug)]
pub(super) struct Slots {
    all: usize,
    each: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_user: HashMap<u32, usize>,
}

/// A place that is taken, until this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    uid: u32,
    taken: Arc<Mutex<Taken>>,
}

impl Slots {
    /// So many in all, and so many for each user.
    pub(super) fn new(all: usize, each: usize) -> Self {
        Self { all, each, taken: Arc::default() }
    }

    /// A place for this user, where one is left.
    pub(super) fn take(&self, uid: u32) -> Option<Slot> {
        let mut taken = lock(&self.taken);
        let of_user = taken.by_user.get(&uid).copied().unwrap_or(0);
        if taken.all >= self.all || of_user >= self.each {
            return None;
        }
        taken.all += 1;
        taken.by_user.insert(uid, of_user + 1);
        Some(Slot { uid, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.all = taken.all.saturating_sub(1);
        let of_user = taken.by_user.get(&self.uid).copied().unwrap_or(0);
        match of_user {
            0 | 1 => drop(taken.by_user.remove(&self.uid)),
            more => drop(taken.by_user.insert(self.uid, more - 1)),
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}
