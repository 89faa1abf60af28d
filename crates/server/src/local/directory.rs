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
/// How many are looked for at once, of each kind. One that hangs keeps its turn until it ends: threads do not add up.
pub const LOOKUPS: usize = 8;

/// What the kernel says of a user that it cannot name here, one of another namespace (user_namespaces(7)). The
/// database has a name for it, `nobody`, which would then be everybody's.
pub(super) const NAMELESS: u32 = 65_534;

/// On whose account a user is looked for. Each kind has turns of its own: everybody on the host can connect,
/// and nobody who does keeps those who are in from being judged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// He has just connected.
    Stranger,
    /// He is in, or gave an order that waits.
    Known,
}

/// The way to the user database.
#[derive(Debug)]
pub struct Directory {
    strangers: Arc<Semaphore>,
    known: Arc<Semaphore>,
}

impl Default for Directory {
    fn default() -> Self {
        let turns = || Arc::new(Semaphore::new(LOOKUPS));
        Self { strangers: turns(), known: turns() }
    }
}

impl Directory {
    /// The user of a number, and in which of `groups` he is.
    ///
    /// # Errors
    /// [`Reason::LocalUserUnknown`], or [`Reason::LocalLookupFailed`] where it cannot be known.
    pub async fn find(
        &self,
        asker: Asker,
        uid: u32,
        groups: BTreeSet<String>,
    ) -> Result<LocalUser, Reason> {
        if uid == NAMELESS {
            return Err(Reason::LocalUserUnknown);
        }
        let groups: Vec<String> = groups.into_iter().collect();
        let turns = Arc::clone(match asker {
            Asker::Stranger => &self.strangers,
            Asker::Known => &self.known,
        });
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
