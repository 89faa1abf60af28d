//! Commands that wait are judged again when what decides was replaced: who may not have them run any more, or
//! may not even come in, has them taken back before they begin. What runs already goes on.
//!
//! Whose chain of certificates is known here, of an order of this life of the daemon, is judged as an open
//! connection is; of older ones the entry and its permission count.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::time::sleep;
use tsmgate_catalogue::runner::{Id, State, Task};
use tsmgate_gate::permission::Permission;
use tsmgate_gate::permit::Caller;
use tsmgate_gate::reason::Reason;

use crate::config::values::written;
use crate::house::{House, Snapshot};
use crate::judge::judge;
use crate::proxy::Origin;
use crate::relay::Party;
use crate::relay::lane::Chosen;

/// How long a runner that does not answer is left alone.
const AGAIN: Duration = Duration::from_secs(1);

/// Who gave an order, for as long as it waits.
#[derive(Debug)]
pub(crate) struct Standing {
    caller: Caller,
    chain: Vec<CertificateDer<'static>>,
    origin: Origin,
}

impl Standing {
    /// Of the party of a connection.
    pub(crate) fn of(party: &Party<'_>) -> Self {
        let (caller, chain) = (party.caller.clone(), party.chain.to_vec());
        Self { caller, chain, origin: party.origin }
    }

    fn judge(&self, snapshot: &Snapshot) -> Result<(), Reason> {
        let (chain, lane) = (&self.chain, Chosen::new());
        judge(snapshot, &self.origin, &self.caller, chain, &lane, UnixTime::now())
    }
}

/// Judges what waits, each time what decides was replaced, as long as the daemon runs.
pub(crate) async fn keep(house: Arc<House>) {
    let mut changes = house.snapshot.subscribe();
    while changes.changed().await.is_ok() {
        while let Err(reason) = round(&house).await {
            tracing::debug!(reason = reason.code(), "what waits at the runner is not judged yet");
            tokio::select! {
                biased;
                // a newer one is judged instead
                changed = changes.changed() => if changed.is_err() { return },
                () = sleep(AGAIN) => {}
            }
        }
    }
}

/// Judges each command that waits.
async fn round(house: &House) -> Result<(), Reason> {
    let snapshot = house.snapshot();
    let Some(socket) = &snapshot.config.tsm.runner else { return Ok(()) };
    let tasks = house.runner.list(socket).await?;
    let waits = |id: &Id| tasks.iter().any(|task| task.id == *id && task.state == State::Queued);
    house.runner.waiting.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| waits(id));
    for task in tasks.iter().filter(|task| task.state == State::Queued) {
        let Err(reason) = may_run(house, &snapshot, task) else { continue };
        let (client, id) = (&task.client, task.id.as_str());
        tracing::info!(client, id, %reason, "a command that waits is taken back");
        match house.runner.withdraw(socket, task.id.clone(), reason).await {
            // it is over: nothing to take back
            Ok(()) | Err(Reason::CommandEnded | Reason::CommandUnknown) => {}
            Err(reason) => return Err(reason),
        }
    }
    Ok(())
}

/// Whether a command that waits may still run for who asked for it.
fn may_run(house: &House, snapshot: &Snapshot, task: &Task) -> Result<(), Reason> {
    {
        let waiting = house.runner.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(standing) = waiting.get(&task.id) {
            standing.judge(snapshot)?;
        }
    }
    let entry = snapshot.policy.clients().iter().find(|entry| entry.name == task.client);
    let entry = entry.ok_or(Reason::ClientUnknown)?;
    if written(&entry.identity) != task.identity {
        return Err(Reason::ClientChanged);
    }
    let permission: Permission = task.permission.parse().map_err(|_| Reason::PermissionMissing)?;
    entry.role_giving(&permission).map(|_| ()).ok_or(Reason::PermissionMissing)
}
