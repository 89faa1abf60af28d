//! `tsmgated check`: all that the daemon would load, and what is to be said of it. Nothing is bound.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tsmgate_gate::permission::Role;
use tsmgate_gate::policy::Client;
use tsmgate_text::escape;

use super::{Exit, fail, say, status};
use crate::audit;
use crate::daemon::Loaded;
use crate::ip_dropin::{Peers, disagreement};

/// Loads everything, and says how it is.
pub(super) fn check(config: &Path, as_json: bool) -> Exit {
    let loaded = match Loaded::load(config) {
        Ok(loaded) => loaded,
        Err(fault) => return fail(&fault),
    };
    if let Err(fault) = audit::inspect(&loaded.snapshot.config.audit) {
        return fail(&fault.into());
    }
    let policy = &loaded.snapshot.policy;
    let mut warnings = loaded.warnings();
    let peers = Peers::of(&loaded.snapshot.config, &policy.allow);
    warnings.extend(peers.controller.warning());
    // a packet that systemd's filter drops leaves no trace to look for
    warnings.extend(disagreement::here(&peers));
    let (clients, joined) = (entries(policy.configured()), entries(policy.enrolled()));
    let enrolled = loaded.snapshot.enrolled.as_deref();
    let callers = policy.local().0.iter();
    let callers: Vec<_> =
        callers.map(|entry| (entry.who.to_string(), names(&entry.roles))).collect();
    let (listen, local) =
        (loaded.snapshot.config.listen, loaded.snapshot.config.local_socket.as_deref());
    if as_json {
        let entry =
            |what: &str, (name, roles): &(String, Vec<&str>)| json!({ what: name, "roles": roles });
        say(&[status::json(&json!({
            "file": config.to_string_lossy(),
            "listen": listen.to_string(),
            "local": local.map(Path::to_string_lossy),
            "warnings": warnings,
            "clients": clients.iter().map(|client| entry("name", client)).collect::<Vec<_>>(),
            "enrolment": enrolled.map(|enrolled| json!({
                "folder": enrolled.folder().to_string_lossy(),
                "clients": joined.iter().map(|client| entry("name", client)).collect::<Vec<_>>(),
                "left_out": enrolled.left_out(),
                "trouble": enrolled.trouble(),
            })),
            "callers": callers.iter().map(|caller| entry("who", caller)).collect::<Vec<_>>(),
        }))]);
        return Exit::Done;
    }
    let mut lines = vec![format!("{}: good", config.display())];
    lines.extend(warnings.into_iter().map(|warning| format!("warning: {warning}")));
    lines.push(format!("listens on {listen}"));
    lines
        .extend(clients.iter().map(|(name, roles)| format!("client {name}: {}", roles.join(", "))));
    if let Some(enrolled) = enrolled {
        let (folder, left_out) = (enrolled.folder().display(), enrolled.left_out());
        lines.push(format!("enrolment: {} joined, {left_out} left out, of {folder}", joined.len()));
    }
    lines.extend(
        joined.iter().map(|(name, roles)| format!("client {name}, joined: {}", roles.join(", "))),
    );
    if let Some(socket) = local {
        lines.push(format!("listens on {} for callers on this host", socket.display()));
    }
    lines.extend(
        callers.iter().map(|(who, roles)| format!("local {}: {}", escape(who), roles.join(", "))),
    );
    say(&lines);
    Exit::Done
}

/// Each client with its roles.
fn entries(clients: &[Arc<Client>]) -> Vec<(String, Vec<&str>)> {
    clients.iter().map(|client| (client.name.clone(), names(&client.roles))).collect()
}

fn names(roles: &[Arc<Role>]) -> Vec<&str> {
    roles.iter().map(|role| role.name()).collect()
}
