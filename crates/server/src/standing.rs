//! Commands that wait are judged again when what decides was replaced: who may not have them run any more, or
//! may not even come in, has them taken back before they begin. What runs already goes on.
//!
//! Whose chain of certificates is known here, of an order of this life of the daemon, is judged as an open
//! connection is; of older ones the entry and its permission count. A user of this host is looked up anew.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::sync::watch::error::RecvError;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tsmgate_catalogue::runner::{State, Task};
use tsmgate_gate::permission::Permission;
use tsmgate_gate::permit::Caller;
use tsmgate_gate::policy::Client;
use tsmgate_gate::reason::Reason;

use crate::config::values::{local_user, written};
use crate::house::{House, Snapshot};
use crate::judge::judge;
use crate::local::directory::Asker;
use crate::proxy::Origin;
use crate::relay::lane::Chosen;
use crate::relay::{Party, Remote};

/// How long a runner that does not answer is left alone.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the user database is left alone that did not say who somebody is.
const LOOKUP_AGAIN: Duration = Duration::from_secs(5);
/// After an order whose answer nobody waited for, it is looked at so many times, each after the last pause.
const LATER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(15)];
/// How long an order may be on its way to the runner: longer than it is asked for.
const ON_ITS_WAY: Duration = Duration::from_secs(60);

/// What decides, each time it was replaced.
type Changes = watch::Receiver<Arc<Snapshot>>;

/// Who gave an order, for as long as it waits.
#[derive(Debug)]
pub(crate) struct Standing {
    caller: Caller,
    chain: Vec<CertificateDer<'static>>,
    origin: Origin,
    given: Instant,
}

impl Standing {
    /// Of the party of a connection; none of a user of this host, whose order says all that is needed.
    pub(crate) fn of(party: &Party<'_>) -> Option<Self> {
        let Remote { chain, origin } = party.remote?;
        let (caller, chain) = (party.caller.clone(), chain.to_vec());
        Some(Self { caller, chain, origin, given: Instant::now() })
    }

    fn judge(&self, snapshot: &Snapshot) -> Result<(), Reason> {
        let (chain, lane) = (&self.chain, Chosen::new());
        judge(snapshot, &self.origin, &self.caller, chain, &lane, UnixTime::now())
    }
}

/// The orders that were given and may wait, by the number of their request.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    orders: Mutex<HashMap<String, Standing>>,
    /// Something is to be judged though nothing was replaced.
    again: Notify,
}

impl Waiting {
    /// Notes who gives an order, before it is given.
    pub(crate) fn give(&self, request: &str, standing: Option<Standing>) -> Given<'_> {
        if let Some(standing) = standing {
            self.orders().insert(request.to_owned(), standing);
        }
        Given { waiting: self, settled: false }
    }

    /// The order does not wait any more.
    pub(crate) fn begun(&self, request: &str) {
        self.orders().remove(request);
    }

    fn orders(&self) -> MutexGuard<'_, HashMap<String, Standing>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An order on its way. Where its answer does not arrive, or what decides was replaced meanwhile, what waits is
/// judged once more.
#[derive(Debug)]
pub(crate) struct Given<'a> {
    waiting: &'a Waiting,
    settled: bool,
}

impl Given<'_> {
    /// It was answered under what decided when it was given.
    pub(crate) fn settled(mut self) {
        self.settled = true;
    }
}

impl Drop for Given<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.waiting.again.notify_one();
        }
    }
}

/// Judges what waits as long as the daemon runs: at its start, each time what decides was replaced, and after an
/// order that nobody saw the answer of.
pub(crate) async fn keep(house: Arc<House>) {
    let mut changes = house.snapshot.subscribe();
    // it ends where the house is gone
    while judged(&house, &mut changes).await.is_ok() {
        tokio::select! {
            biased;
            changed = changes.changed() => if changed.is_err() { return },
            () = house.runner.waiting.again.notified() => {
                if look_later(&house, &mut changes).await.is_err() { return }
            }
        }
    }
}

/// Judges after each pause, and at once where what decides was replaced meanwhile.
async fn look_later(house: &House, changes: &mut Changes) -> Result<(), RecvError> {
    for pause in LATER {
        let due = Instant::now() + pause;
        loop {
            tokio::select! {
                biased;
                changed = changes.changed() => changed?,
                () = sleep_until(due) => break,
            }
            judged(house, changes).await?;
        }
        judged(house, changes).await?;
    }
    Ok(())
}

/// Judges until all that waits is judged.
async fn judged(house: &House, changes: &mut Changes) -> Result<(), RecvError> {
    while let Err(reason) = round(house).await {
        tracing::debug!(reason = reason.code(), "what waits at the runner is not judged yet");
        let again = if reason == Reason::LocalLookupFailed { LOOKUP_AGAIN } else { AGAIN };
        tokio::select! {
            biased;
            // a newer one is judged instead
            changed = changes.changed() => changed?,
            () = sleep(again) => {}
        }
    }
    Ok(())
}

/// Judges each command that waits.
async fn round(house: &House) -> Result<(), Reason> {
    let snapshot = house.snapshot();
    let Some(socket) = &snapshot.config.tsm.runner else { return Ok(()) };
    let begun = Instant::now();
    let tasks = house.runner.list(socket).await?;
    let waits = |request: &String| {
        tasks.iter().any(|task| task.request == *request && task.state == State::Queued)
    };
    // what was given after the list was asked for is not in it
    house.runner.waiting.orders().retain(|request, standing| {
        waits(request) || begun.saturating_duration_since(standing.given) < ON_ITS_WAY
    });
    let mut users: HashMap<u32, Result<Arc<Client>, Reason>> = HashMap::new();
    let mut round = Ok(());
    for task in network_first(&tasks) {
        let entry = match local_user(&task.identity) {
            Some(uid) => match users.entry(uid) {
                Entry::Occupied(known) => known.get().clone(),
                Entry::Vacant(new) => {
                    new.insert(entry_of_user(house, &snapshot, uid).await).clone()
                }
            },
            None => entry_of_client(house, &snapshot, task),
        };
        let reason = match revoked(may_run(entry, task)) {
            Ok(Some(reason)) => reason,
            Ok(None) => continue,
            Err(unknown) => {
                round = Err(unknown);
                continue;
            }
        };
        let (client, id) = (&task.client, task.id.as_str());
        match house.runner.withdraw(socket, task.id.clone(), reason).await {
            Ok(()) => tracing::info!(client, id, %reason, "a command that waited is taken back"),
            // it has begun, or is over: nothing to take back
            Err(Reason::CommandEnded | Reason::CommandUnknown) => {}
            Err(reason) => return Err(reason),
        }
    }
    round
}

/// The commands that wait, those of users of this host last: no user database keeps another's waiting.
fn network_first(tasks: &[Task]) -> Vec<&Task> {
    let mut waiting: Vec<_> = tasks.iter().filter(|task| task.state == State::Queued).collect();
    waiting.sort_by_key(|task| local_user(&task.identity).is_some());
    waiting
}

/// Why a command is to be taken back, where it is. Not to know who somebody is takes nothing back: it waits, and
/// is asked about again.
fn revoked(judged: Result<(), Reason>) -> Result<Option<Reason>, Reason> {
    match judged {
        Err(Reason::LocalLookupFailed) => Err(Reason::LocalLookupFailed),
        judged => Ok(judged.err()),
    }
}

/// Whether a command that waits may still run for who asked for it.
fn may_run(entry: Result<Arc<Client>, Reason>, task: &Task) -> Result<(), Reason> {
    let entry = entry?;
    if entry.name != task.client || written(&entry.identity) != task.identity {
        return Err(Reason::ClientChanged);
    }
    let permission: Permission = task.permission.parse().map_err(|_| Reason::PermissionMissing)?;
    entry.role_giving(&permission).map(|_| ()).ok_or(Reason::PermissionMissing)
}

/// What a user of this host may now, as the user database says of him.
async fn entry_of_user(
    house: &House,
    snapshot: &Snapshot,
    uid: u32,
) -> Result<Arc<Client>, Reason> {
    let local = snapshot.policy.local();
    local.identify(&house.directory.find(Asker::Known, uid, local.groups()).await?)
}

/// What the client of that name may now, if who asked may still come in at all.
fn entry_of_client(house: &House, snapshot: &Snapshot, task: &Task) -> Result<Arc<Client>, Reason> {
    if let Some(standing) = house.runner.waiting.orders().get(&task.request) {
        standing.judge(snapshot)?;
    }
    let entry = snapshot.policy.clients().iter().find(|entry| entry.name == task.client);
    entry.cloned().ok_or(Reason::ClientUnknown)
}

#[cfg(test)]
mod tests;
