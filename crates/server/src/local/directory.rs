//! The host's user database, which may be a file or a server far away: asked on threads of its own, a few at a
//! time, and not for long. What it does not say is not guessed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use tsmgate_gate::local::LocalUser;
use tsmgate_gate::reason::Reason;
use tsmgate_settings::accounts;

/// How long one may take to be found, his turn included.
pub const DEADLINE: Duration = Duration::from_secs(5);
/// How many are looked for at once. One that hangs keeps its turn until it ends: threads do not add up.
pub const LOOKUPS: usize = 8;

/// The way to the user database.
#[derive(Debug)]
pub struct Directory {
    turns: Arc<Semaphore>,
}

impl Default for Directory {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

impl Directory {
    /// The user of a number, and in which of `groups` he is.
    ///
    /// # Errors
    /// [`Reason::LocalUserUnknown`], or [`Reason::LocalLookupFailed`] where it cannot be known.
    pub async fn find(&self, uid: u32, groups: BTreeSet<String>) -> Result<LocalUser, Reason> {
        let groups: Vec<String> = groups.into_iter().collect();
        let turns = Arc::clone(&self.turns);
        let asked = async move {
            let turn = turns.acquire_owned().await.ok()?;
            let ask = move || {
                let found = accounts::person(uid, &groups);
                drop(turn);
                found
            };
            tokio::task::spawn_blocking(ask).await.ok()
        };
        match timeout(DEADLINE, asked).await {
            Ok(Some(Ok(Some(person)))) => {
                let groups = person.groups.into_iter().collect();
                Ok(LocalUser { uid, name: person.name, groups })
            }
            Ok(Some(Ok(None))) => Err(Reason::LocalUserUnknown),
            Ok(Some(Err(fault))) => {
                tracing::warn!(%fault, "a local caller cannot be looked up");
                Err(Reason::LocalLookupFailed)
            }
            Ok(None) | Err(_) => {
                tracing::warn!(uid, "the user database does not answer in time");
                Err(Reason::LocalLookupFailed)
            }
        }
    }
}
