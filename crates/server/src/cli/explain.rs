//! `tsmgated explain`: which rule would answer, without asking anybody but the configuration.

use std::net::IpAddr;
use std::path::Path;

use serde_json::json;
use time::OffsetDateTime;
use tsmgate_gate::network::canonical;
use tsmgate_gate::permission::Permission;
use tsmgate_gate::policy::{Identity, Policy};

use super::{Exit, fail, say, status};
use crate::daemon::Loaded;
use crate::enrolled::Enrolled;
use crate::house::{Snapshot, closed};
use tsmgate_text::escape;

mod local;
mod opens;

/// Whom it is about.
#[derive(Clone, Copy)]
pub(super) enum Whom<'a> {
    /// A client by its name, from an address.
    Client { name: &'a str, from: IpAddr },
    /// A user of this host, by his name.
    Local { user: &'a str },
}

/// Prints the stages in order and stops at the one that says no.
pub(super) fn explain(
    config: &Path,
    whom: Whom<'_>,
    permission: &Permission,
    as_json: bool,
) -> Exit {
    let loaded = match Loaded::load(config) {
        Ok(loaded) => loaded,
        Err(fault) => return fail(&fault),
    };
    let mut lines = Vec::new();
    let expired = loaded.snapshot.credentials.list_expired(OffsetDateTime::now_utc());
    let Snapshot { policy, config, enrolled, .. } = &loaded.snapshot;
    let verdict = match whom {
        Whom::Client { name, from } => {
            let enrolled = enrolled.as_deref();
            stages(policy, enrolled, expired, name, canonical(from), permission, &mut lines)
        }
        Whom::Local { user } => local::stages(policy, config, user, permission, &mut lines),
    };
    // also where the answer is no: what it would be good for
    lines.extend(opens::told(permission, config));
    if as_json {
        return in_json(verdict, &lines);
    }
    let exit = match verdict {
        Ok(()) => {
            lines.push("answer: permitted, within the client's limits".to_owned());
            if matches!(whom, Whom::Client { .. }) {
                lines.push(
                    "assuming a certificate that is good: its dates, issuer, serial number and key \
                     are only seen in the handshake"
                        .to_owned(),
                );
            }
            Exit::Done
        }
        Err(code) => {
            lines.push(format!("answer: refused ({code})"));
            Exit::Refused
        }
    };
    say(&lines);
    exit
}

/// The same for a program: every line is `stage: what is said`.
fn in_json(verdict: Result<(), &'static str>, lines: &[String]) -> Exit {
    let step = |line: &String| {
        let (stage, says) = line.split_once(": ").unwrap_or(("", line));
        json!({ "stage": stage, "says": says })
    };
    let steps: Vec<_> = lines.iter().map(step).collect();
    let (permitted, reason) = (verdict.is_ok(), verdict.err());
    say(&[status::json(&json!({ "permitted": permitted, "reason": reason, "steps": steps }))]);
    if permitted { Exit::Done } else { Exit::Refused }
}

fn stages(
    policy: &Policy,
    enrolled: Option<&Enrolled>,
    list_expired: bool,
    name: &str,
    address: IpAddr,
    permission: &Permission,
    lines: &mut Vec<String>,
) -> Result<(), &'static str> {
    if policy.is_closed() {
        lines.extend(policy.closed().iter().map(|why| format!("admit: {}", closed(why))));
        return Err("gate_closed");
    }
    let Some(network) = policy.allow.find(address) else {
        lines.push(format!("admit: no network of admission.allow holds {address}"));
        return Err("address_not_listed");
    };
    lines.push(format!("admit: {address} is in {network} of admission.allow"));
    if list_expired {
        lines.push(
            "handshake: a revocation list has expired: its issuer's certificates are refused"
                .to_owned(),
        );
        return Err("revocation_list_expired");
    }
    let Some(client) = policy.clients().iter().find(|client| client.name == name) else {
        lines.push(format!("identify: there is no [[client]] `{}`", escape(name)));
        let why_not = enrolled.and_then(|enrolled| enrolled.why_not(name));
        lines.extend(why_not.map(|why| format!("identify: its file is left out: {why}")));
        return Err("client_unknown");
    };
    let identity = match &client.identity {
        Identity::Uri(uri) => format!("the URI name {uri}"),
        Identity::Dns(dns) => format!("the DNS name {dns}"),
        Identity::PublicKey(hash) => {
            format!("the public key with SHA-256 {}", data_encoding::BASE64.encode(hash))
        }
        // no [[client]] says so
        Identity::User(uid) => format!("the user {uid}"),
    };
    lines.push(format!("identify: {name} is a certificate with {identity}"));
    if let Some(enrolled) =
        enrolled.filter(|_| policy.enrolled().iter().any(|one| one.name == client.name))
    {
        lines.push(format!("identify: {name} has joined, see {}", enrolled.folder().display()));
    }
    if policy.entries(&client.identity).len() > 1 {
        lines.push("identify: another client has the same identity".to_owned());
        return Err("client_ambiguous");
    }
    if policy.denies(&client.identity) {
        lines.push("identify: [revoked] has its public key".to_owned());
        return Err("certificate_revoked");
    }
    match client.network_holding(address) {
        None => {
            lines.push(format!("identify: no network of {name} holds {address}"));
            return Err("client_elsewhere");
        }
        Some(None) => lines.push(format!("identify: {name} may come from all of admission.allow")),
        Some(Some(network)) => lines.push(format!("identify: {name} may come from {network}")),
    }
    match client.role_giving(permission) {
        Some(role) => {
            lines.push(format!("authorize: its role `{}` gives {permission}", role.name()));
            Ok(())
        }
        None => {
            let roles: Vec<_> = client.roles.iter().map(|role| role.name()).collect();
            lines.push(format!(
                "authorize: none of its roles ({}) gives {permission}",
                roles.join(", ")
            ));
            Err("permission_missing")
        }
    }
}
