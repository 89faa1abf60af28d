//! The same of a user of this host: what the user database says of him, and which entries name him.

use std::collections::BTreeSet;

use tsmgate_gate::local::LocalUser;
use tsmgate_gate::permission::Permission;
use tsmgate_gate::policy::Policy;
use tsmgate_settings::accounts::{self, LookupFault, Person};
use tsmgate_text::escape;

use crate::config::Config;

pub(super) fn stages(
    policy: &Policy,
    config: &Config,
    name: &str,
    permission: &Permission,
    lines: &mut Vec<String>,
) -> Result<(), &'static str> {
    lines.push(match &config.local_socket {
        Some(socket) => format!("admit: {} is open to every user of this host", socket.display()),
        None => {
            "admit: listen.local is not set: there is a socket only where systemd hands one over"
                .to_owned()
        }
    });
    let local = policy.local();
    let shown = escape(name);
    let user = match look_up(name, local.groups()) {
        Ok(Some(user)) => user,
        Ok(None) => {
            lines.push(format!("identify: there is no user `{shown}` on this host"));
            return Err("local_user_unknown");
        }
        Err(fault) => {
            lines.push(format!("identify: {fault}"));
            return Err("local_lookup_failed");
        }
    };
    lines.push(format!("identify: {shown} is the user {} here", user.uid));
    for entry in local.of(&user) {
        lines.push(format!("identify: [[local]] {} names him", escape(entry.who.to_string())));
    }
    let Ok(client) = local.identify(&user) else {
        lines.push(format!("identify: no [[local]] names {shown} or a group he is in"));
        return Err("local_user_not_listed");
    };
    match client.role_giving(permission) {
        Some(role) => {
            lines.push(format!("authorize: his role `{}` gives {permission}", role.name()));
            Ok(())
        }
        None => {
            let roles: Vec<_> = client.roles.iter().map(|role| role.name()).collect();
            let roles = roles.join(", ");
            lines.push(format!("authorize: none of his roles ({roles}) gives {permission}"));
            Err("permission_missing")
        }
    }
}

/// The user of that name, as he would be found if he connected: by his number.
fn look_up(name: &str, groups: BTreeSet<String>) -> Result<Option<LocalUser>, LookupFault> {
    let Some((uid, _)) = accounts::user(name)? else { return Ok(None) };
    let groups: Vec<String> = groups.into_iter().collect();
    let of_person =
        |Person { name, groups }| LocalUser { uid, name, groups: groups.into_iter().collect() };
    Ok(accounts::person(uid, &groups)?.map(of_person))
}
