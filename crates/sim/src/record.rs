//! What the simulator saw and gave: counters, who connected, and the bytes each connection brought.
//!
//! Tests use it to assert what did *not* reach TSM. It keeps the newest connections and the first
//! bytes of each, so that a long run does not fill the memory; the counters count everything.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::behaviour::Behaviour;

/// So many connections are kept in the record, the newest.
pub const CONNECTIONS_KEPT: usize = 1024;
/// So many bytes are kept of each connection, the first.
pub const RECEIVED_KEPT: usize = 8192;
/// So many issued cookies are kept, the newest.
const COOKIES_KEPT: usize = 4096;

/// What happened so far, since the simulator was started; a restart does not reset it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted.
    pub connections: u64,
    /// Connections that are open now.
    pub open: u64,
    /// Whole, well-formed calls read, of any method.
    pub calls: u64,
    /// Answers sent to the last byte, exceptions and refusals among them.
    pub answers: u64,
    /// Cookies made for an answer of either side, also where a behaviour then spoiled it.
    pub cookies: u64,
    /// Callers refused by the policy.
    pub refusals: u64,
    /// Connections to the HTTPS side whose handshake was done.
    pub api_connections: u64,
    /// Requests to the HTTPS side, counted as their headers have come.
    pub requests: u64,
}

/// Who connected, as the kernel says (`SO_PEERCRED`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The peer's user.
    pub uid: u32,
    /// The peer's primary group.
    pub gid: u32,
    /// The peer's process, where the kernel tells.
    pub pid: Option<i32>,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// Its place in the order of acceptance, from 1.
    pub number: u64,
    /// Who connected.
    pub peer: Peer,
    /// What it was given.
    pub behaviour: Behaviour,
    /// The bytes it brought, the first [`RECEIVED_KEPT`] of them.
    pub received: Vec<u8>,
    /// How many bytes it brought in all.
    pub received_bytes: u64,
    /// Whether it has ended.
    pub ended: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Record {
    counts: watch::Sender<Counts>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    connections: VecDeque<ConnectionRecord>,
    cookies: VecDeque<String>,
}

impl Record {
    pub(crate) fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        self.counts.send_modify(change);
    }

    pub(crate) async fn wait_until(
        &self,
        deadline: Duration,
        mut condition: impl FnMut(&Counts) -> bool,
    ) -> Result<Counts, Counts> {
        let mut watcher = self.counts.subscribe();
        let met = tokio::time::timeout(deadline, watcher.wait_for(|counts| condition(counts)));
        match met.await {
            Ok(Ok(counts)) => Ok(*counts),
            _ => Err(self.counts()),
        }
    }

    pub(crate) fn connections(&self) -> Vec<ConnectionRecord> {
        self.kept().connections.iter().cloned().collect()
    }

    pub(crate) fn cookies(&self) -> Vec<String> {
        self.kept().cookies.iter().cloned().collect()
    }

    pub(crate) fn keep_cookie(&self, value: &str) {
        push_bounded(&mut self.kept().cookies, COOKIES_KEPT, value.to_owned());
        self.count(|counts| counts.cookies += 1);
    }

    /// Opens the entry of a new connection; it ends when the entry is dropped.
    pub(crate) fn enter(self: &Arc<Self>, peer: Peer, behaviour: Behaviour) -> Entry {
        let mut kept = self.kept();
        let number = kept.connections.back().map_or(1, |last| last.number + 1);
        let connection = ConnectionRecord {
            number,
            peer,
            behaviour,
            received: Vec::new(),
            received_bytes: 0,
            ended: false,
        };
        push_bounded(&mut kept.connections, CONNECTIONS_KEPT, connection);
        drop(kept);
        self.count(|counts| {
            counts.connections += 1;
            counts.open += 1;
        });
        Entry { record: Arc::clone(self), number }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's own line in the record.
#[derive(Debug)]
pub(crate) struct Entry {
    record: Arc<Record>,
    number: u64,
}

impl Entry {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn received(&self, bytes: &[u8]) {
        self.change(|connection| {
            let room = RECEIVED_KEPT.saturating_sub(connection.received.len());
            connection.received.extend(bytes.iter().take(room));
            connection.received_bytes += bytes.len() as u64;
        });
    }

    fn change(&self, change: impl FnOnce(&mut ConnectionRecord)) {
        let mut kept = self.record.kept();
        if let Some(own) = kept.connections.iter_mut().rev().find(|one| one.number == self.number) {
            change(own);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.change(|connection| connection.ended = true);
        self.record.count(|counts| counts.open -= 1);
    }
}

pub(crate) fn push_bounded<T>(queue: &mut VecDeque<T>, limit: usize, item: T) {
    if queue.len() == limit {
        queue.pop_front();
    }
    queue.push_back(item);
}
