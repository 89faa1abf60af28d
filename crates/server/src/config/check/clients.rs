//! Roles and clients: names, identities, networks and limits that make sense together.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use tsmgate_gate::network::Networks;
use tsmgate_gate::permission::Role;
use tsmgate_gate::policy::{self, Client};

use super::{MOST_AT_ONCE, Origin, rate};
use crate::config::raw::{self, Raw};
use crate::config::values::WrittenNetwork;
use tsmgate_settings::fault::{ConfigFault, nearest};
use tsmgate_settings::values::Parsed;

pub(crate) const NAME_RULE: &str = "1 to 64 letters, digits or .-_@";

/// Names stand in records, lists and messages as they are.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_@".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

pub(super) fn roles(written: &[raw::Role], origin: &Origin) -> Result<Vec<Arc<Role>>, ConfigFault> {
    let mut roles: Vec<Arc<Role>> = Role::built_in().into_iter().map(Arc::new).collect();
    for role in written {
        let name = role.name.get_ref();
        if !is_name(name) {
            return Err(origin.main(&role.name.span(), format!("a role's name is {NAME_RULE}")));
        }
        if roles.iter().any(|other| other.name() == name) {
            let message = format!("there is a role `{name}` already");
            return Err(origin.main(&role.name.span(), message));
        }
        let grants = role.permissions.iter().map(|grant| grant.0.clone()).collect();
        roles.push(Arc::new(Role::new(name.clone(), grants)));
    }
    Ok(roles)
}

pub(super) fn clients(
    raw: &Raw,
    allow: &Networks,
    roles: &[Arc<Role>],
    origin: &Origin,
    warnings: &mut Vec<String>,
) -> Result<Vec<Client>, ConfigFault> {
    // here, where it stands: an entry without limits of its own may be in another file
    let shared = &raw.limits.client.in_flight;
    calls_at_once(shared).map_err(|message| origin.main(&shared.span(), message))?;
    let mut names = HashSet::new();
    let mut identities = HashMap::new();
    let mut clients = Vec::new();
    for (number, entry) in raw.client.iter().enumerate() {
        let fault = |span: &Range<usize>, message: String| origin.entry(number, span, message);
        let name = entry.name.get_ref();
        if !is_name(name) {
            return Err(fault(&entry.name.span(), format!("a client's name is {NAME_RULE}")));
        }
        if !names.insert(name) {
            return Err(fault(&entry.name.span(), format!("there is a client `{name}` already")));
        }
        let identity = &entry.identity.get_ref().0.0;
        if let Some(other) = identities.insert(identity, name) {
            let warning = "have the same identity: a certificate with it is refused";
            warnings.push(format!("the clients `{other}` and `{name}` {warning}"));
        }
        clients.push(Client {
            name: name.clone(),
            identity: identity.clone(),
            networks: entry_networks(entry.networks.as_deref(), allow, &fault)?,
            roles: entry_roles(&entry.roles, roles, &fault)?,
            limits: entry_limits(&entry.limits, &raw.limits.client, &fault)?,
        });
    }
    Ok(clients)
}

/// A fault at a place of the file that an entry stands in.
pub(crate) type EntryFault<'a> = &'a dyn Fn(&Range<usize>, String) -> ConfigFault;

/// Where an entry's client may come from, all of it within `allow`.
pub(crate) fn entry_networks(
    written: Option<&[Spanned<WrittenNetwork>]>,
    allow: &Networks,
    fault: EntryFault<'_>,
) -> Result<Option<Networks>, ConfigFault> {
    let Some(written) = written else { return Ok(None) };
    for network in written {
        let Parsed(network_written) = network.get_ref();
        if !allow.cover(network_written) {
            let message = format!("{network_written} is outside of admission.allow: never reached");
            return Err(fault(&network.span(), message));
        }
    }
    Ok(Some(written.iter().map(|network| network.get_ref().0).collect()))
}

/// The roles that an entry names.
pub(crate) fn entry_roles(
    written: &[Spanned<String>],
    roles: &[Arc<Role>],
    fault: EntryFault<'_>,
) -> Result<Vec<Arc<Role>>, ConfigFault> {
    let find = |name: &Spanned<String>| {
        let known = || roles.iter().map(|role| role.name());
        roles.iter().find(|role| role.name() == name.get_ref()).cloned().ok_or_else(|| {
            let hint = match nearest(name.get_ref(), known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known: {}", known().collect::<Vec<_>>().join(", ")),
            };
            fault(&name.span(), format!("there is no role `{}`; {hint}", name.get_ref()))
        })
    };
    written.iter().map(find).collect()
}

pub(super) fn entry_limits(
    own: &raw::EntryLimits,
    defaults: &raw::ClientLimits,
    fault: EntryFault<'_>,
) -> Result<policy::ClientLimits, ConfigFault> {
    let logins = own.logins.as_ref().unwrap_or(&defaults.logins);
    let requests = own.requests.as_ref().unwrap_or(&defaults.requests);
    let commands = own.commands.as_ref().unwrap_or(&defaults.commands);
    let in_flight = own.in_flight.as_ref().unwrap_or(&defaults.in_flight);
    let rate = |written: &Spanned<raw::Rate>| {
        rate(written).map_err(|message| fault(&written.span(), message.to_owned()))
    };
    calls_at_once(in_flight).map_err(|message| fault(&in_flight.span(), message))?;
    Ok(policy::ClientLimits {
        logins: rate(logins)?,
        requests: rate(requests)?,
        commands: rate(commands)?,
        in_flight: *in_flight.get_ref(),
    })
}

fn calls_at_once(in_flight: &Spanned<u32>) -> Result<(), String> {
    match *in_flight.get_ref() {
        0 => Err("must be at least 1".to_owned()),
        1..=MOST_AT_ONCE => Ok(()),
        _ => Err(format!("must be at most {MOST_AT_ONCE}")),
    }
}
