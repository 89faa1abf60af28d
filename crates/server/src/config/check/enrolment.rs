//! `[enrolment]`, and the entries of those who joined: written by another program, as another user. So of an
//! entry only what that program has to say is taken: who, from where, with which of the roles it may give.

use std::path::Path;
use std::sync::Arc;

use tsmgate_gate::network::Networks;
use tsmgate_gate::permission::Role;
use tsmgate_gate::policy::{Client, Identity};
use tsmgate_settings::accounts;
use tsmgate_settings::fault::{ConfigFault, parse};
use tsmgate_text::escape;

use super::clients::{entry_limits, entry_networks, entry_roles, is_name};
use super::{Enrolment, Origin};
use crate::config::raw::{ClientsFile, EntryLimits, Raw};

pub(super) fn enrolment(
    raw: &Raw,
    roles: &[Arc<Role>],
    origin: &Origin,
) -> Result<Option<Enrolment>, ConfigFault> {
    let Some(written) = &raw.enrolment else { return Ok(None) };
    let fault = |span: &std::ops::Range<usize>, message: String| origin.main(span, message);
    let owner = written.owner.get_ref();
    let at_owner = |message: String| fault(&written.owner.span(), message);
    let owner = match accounts::user(owner) {
        Ok(Some((user, _))) => user,
        Ok(None) => {
            let owner = escape(owner);
            return Err(at_owner(format!("enrolment.owner: there is no user `{owner}` here")));
        }
        Err(error) => return Err(at_owner(format!("enrolment.owner: {error}"))),
    };
    let roles = match &written.roles {
        None => roles.to_vec(),
        Some(named) => entry_roles(named, roles, &fault)?,
    };
    let limits = entry_limits(&EntryLimits::default(), &raw.limits.client, &fault)?;
    Ok(Some(Enrolment { folder: origin.path(written.folder.get_ref()), owner, roles, limits }))
}

/// The client that joined as `name`, by the text of its file.
///
/// # Errors
/// The file says more or less than who it is, from where it may come and what it may do; or what it may not.
pub(crate) fn joined(
    file: &Path,
    text: &str,
    name: &str,
    enrolment: &Enrolment,
    allow: &Networks,
) -> Result<Client, ConfigFault> {
    let whole = |message: &str| ConfigFault::whole(file, message.to_owned());
    let written: ClientsFile = parse(file, text)?;
    let [entry] = written.client.as_slice() else {
        return Err(whole("there must be one [[client]] in it, and no more"));
    };
    let fault =
        |span: &std::ops::Range<usize>, message: String| ConfigFault::at(file, text, span, message);
    if !is_name(name) || entry.name.get_ref() != name {
        return Err(fault(&entry.name.span(), "the name must be that of the file".to_owned()));
    }
    let identity = Identity::Uri(format!("tsmgate://client/{name}"));
    if entry.identity.get_ref().0.0 != identity {
        let message = format!("the identity must be \"URI:tsmgate://client/{name}\"");
        return Err(fault(&entry.identity.span(), message));
    }
    if entry.limits.is_given() {
        return Err(whole("its limits are [limits.client]'s, and cannot be said here"));
    }
    let granted = |role: &&Arc<Role>, name: &str| role.name() == name;
    let mut roles = Vec::new();
    for written in &entry.roles {
        let role = enrolment.roles.iter().find(|role| granted(role, written.get_ref()));
        roles.push(Arc::clone(role.ok_or_else(|| {
            let role = escape(written.get_ref());
            let message = format!("`{role}` is no role, or none that enrolment.roles names");
            fault(&written.span(), message)
        })?));
    }
    let networks = entry_networks(entry, allow, &fault)?;
    Ok(Client { name: name.to_owned(), identity, networks, roles, limits: enrolment.limits })
}
