//! One file of the folder: exactly one client, who is what the file is called.
//!
//! What it may not say is not read at all: no limits, no identity of another kind. Whether the configuration
//! takes what it says is asked each time, for the configuration changes without it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use tsmgate_gate::network::Networks;
use tsmgate_gate::policy::{Client, ENROLLED, Identity};
use tsmgate_settings::fault;

use crate::config::values::WrittenNetwork;
use crate::config::{ConfigFault, Enrolment, NAME_RULE, entry_networks, entry_roles, is_name};

/// An entry has no more roles, nor networks.
const ROLES_MOST: usize = 16;
const NETWORKS_MOST: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryFile {
    client: Vec<Written>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Spanned<String>,
    identity: Spanned<String>,
    networks: Option<Vec<Spanned<WrittenNetwork>>>,
    roles: Vec<Spanned<String>>,
}

/// An entry, as it was read.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    path: PathBuf,
    text: String,
    written: Written,
}

/// A file that gives no client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Its name, without the folder; of an entry that of its client and `.toml`.
    pub(super) file: String,
    /// Why, with the file.
    pub(super) why: String,
}

impl LeftOut {
    /// The file of the client of that name.
    pub(super) fn of(name: &str, fault: &ConfigFault) -> Self {
        Self { file: format!("{name}.toml"), why: fault.to_string() }
    }
}

impl Entry {
    /// The entry of the client of that name.
    ///
    /// # Errors
    /// It is not that, or not that alone.
    pub(super) fn read(path: &Path, text: String, name: &str) -> Result<Self, ConfigFault> {
        let EntryFile { client } = fault::parse(path, &text)?;
        let [written] = <[Written; 1]>::try_from(client).map_err(|several| {
            let message =
                format!("there is one [[client]] in such a file, and not {}", several.len());
            ConfigFault::whole(path, message)
        })?;
        let at = |span: &_, message: String| ConfigFault::at(path, &text, span, message);
        if written.name.get_ref() != name {
            let message = format!("must be `{name}`, as the file is called");
            return Err(at(&written.name.span(), message));
        }
        let networks = written.networks.as_ref().map_or(0, Vec::len);
        if written.roles.len() > ROLES_MOST || networks > NETWORKS_MOST {
            let message =
                format!("it has more than {ROLES_MOST} roles or {NETWORKS_MOST} networks");
            return Err(ConfigFault::whole(path, message));
        }
        if let Some(role) = written.roles.iter().find(|role| !is_name(role.get_ref())) {
            return Err(at(&role.span(), format!("a role's name is {NAME_RULE}")));
        }
        let identity = format!("URI:{ENROLLED}{name}");
        if *written.identity.get_ref() != identity {
            return Err(at(&written.identity.span(), format!("must be `{identity}`")));
        }
        Ok(Self { path: path.to_owned(), text, written })
    }

    /// Whose it is.
    pub(super) fn name(&self) -> &str {
        self.written.name.get_ref()
    }

    /// Whether the file is still the same.
    pub(super) fn says_as(&self, other: &Self) -> bool {
        (&self.path, &self.text) == (&other.path, &other.text)
    }

    /// The client that it gives.
    ///
    /// # Errors
    /// It may not have a role, or not come from a network.
    pub(super) fn client(
        &self,
        order: &Enrolment,
        allow: &Networks,
    ) -> Result<Client, ConfigFault> {
        let fault =
            |span: &_, message: String| ConfigFault::at(&self.path, &self.text, span, message);
        let roles = entry_roles(&self.written.roles, &order.known, &fault)?;
        let not_there = |role: &&Spanned<String>| {
            order.roles.as_ref().is_some_and(|only| !only.contains(role.get_ref()))
        };
        if let Some(role) = self.written.roles.iter().find(not_there) {
            let message = format!("the role `{}` is none of enrolment.roles", role.get_ref());
            return Err(fault(&role.span(), message));
        }
        Ok(Client {
            name: self.name().to_owned(),
            identity: Identity::Uri(format!("{ENROLLED}{}", self.name())),
            networks: entry_networks(self.written.networks.as_deref(), allow, &fault)?,
            roles,
            limits: order.limits,
        })
    }
}
