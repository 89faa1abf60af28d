//! `[[local]]`: who of this host may come, by name. That nobody is called so, or that the user database does not
//! say, is odd and no fault: it may tomorrow, and is asked again whenever somebody comes.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use tsmgate_gate::local::{LocalEntry, Named};
use tsmgate_gate::permission::Role;
use tsmgate_settings::accounts;
use tsmgate_settings::fault::ConfigFault;
use tsmgate_text::escape;

use super::Origin;
use super::clients::{entry_limits, entry_roles};
use crate::config::raw::{self, Raw};
use crate::observe::visible;

/// The longest name of a user or a group, in bytes: longer than any system has.
const LONGEST: usize = 256;

pub(super) fn local(
    raw: &Raw,
    roles: &[Arc<Role>],
    origin: &Origin,
    warnings: &mut Vec<String>,
) -> Result<Vec<LocalEntry>, ConfigFault> {
    let fault = |span: &Range<usize>, message: String| origin.main(span, message);
    let mut entries = Vec::new();
    for written in &raw.local {
        let entry = written.get_ref();
        let who = named(entry).map_err(|message| fault(&written.span(), message))?;
        let odd = match exists(&who) {
            Ok(true) => None,
            Ok(false) => Some(format!("there is no {who} here: the entry lets nobody in")),
            Err(fault) => Some(fault.to_string()),
        };
        warnings.extend(odd.map(|odd| format!("[[local]]: {}", visible(&odd))));
        entries.push(LocalEntry {
            who,
            roles: entry_roles(&entry.roles, roles, &fault)?,
            limits: entry_limits(&entry.limits, &raw.limits.client, &fault)?,
        });
    }
    let odd = match (&raw.listen.local, entries.is_empty()) {
        (Some(_), true) => Some("listen.local is set, and no [[local]] names who may come there"),
        (None, false) => Some(
            "there is a [[local]], and listen.local is not set: it counts only on a socket that \
             systemd hands over",
        ),
        _ => None,
    };
    warnings.extend(odd.map(str::to_owned));
    Ok(entries)
}

/// The one whom an entry names. A number would be another's once it is given anew.
fn named(entry: &raw::Local) -> Result<Named, String> {
    let (name, named): (&Spanned<String>, fn(String) -> Named) = match (&entry.user, &entry.group) {
        (Some(user), None) => (user, Named::User),
        (None, Some(group)) => (group, Named::Group),
        (Some(_), Some(_)) => {
            return Err("`user` and `group` stand together; make an entry of each".to_owned());
        }
        (None, None) => return Err("there has to be a `user` or a `group`".to_owned()),
    };
    let name = name.get_ref();
    let odd = name.is_empty() || name.len() > LONGEST || name.chars().any(char::is_control);
    if odd || name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{}` is not the name of a user or a group", escape(name)));
    }
    Ok(named(name.clone()))
}

fn exists(who: &Named) -> Result<bool, accounts::LookupFault> {
    match who {
        Named::User(name) => accounts::user(name).map(|found| found.is_some()),
        Named::Group(name) => accounts::group(name).map(|found| found.is_some()),
    }
}
