//! Commands that wait are judged again when what decides was replaced: who may not have them run any more, or
//! may not even come in, has them taken back before they begin. What runs already goes on.
//!
//! Whose chain of certificates is known here, of an order of this life of the daemon, is judged as an open
//! connection is; of older ones the entry and its permission count. A user of this host is looked up anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tsmgate_catalogue::runner::{State, Task};
use tsmgate_gate::permission::Permission;
use tsmgate_gate::permit::Caller;
use tsmgate_gate::policy::Client;
use tsmgate_gate::reason::Reason;

use crate::config::values::{local_user, written};
use crate::house::{House, Snapshot};
use crate::judge::judge;
use crate::proxy::Origin;
use crate::relay::lane::Chosen;
use crate::relay::{Party, Remote};

/// How long a runner that does not answer is left alone.
const AGAIN: Duration = Duration::from_secs(1);
/// After an order whose answer nobody waited for, it is looked at so many times, each after the last pause.
const LATER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(15)];
/// How long an order may be on its way to the runner: longer than it is asked for.
const ON_ITS_WAY: Duration = Duration::from_secs(60);

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
    loop {
        while let Err(reason) = round(&house).await {
            tracing::debug!(reason = reason.code(), "what waits at the runner is not judged yet");
            tokio::select! {
                biased;
                // a newer one is judged instead
                changed = changes.changed() => if changed.is_err() { return },
                () = sleep(AGAIN) => {}
            }
        }
        tokio::select! {
            biased;
            changed = changes.changed() => if changed.is_err() { return },
            () = house.runner.waiting.again.notified() => {
                for pause in LATER {
                    sleep(pause).await;
                    let _ = round(&house).await;
                }
            }
        }
    }
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
    for task in tasks.iter().filter(|task| task.state == State::Queued) {
        let Err(reason) = may_run(house, &snapshot, task).await else { continue };
        let (client, id) = (&task.client, task.id.as_str());
        match house.runner.withdraw(socket, task.id.clone(), reason).await {
            Ok(()) => tracing::info!(client, id, %reason, "a command that waited is taken back"),
            // it has begun, or is over: nothing to take back
            Err(Reason::CommandEnded | Reason::CommandUnknown) => {}
            Err(reason) => return Err(reason),
        }
    }
    Ok(())
}

/// Whether a command that waits may still run for who asked for it.
async fn may_run(house: &House, snapshot: &Snapshot, task: &Task) -> Result<(), Reason> {
    let entry = match local_user(&task.identity) {
        Some(uid) => entry_of_user(house, snapshot, uid).await?,
        None => entry_of_client(house, snapshot, task)?,
    };
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
    local.identify(&house.directory.find(uid, local.groups()).await?)
}

/// What the client of that name may now, if who asked may still come in at all.
fn entry_of_client(house: &House, snapshot: &Snapshot, task: &Task) -> Result<Arc<Client>, Reason> {
    if let Some(standing) = house.runner.waiting.orders().get(&task.request) {
        standing.judge(snapshot)?;
    }
    let entry = snapshot.policy.clients().iter().find(|entry| entry.name == task.client);
    entry.cloned().ok_or(Reason::ClientUnknown)
}
