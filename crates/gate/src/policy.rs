//! Who is who: an immutable snapshot of the clients, their networks and roles, and the deny list.
//!
//! A caller is one name of its verified certificate that equals one entry byte for byte. There is no
//! default role, no pattern, and the common name never counts.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::local::{LocalEntries, LocalEntry};
use crate::network::{Network, Networks};
use crate::permission::{Permission, Role};
use crate::rate::Rate;
use crate::reason::Reason;

/// What the URI of a client begins with that an enrolment service may name.
pub const ENROLLED: &str = "tsmgate://client/";

/// By what a caller is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The certificate's one URI name.
    Uri(String),
    /// The certificate's one DNS name, for authorities that issue nothing else.
    Dns(String),
    /// The SHA-256 of the certificate's SubjectPublicKeyInfo.
    PublicKey([u8; 32]),
    /// The number of a user of this host, as the kernel gives it: no certificate says it.
    User(u32),
}

/// How much a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimits {
    /// Raw logins.
    pub logins: Rate,
    /// Everything else but commands.
    pub requests: Rate,
    /// Commands of the `tsm` program that are to be run.
    pub commands: Rate,
    /// Calls under way at once, in all lanes.
    pub in_flight: u32,
}

/// One `[[client]]` entry; or what the `[[local]]` entries of one user come to.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its name in the audit and in messages; unique.
    pub name: String,
    /// What its certificate must say, or which user it is.
    pub identity: Identity,
    /// Where it may come from; `None` is all of the allowlist.
    pub networks: Option<Networks>,
    /// What it may do.
    pub roles: Vec<Arc<Role>>,
    /// How much.
    pub limits: ClientLimits,
}

impl Client {
    /// The first of its roles that gives the permission.
    pub fn role_giving(&self, permission: &Permission) -> Option<&Role> {
        self.roles.iter().map(Arc::as_ref).find(|role| role.gives(permission))
    }

    /// The network of the entry that holds the address; `Some(None)` where any listed one will do.
    pub fn network_holding(&self, address: IpAddr) -> Option<Option<&Network>> {
        match &self.networks {
            None => Some(None),
            Some(networks) => networks.find(address).map(Some),
        }
    }
}

/// What the decisions need of a verified leaf certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Serial number, lower-case hexadecimal without leading zeros.
    pub serial: String,
    /// SHA-256 of the whole certificate.
    pub fingerprint: [u8; 32],
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub public_key: [u8; 32],
    /// All its URI names.
    pub uris: Vec<String>,
    /// All its DNS names.
    pub dns: Vec<String>,
    /// The last second of its time, counted from 1970.
    pub not_after: i64,
}

/// Certificates that are refused whatever a revocation list says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DenyList {
    /// Serial numbers as in [`Leaf::serial`].
    pub serials: HashSet<String>,
    /// Hashes as in [`Leaf::public_key`].
    pub public_keys: HashSet<[u8; 32]>,
}

impl DenyList {
    /// Whether the certificate is on it.
    pub fn names(&self, leaf: &Leaf) -> bool {
        self.serials.contains(&leaf.serial) || self.public_keys.contains(&leaf.public_key)
    }
}

/// Who may come, from where, as whom. Never changes; a reload makes another.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Who may open a connection at all.
    pub allow: Networks,
    /// Who is never banned.
    pub exempt: Networks,
    /// Those of the configuration, then those that are enrolled.
    clients: Vec<Arc<Client>>,
    /// How many the configuration has.
    configured: usize,
    by_identity: HashMap<Identity, Vec<Arc<Client>>>,
    local: LocalEntries,
    deny: DenyList,
    /// What is refused beside that: by those who enrol.
    denied_there: DenyList,
    has_authority: bool,
}

/// A client that is not enrolled: the configuration has its name or its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its name.
    pub client: String,
    /// The client that has it.
    pub by: String,
}

/// What keeps a gate closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// `admission.allow` is empty.
    NoNetworks,
    /// There is no `[[client]]`.
    NoClients,
    /// There is no authority whose certificates would count.
    NoAuthority,
}

impl Policy {
    /// A policy. `has_authority` tells whether any client certificate can be verified at all.
    pub fn new(
        allow: Networks,
        exempt: Networks,
        clients: Vec<Client>,
        deny: DenyList,
        has_authority: bool,
    ) -> Self {
        let empty = Self { allow, exempt, deny, has_authority, ..Self::default() };
        let mut policy = clients.into_iter().map(Arc::new).fold(empty, Self::with);
        policy.configured = policy.clients.len();
        policy
    }

    fn with(mut self, client: Arc<Client>) -> Self {
        self.by_identity.entry(client.identity.clone()).or_default().push(Arc::clone(&client));
        self.clients.push(client);
        self
    }

    /// The same configuration with these clients enrolled, and no others, and this refused beside what it
    /// refuses itself. What it says of a name or an identity counts: who has one of those is left out.
    #[must_use]
    pub fn with_enrolled(&self, clients: Vec<Client>, deny: DenyList) -> (Self, Vec<Taken>) {
        let empty = Self {
            clients: Vec::new(),
            by_identity: HashMap::new(),
            denied_there: deny,
            ..self.clone()
        };
        let configured = self.configured().iter().cloned();
        let mut policy = configured.fold(empty, Self::with);
        let mut names: HashSet<String> =
            policy.clients.iter().map(|client| client.name.clone()).collect();
        let mut left_out = Vec::new();
        for client in clients {
            let by = match policy.entries(&client.identity).first() {
                _ if names.contains(&client.name) => client.name.clone(),
                Some(other) => other.name.clone(),
                None => {
                    names.insert(client.name.clone());
                    policy = policy.with(Arc::new(client));
                    continue;
                }
            };
            left_out.push(Taken { client: client.name, by });
        }
        (policy, left_out)
    }

    /// The same, for users of this host too.
    #[must_use]
    pub fn with_local(self, entries: Vec<LocalEntry>) -> Self {
        Self { local: LocalEntries(entries), ..self }
    }

    /// The `[[local]]` entries.
    pub fn local(&self) -> &LocalEntries {
        &self.local
    }

    /// Everything that keeps the gate's port closed; empty where it is open.
    pub fn closed(&self) -> Vec<Closed> {
        self.closing().collect()
    }

    /// Whether nobody can get in there.
    pub fn is_closed(&self) -> bool {
        self.closing().next().is_some()
    }

    fn closing(&self) -> impl Iterator<Item = Closed> {
        [
            (self.allow.is_empty(), Closed::NoNetworks),
            (self.clients.is_empty(), Closed::NoClients),
            (!self.has_authority, Closed::NoAuthority),
        ]
        .into_iter()
        .filter_map(|(closes, why)| closes.then_some(why))
    }

    /// All `[[client]]` entries in the order of the configuration, and after them who is enrolled.
    pub fn clients(&self) -> &[Arc<Client>] {
        &self.clients
    }

    /// Those of them that the configuration has.
    pub fn configured(&self) -> &[Arc<Client>] {
        self.clients.get(..self.configured).unwrap_or_default()
    }

    /// Those of them that are enrolled.
    pub fn enrolled(&self) -> &[Arc<Client>] {
        self.clients.get(self.configured..).unwrap_or_default()
    }

    /// Whether a deny list refuses every certificate with this identity: known beforehand only where
    /// it is a public key.
    pub fn denies(&self, identity: &Identity) -> bool {
        let lists = [&self.deny, &self.denied_there];
        matches!(identity, Identity::PublicKey(hash)
            if lists.iter().any(|deny| deny.public_keys.contains(hash)))
    }

    /// Which client a verified certificate is, seen from an address ([`crate::network::canonical`]).
    ///
    /// # Errors
    /// It is on the deny list, is no client, is two, has several names of a kind that counts, or comes
    /// from elsewhere.
    pub fn identify(&self, leaf: &Leaf, address: IpAddr) -> Result<Arc<Client>, Reason> {
        // the service speaks of certificates of its own alone
        let is_its = leaf.uris.iter().any(|uri| uri.starts_with(ENROLLED));
        if self.deny.names(leaf) || is_its && self.denied_there.names(leaf) {
            return Err(Reason::CertificateRevoked);
        }
        let mut found = self.entries(&Identity::PublicKey(leaf.public_key)).to_vec();
        found.extend_from_slice(self.by_name(&leaf.uris, Identity::Uri)?);
        found.extend_from_slice(self.by_name(&leaf.dns, Identity::Dns)?);
        let client = match found.as_slice() {
            [] => return Err(Reason::ClientUnknown),
            [client] => Arc::clone(client),
            _ => return Err(Reason::ClientAmbiguous),
        };
        // the allowlist again: it may have changed since the connection was admitted
        if self.allow.find(address).is_none() || client.network_holding(address).is_none() {
            return Err(Reason::ClientElsewhere);
        }
        Ok(client)
    }

    /// The entries for the one name of a kind. Several names are refused where any of them would have
    /// counted, so that a certificate cannot carry a second, listed name along.
    fn by_name(
        &self,
        names: &[String],
        kind: fn(String) -> Identity,
    ) -> Result<&[Arc<Client>], Reason> {
        if names.iter().any(|name| name.bytes().any(|byte| byte.is_ascii_control())) {
            return Err(Reason::CertificateNames);
        }
        match names {
            [] => Ok(&[]),
            [name] => Ok(self.entries(&kind(name.clone()))),
            several if several.iter().all(|name| self.entries(&kind(name.clone())).is_empty()) => {
                Ok(&[])
            }
            _ => Err(Reason::CertificateNames),
        }
    }

    /// The entries with an identity; more than one are refused.
    pub fn entries(&self, identity: &Identity) -> &[Arc<Client>] {
        self.by_identity.get(identity).map_or(&[], Vec::as_slice)
    }
}
