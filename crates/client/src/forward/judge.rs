//! Whether a caller is one of those who may: by number, and else by the user database of this host, which is
//! asked only where the answer needs it, by a few threads at most, and never waited for without end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout_at};
use tsmgate_settings::accounts::{LookupFault, Person, person};

use super::{Callers, Denial};

/// How long the user database may take.
const LOOKUP: Duration = Duration::from_secs(5);
/// Threads that ask it: one that does not answer keeps so many, and no more.
const LOOKUPS: usize = 4;

type Found = Result<Option<Person>, LookupFault>;

/// Who may, and how to find out.
#[derive(Debug)]
pub(super) struct Judge {
    callers: Callers,
    lookups: Arc<Semaphore>,
}

/// What a caller is called, where that is known in time.
#[derive(Debug)]
pub(super) enum Name {
    Known(Option<String>),
    Sought(JoinHandle<Found>),
}

impl Name {
    /// The name, where it is here by now.
    pub(super) async fn known(self) -> Option<String> {
        match self {
            Self::Known(name) => name,
            Self::Sought(lookup) if lookup.is_finished() => {
                lookup.await.ok()?.ok()?.map(|person| person.name)
            }
            Self::Sought(_) => None,
        }
    }
}

impl Judge {
    pub(super) fn new(callers: Callers) -> Self {
        Self { callers, lookups: Arc::new(Semaphore::new(LOOKUPS)) }
    }

    /// Whether that user may, and its name.
    pub(super) async fn judge(&self, uid: u32) -> (Result<(), Denial>, Name) {
        if self.callers.users.contains(&uid) {
            return (Ok(()), self.seek_name(uid));
        }
        if self.callers.groups.is_empty() {
            return (Err(Denial::NotListed), Name::Known(None));
        }
        match self.look_up(uid).await {
            None => (Err(Denial::NotJudged), Name::Known(None)),
            Some(found) => (verdict(found.as_ref()), Name::Known(found.map(|person| person.name))),
        }
    }

    /// Begins to ask for a name, for the log alone, where a thread is free for it.
    fn seek_name(&self, uid: u32) -> Name {
        let Ok(permit) = Arc::clone(&self.lookups).try_acquire_owned() else {
            return Name::Known(None);
        };
        Name::Sought(spawn_blocking(move || {
            // kept by the thread, and not by whoever waits for it
            let _permit = permit;
            person(uid, &[])
        }))
    }

    /// What the user database says, where it does in time.
    async fn look_up(&self, uid: u32) -> Option<Option<Person>> {
        let deadline = Instant::now() + LOOKUP;
        let permit = timeout_at(deadline, Arc::clone(&self.lookups).acquire_owned()).await.ok()?;
        let permit = permit.ok()?;
        let groups = self.callers.groups.clone();
        let lookup = spawn_blocking(move || {
            let _permit = permit;
            person(uid, &groups)
        });
        timeout_at(deadline, lookup).await.ok()?.ok()?.ok()
    }
}

/// The rule for who is not listed: a member of a listed group may.
fn verdict(found: Option<&Person>) -> Result<(), Denial> {
    match found {
        Some(person) if !person.groups.is_empty() => Ok(()),
        _ => Err(Denial::NotListed),
    }
}

#[cfg(test)]
mod tests;
