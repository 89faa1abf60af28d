//! What a caller may know of itself: the documents of `GET /v1/whoami` and `GET /v1/permissions`.
//!
//! Names of the configuration's and of its own certificate; nothing of other clients, and nothing of TSM.

use std::collections::BTreeSet;
use std::net::IpAddr;

use data_encoding::HEXUPPER;
use serde::Serialize;
use time::OffsetDateTime;
use tsmgate_catalogue::api::table::OPERATIONS;
use tsmgate_catalogue::command::Catalogue;
use tsmgate_gate::ledger::Left;
use tsmgate_gate::permission::{NAMED, Permission};
use tsmgate_gate::permit::Who;
use tsmgate_gate::policy::{Client, Leaf};
use tsmgate_gate::rate::Rate;

use crate::config::Tsm;
use crate::config::values::written;
use crate::credentials::day;

/// Who the caller is here.
#[derive(Debug, Serialize)]
pub(super) struct Whoami<'a> {
    client: &'a str,
    identity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    roles: Vec<&'a str>,
    /// As the roles have them; `*` ends a prefix.
    permissions: BTreeSet<String>,
    /// What the prefixes do not give.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    except: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate<'a>>,
    limits: Limits,
    lanes: Vec<&'static str>,
    gate: Gate,
}

#[derive(Debug, Serialize)]
struct Certificate<'a> {
    serial: &'a str,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
}

impl<'a> Certificate<'a> {
    fn of(leaf: &'a Leaf) -> Self {
        let until = OffsetDateTime::from_unix_timestamp(leaf.not_after).ok();
        Self {
            serial: &leaf.serial,
            sha256: HEXUPPER.encode(&leaf.fingerprint),
            not_after: until.map(day),
        }
    }
}

#[derive(Debug, Serialize)]
struct Limits {
    requests: Budget,
    logins: Budget,
    commands: Budget,
    in_flight: InFlight,
}

#[derive(Debug, Serialize)]
struct Budget {
    per_minute: u32,
    burst: u32,
    left: u32,
}

impl Budget {
    fn of(rate: Rate, left: u32) -> Self {
        Self { per_minute: rate.per_minute.get(), burst: rate.burst.get(), left }
    }
}

#[derive(Debug, Serialize)]
struct InFlight {
    most: u32,
    now: u32,
}

#[derive(Debug, Serialize)]
struct Gate {
    version: &'static str,
}

impl<'a> Whoami<'a> {
    /// Of a caller under its entry of now.
    pub(super) fn of(client: &'a Client, who: &'a Who, left: Left, tsm: &Tsm) -> Self {
        let (address, certificate) = match who {
            Who::Certificate { leaf, address } => (Some(*address), Some(Certificate::of(leaf))),
            Who::Local(_) => (None, None),
        };
        let roles = client.roles.iter();
        let exceptions = roles.clone().flat_map(|role| role.exceptions());
        // what one role leaves out another may give
        let except = exceptions.filter(|permission| client.role_giving(permission).is_none());
        Self {
            client: &client.name,
            identity: written(&client.identity),
            address,
            roles: roles.clone().map(|role| role.name()).collect(),
            permissions: roles.flat_map(|role| role.grants()).collect(),
            except: except.map(Permission::to_string).collect(),
            certificate,
            limits: Limits {
                requests: Budget::of(client.limits.requests, left.requests),
                logins: Budget::of(client.limits.logins, left.logins),
                commands: Budget::of(client.limits.commands, left.commands),
                in_flight: InFlight { most: client.limits.in_flight, now: left.in_flight },
            },
            lanes: lanes(tsm),
            gate: Gate { version: env!("CARGO_PKG_VERSION") },
        }
    }
}

/// The lanes that are on.
fn lanes(tsm: &Tsm) -> Vec<&'static str> {
    let lanes = [("login", true), ("api", tsm.api.is_some()), ("command", tsm.runner.is_some())];
    lanes.into_iter().filter_map(|(lane, on)| on.then_some(lane)).collect()
}

/// Every permission there is, those that are a command's path behind the others, and whether the caller has it.
#[derive(Debug, Serialize)]
pub(super) struct Permissions<'a> {
    permissions: Vec<Entry<'a>>,
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    name: &'a str,
    effect: &'a str,
    granted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    operations: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    commands: Vec<&'a str>,
}

impl<'a> Permissions<'a> {
    pub(super) fn of(client: &'a Client, catalogue: &'a Catalogue) -> Self {
        let commands = catalogue.commands();
        let entry = |name: &'a str| {
            let permission: Option<Permission> = name.parse().ok();
            let role = permission.and_then(|permission| client.role_giving(&permission));
            let operations = OPERATIONS.iter().filter(|operation| operation.permission == name);
            let mut opened =
                commands.iter().filter(|command| command.permission == name).peekable();
            let summary = opened.peek().map_or("", |command| &command.summary);
            Entry {
                name,
                effect: effect(name).unwrap_or(summary),
                granted: role.is_some(),
                by: role.map(|role| role.name()),
                operations: operations.map(|operation| operation.name).collect(),
                commands: opened.map(|command| &*command.path).collect(),
            }
        };
        let named = NAMED.iter().copied();
        let others = commands.iter().map(|command| &*command.permission);
        let others: BTreeSet<_> = others.filter(|name| !NAMED.contains(name)).collect();
        Self { permissions: named.chain(others).map(entry).collect() }
    }
}

/// What a permission lets one do, in a few words.
fn effect(permission: &str) -> Option<&'static str> {
    Some(match permission {
        "login" => "get the raw session cookie, and give it back",
        "status.read" => "read the server's status",
        "nodes.read" => "read nodes, ports and topologies",
        "jobs.read" => "read jobs",
        "jobs.cancel" => "cancel a job",
        "server.start" => "start the server",
        "server.stop" => "stop the server",
        "server.restart" => "restart the server",
        "backup.create" => "make a backup",
        "backup.restore" => "restore a backup",
        "maintenance.cleanup" => "clean up logs and temporary files",
        "maintenance.ziplogs" => "make an archive of the logs",
        "config.read" => "read the configuration, its secrets taken out",
        "config.secrets" => "read the configuration's secrets too",
        "pending-changes.list" => "list changes that are not applied yet",
        "pending-changes.apply" => "apply them, those of others included",
        "pending-changes.discard" => "discard them, those of others included",
        "commands.others" => "see and cancel the commands of other clients",
        "api.raw" => "use any other path of TSM's API but those of sessions",
        _ => return None,
    })
}
