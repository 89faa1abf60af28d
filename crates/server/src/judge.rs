//! Open connections are judged again: when what decides was replaced, and when a certificate of the
//! caller's runs out.
//!
//! Each connection judges itself, in its own task, by the same rules as at its beginning: the chain, the
//! lists, the deny list, the entry, the network, the balancer in front; of a user of this host the entries and
//! what the user database says of him. Nobody else has to find it.

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::sync::watch;
use tokio::time::sleep;
use tsmgate_gate::permit::{Caller, Who};
use tsmgate_gate::reason::Reason;

use crate::handshake::chain_reason;
use crate::house::{House, Snapshot};
use crate::identify::next_end;
use crate::local::directory::Asker;
use crate::proxy::Origin;
use crate::relay::lane::Chosen;

/// A certificate is good in its last second; this is how long after the end it is asked about again.
const AFTER_THE_END: u64 = 1;

/// Waits until the caller may not stay, and says why. Does not judge what `changes` has shown already.
pub async fn no_longer(
    changes: &mut watch::Receiver<Arc<Snapshot>>,
    origin: &Origin,
    caller: &Caller,
    chain: &[CertificateDer<'static>],
    lane: &Chosen,
) -> Reason {
    loop {
        let now = UnixTime::now();
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let left = next_end(chain, seconds).map(|end| end.abs_diff(seconds) + AFTER_THE_END);
        let ended = async {
            match left {
                Some(left) => sleep(Duration::from_secs(left)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            changed = changes.changed() => if changed.is_err() {
                // the house is gone, and this connection with it
                return Reason::GateStopping;
            },
            () = ended => {}
        }
        let snapshot = Arc::clone(&changes.borrow_and_update());
        if let Err(reason) = judge(&snapshot, origin, caller, chain, lane, UnixTime::now()) {
            return reason;
        }
    }
}

/// Whether a caller with this chain, leaf first, would be let in from there as the same client at `now`.
///
/// # Errors
/// Why not.
pub(crate) fn judge(
    snapshot: &Snapshot,
    origin: &Origin,
    caller: &Caller,
    chain: &[CertificateDer<'static>],
    lane: &Chosen,
    now: UnixTime,
) -> Result<(), Reason> {
    let clients = snapshot.credentials.clients.as_ref().ok_or(Reason::GateClosed)?;
    let (leaf, above) = chain.split_first().ok_or(Reason::CertificateMissing)?;
    clients.verify_client_cert(leaf, above, now).map_err(|error| chain_reason(&error))?;
    // where a balancer is no longer believed, so is not the address it gave
    if !origin.is_believed(&snapshot.config.proxies) {
        return Err(Reason::ClientElsewhere);
    }
    let for_what = lane.get().and_then(|lane| lane.permission());
    caller.stays(&snapshot.policy, for_what.as_ref())
}

/// The same of a user of this host: waits until he may not stay, and says why.
pub async fn local_no_longer(
    house: &House,
    changes: &mut watch::Receiver<Arc<Snapshot>>,
    caller: &Caller,
    lane: &Chosen,
) -> Reason {
    loop {
        if changes.changed().await.is_err() {
            return Reason::GateStopping;
        }
        let snapshot = Arc::clone(&changes.borrow_and_update());
        if let Err(reason) = judge_local(house, &snapshot, caller, lane).await {
            return reason;
        }
    }
}

/// Whether a user of this host may stay: by what was known of him, and by what is known of him now.
async fn judge_local(
    house: &House,
    snapshot: &Snapshot,
    caller: &Caller,
    lane: &Chosen,
) -> Result<(), Reason> {
    let for_what = lane.get().and_then(|lane| lane.permission());
    caller.stays(&snapshot.policy, for_what.as_ref())?;
    let Who::Local(user) = caller.who() else { return Ok(()) };
    let now =
        house.directory.find(Asker::Known, user.uid, snapshot.policy.local().groups()).await?;
    caller.is_still(&snapshot.policy, &now)
}
