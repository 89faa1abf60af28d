//! `[enrolment]`: whose word counts about who joined, and how far.

use std::sync::Arc;

use tsmgate_gate::permission::Role;
use tsmgate_settings::accounts;
use tsmgate_settings::fault::ConfigFault;
use tsmgate_text::escape;

use super::Origin;
use super::clients::{entry_limits, entry_roles};
use crate::config::raw::{EntryLimits, Raw};
use crate::config::{Enrolment, ListFile};

/// The revocation list in the folder.
const LIST: &str = "clients.crl";

pub(super) fn enrolment(
    raw: &Raw,
    roles: &[Arc<Role>],
    origin: &Origin,
) -> Result<Option<Enrolment>, ConfigFault> {
    let Some(written) = &raw.enrolment else { return Ok(None) };
    let of_owner = |message: String| origin.main(&written.owner.span(), message);
    let owner = match accounts::user(written.owner.get_ref()) {
        Ok(Some((owner, _))) => owner,
        Ok(None) => {
            let name = escape(written.owner.get_ref());
            return Err(of_owner(format!("there is no user `{name}` here")));
        }
        Err(error) => return Err(of_owner(error.to_string())),
    };
    let fault = |span: &_, message: String| origin.main(span, message);
    let only = match &written.roles {
        None => None,
        Some(none) if none.get_ref().is_empty() => {
            let message = "nobody could be given a role; name some, or remove the line";
            return Err(origin.main(&none.span(), message));
        }
        Some(some) => {
            let some = entry_roles(some.get_ref(), roles, &fault)?;
            Some(some.iter().map(|role| role.name().to_owned()).collect())
        }
    };
    Ok(Some(Enrolment {
        folder: origin.path(&written.folder),
        owner,
        known: roles.to_vec(),
        roles: only,
        limits: entry_limits(&EntryLimits::default(), &raw.limits.client, &fault)?,
    }))
}

/// The revocation list that is there, as one more of `tls.revocation_list`.
pub(super) fn list(enrolment: &Enrolment) -> ListFile {
    ListFile { path: enrolment.folder.join(LIST), owner: Some(enrolment.owner) }
}
