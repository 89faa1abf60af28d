//! Whether a caller is one of those who may, by the user database of this host.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{Caller, Callers, Denial};
use crate::system::peer::{Account, account};

/// How long the user database may take.
const LOOKUP: Duration = Duration::from_secs(5);

/// Who calls, and whether that user may.
pub(super) async fn judge(callers: &Callers, uid: u32) -> (Caller, Result<(), Denial>) {
    // a directory on the network may keep us waiting, and only on a thread of its own
    let found = match timeout(LOOKUP, spawn_blocking(move || account(uid))).await {
        Ok(Ok(Ok(found))) => Some(found),
        _ => None,
    };
    let verdict = verdict(callers, uid, found.as_ref());
    let name = found.flatten().map(|account| account.name);
    (Caller { uid, name }, verdict)
}

/// The rule: listed, or a member of a listed group. `found` is what the user database says, where it does.
fn verdict(callers: &Callers, uid: u32, found: Option<&Option<Account>>) -> Result<(), Denial> {
    if callers.users.contains(&uid) {
        return Ok(());
    }
    match found {
        None if !callers.groups.is_empty() => Err(Denial::NotJudged),
        Some(Some(account)) if account.groups.iter().any(|it| callers.groups.contains(it)) => {
            Ok(())
        }
        _ => Err(Denial::NotListed),
    }
}

#[cfg(test)]
mod tests;
