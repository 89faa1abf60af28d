//! The local socket, as the status shows it: where it is, whom entries name, and who is there.

use serde::{Deserialize, Serialize};

use crate::house::{House, Snapshot};

/// The socket for callers on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalDoor {
    /// Where it is.
    pub socket: String,
    /// Whom entries name: `user NAME`, `group NAME`, in their order.
    pub entries: Vec<String>,
    /// Who is connected.
    pub callers: Vec<LocalCaller>,
}

/// A user of this host who is connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalCaller {
    /// As the audit calls him: `local:NAME`.
    pub name: String,
    /// How often.
    pub connections: usize,
}

impl LocalDoor {
    /// How it is now.
    pub(super) fn of(house: &House, snapshot: &Snapshot) -> Option<Self> {
        let socket = house.local_socket.as_ref()?.display().to_string();
        let entries = snapshot.policy.local().0.iter().map(|entry| entry.who.to_string()).collect();
        let caller = |(name, connections)| LocalCaller { name, connections };
        let callers = house.local.callers().into_iter().map(caller).collect();
        Some(Self { socket, entries, callers })
    }
}
