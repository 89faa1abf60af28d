//! How many connections there may be: of all users together, and of one; and the line in which one user's calls
//! stand, so that however many there are only one of them waits where all users do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

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
    by_user: HashMap<u32, (usize, Arc<Semaphore>)>,
}

/// A place that is taken, until this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    uid: u32,
    line: Arc<Semaphore>,
    taken: Arc<Mutex<Taken>>,
}

impl Slot {
    /// Whose it is, by the user's number.
    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// The line of that user's calls: one permit, for the first in it.
    pub(super) fn line(&self) -> &Semaphore {
        &self.line
    }
}

impl Slots {
    /// So many in all, and so many for each user.
    pub(super) fn new(all: usize, each: usize) -> Self {
        Self { all, each, taken: Arc::default() }
    }

    /// A place for this user, where one is left.
    pub(super) fn take(&self, uid: u32) -> Option<Slot> {
        let mut taken = lock(&self.taken);
        let is_full = taken.by_user.get(&uid).is_some_and(|(of_user, _)| *of_user >= self.each);
        if taken.all >= self.all || is_full {
            return None;
        }
        taken.all += 1;
        let (of_user, line) =
            taken.by_user.entry(uid).or_insert_with(|| (0, Arc::new(Semaphore::new(1))));
        *of_user += 1;
        let line = Arc::clone(line);
        Some(Slot { uid, line, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.all = taken.all.saturating_sub(1);
        match taken.by_user.get_mut(&self.uid) {
            Some((of_user, _)) if *of_user > 1 => *of_user -= 1,
            _ => drop(taken.by_user.remove(&self.uid)),
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}
