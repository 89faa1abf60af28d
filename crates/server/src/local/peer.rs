//! Who is at the other end of the local socket, as the kernel and the records say it.

use std::io;

use tokio::net::UnixStream;
use tsmgate_gate::permit::{Caller, Who};
use tsmgate_gate::policy::Policy;

use super::directory::NAMELESS;
use crate::audit::record::Record;

/// The process that connected, and its user, at the moment in which it did (`SO_PEERCRED`). Its group says nothing
/// of the user's others and is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The number of its effective user.
    pub uid: u32,
    /// Its own, where it is one of our process namespace. It may be gone, and the number another's.
    pub pid: Option<u32>,
}

impl Peer {
    /// Whom the kernel does not name: the number that it gives those of other namespaces.
    pub const NOBODY: Self = Self { uid: NAMELESS, pid: None };

    /// Of a connection.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn of(stream: &UnixStream) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok());
        Ok(Self { uid: credentials.uid(), pid: pid.filter(|pid| *pid > 0) })
    }

    /// Adds it to a record.
    pub fn about(&self, record: Record) -> Record {
        let record = record.local(self.uid);
        match self.pid {
            Some(pid) => record.number("process.pid", pid.into()),
            None => record,
        }
    }
}

/// For the record: the entries by which a local caller has his roles.
pub fn entries(policy: &Policy, caller: &Caller) -> Record {
    let Who::Local(user) = caller.who() else { return Record::empty() };
    let entries: Vec<_> = policy.local().of(user).map(|entry| entry.who.to_string()).collect();
    let entries: Vec<_> = entries.iter().map(String::as_str).collect();
    Record::empty().texts("tsmgate.local.entries", &entries)
}
