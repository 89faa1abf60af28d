//! Callers on this host: who a user is to the gate, and what the entries that name him give.
//!
//! A local caller has no certificate and no address. The kernel says which user connected, the host's user
//! database what he is called and in which groups he is; both come as arguments. Root is a user like any other.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::permission::Role;
use crate::policy::{Client, ClientLimits, Identity};
use crate::reason::Reason;

/// What a local caller's name begins with in the audit: no `[[client]]` can be called so.
pub const PREFIX: &str = "local:";

/// A user of this host, as the user database knows him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalUser {
    /// His number, which the kernel gave.
    pub uid: u32,
    /// His name.
    pub name: String,
    /// Of the groups that entries name, those he is in, as his primary group or as a member.
    pub groups: BTreeSet<String>,
}

/// Whom an entry names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// The user of this name.
    User(String),
    /// All members of the group of this name.
    Group(String),
}

impl fmt::Display for Named {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(formatter, "user {name}"),
            Self::Group(name) => write!(formatter, "group {name}"),
        }
    }
}

/// One `[[local]]` entry.
#[derive(Debug, Clone)]
pub struct LocalEntry {
    /// Who.
    pub who: Named,
    /// What he may do.
    pub roles: Vec<Arc<Role>>,
    /// How much.
    pub limits: ClientLimits,
}

impl LocalEntry {
    /// Whether it is about this user.
    pub fn names(&self, user: &LocalUser) -> bool {
        match &self.who {
            Named::User(name) => *name == user.name,
            Named::Group(name) => user.groups.contains(name),
        }
    }
}

/// The `[[local]]` entries, in the order of the configuration.
#[derive(Debug, Clone, Default)]
pub struct LocalEntries(pub Vec<LocalEntry>);

impl LocalEntries {
    /// Those that name a user, or a group he is in.
    pub fn of<'a>(&'a self, user: &'a LocalUser) -> impl Iterator<Item = &'a LocalEntry> {
        self.0.iter().filter(|entry| entry.names(user))
    }

    /// The groups that entries name: in which of them a user is has to be known of him.
    pub fn groups(&self) -> BTreeSet<String> {
        let group = |entry: &LocalEntry| match &entry.who {
            Named::Group(name) => Some(name.clone()),
            Named::User(_) => None,
        };
        self.0.iter().filter_map(group).collect()
    }

    /// What all entries that name a user come to: he has the roles of each, and the limits of the first.
    ///
    /// # Errors
    /// There is none.
    pub fn identify(&self, user: &LocalUser) -> Result<Arc<Client>, Reason> {
        let limits = self.of(user).next().ok_or(Reason::LocalUserNotListed)?.limits;
        let mut roles: Vec<Arc<Role>> = Vec::new();
        for role in self.of(user).flat_map(|entry| &entry.roles) {
            if !roles.iter().any(|known| known.name() == role.name()) {
                roles.push(Arc::clone(role));
            }
        }
        let name = format!("{PREFIX}{}", user.name);
        let identity = Identity::User(user.uid);
        Ok(Arc::new(Client { name, identity, networks: None, roles, limits }))
    }
}
