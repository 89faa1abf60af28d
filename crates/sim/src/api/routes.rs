//! Which operation a request is: the one table of routes, each with what is known of it.
//!
//! It is as lenient as a Java server may be: escapes are decoded, `;` and what follows it is dropped,
//! dots and empty segments are resolved before anything is compared. That much leniency is a guess, on
//! the side that makes a careless gate show.

use hyper::Method;

/// How sure it is that a route is there. As the fact sheet marks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Documented by the vendor.
    Documented,
    /// Seen in a client that works, or in its captured output.
    Seen,
    /// A guess; there only when asked for.
    Assumed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Login,
    Logout,
    Bootstrap,
    Status,
    Nodes,
    Node,
    Ports,
    Topologies,
    TopologyVersion,
    Topology,
    CurrentMaster,
    ServerInfo,
    SupportInfo,
    Licensing,
    ProductKeys,
    Registration,
    Jobs,
    LatestJob,
    Job,
    CancelJob,
    Enable,
    Disable,
    Restart,
    Backup,
    Restore,
    Cleanup,
    Reindex,
    Ziplogs,
    ConfigurationVersion,
    Keys,
    Key,
    Export,
    StageKeys,
    PendingKeys,
    PendingChanges,
    Discard,
    DiscardTopology,
    Deploy,
    RegenerateTokens,
    AddCustomCertificate,
    CustomCertificate,
    DeleteCustomCertificate,
    RepositoryCertificate,
    SendFile,
}

#[derive(Debug)]
pub(super) struct Route {
    method: &'static str,
    /// Below the base; a segment `*` is any one.
    path: &'static str,
    pub(super) operation: Operation,
    mark: Mark,
}

/// What a request is for.
#[derive(Debug)]
pub(super) enum Found {
    Route(&'static Route, Vec<String>),
    /// The path is known, with these methods.
    OtherMethod(Vec<&'static str>),
    Nothing,
}

const fn route(
    method: &'static str,
    path: &'static str,
    operation: Operation,
    mark: Mark,
) -> Route {
    Route { method, path, operation, mark }
}

use Mark::{Assumed, Documented, Seen};
use Operation as O;

/// More exact paths stand before those with a `*` in the same place.
static ROUTES: &[Route] = &[
    route("POST", "login", O::Login, Documented),
    route("POST", "logout", O::Logout, Seen),
    route("GET", "bootstrap", O::Bootstrap, Seen),
    route("GET", "status", O::Status, Documented),
    route("GET", "nodes", O::Nodes, Seen),
    route("GET", "nodes/*", O::Node, Seen),
    route("GET", "ports", O::Ports, Seen),
    route("GET", "topologies", O::Topologies, Seen),
    route("GET", "topologies/requested/version", O::TopologyVersion, Seen),
    route("GET", "topologies/*", O::Topology, Seen),
    route("GET", "repository/currentMaster", O::CurrentMaster, Seen),
    route("GET", "serverInfo", O::ServerInfo, Seen),
    route("GET", "supportInfo", O::SupportInfo, Seen),
    route("GET", "licensing", O::Licensing, Seen),
    route("GET", "licensing/productKeys", O::ProductKeys, Seen),
    route("POST", "licensing/registration", O::Registration, Seen),
    route("GET", "asyncJobs", O::Jobs, Documented),
    route("GET", "asyncJobs/latest", O::LatestJob, Seen),
    route("GET", "asyncJobs/*", O::Job, Documented),
    route("PUT", "asyncJobs/*/cancel", O::CancelJob, Seen),
    route("POST", "enable", O::Enable, Seen),
    route("POST", "disable", O::Disable, Seen),
    route("POST", "restart", O::Restart, Seen),
    route("POST", "backupFixedFile", O::Backup, Documented),
    route("POST", "restoreFixedFile", O::Restore, Seen),
    route("POST", "cleanup", O::Cleanup, Seen),
    route("POST", "reindex-search", O::Reindex, Seen),
    route("POST", "ziplogs", O::Ziplogs, Assumed),
    route("GET", "configurations/requested/version", O::ConfigurationVersion, Seen),
    route("GET", "configurations/pending/keys", O::PendingKeys, Assumed),
    route("POST", "configurations/pending/keys", O::StageKeys, Assumed),
    route("GET", "configurations/pending/changes", O::PendingChanges, Assumed),
    route("DELETE", "configurations/pending", O::Discard, Assumed),
    route("DELETE", "topologies/pending", O::DiscardTopology, Assumed),
    route("POST", "deployments", O::Deploy, Assumed),
    route("POST", "regenerateInternalTokens", O::RegenerateTokens, Assumed),
    route("POST", "security/customCertificate", O::AddCustomCertificate, Assumed),
    route("GET", "security/customCertificate", O::CustomCertificate, Assumed),
    route("DELETE", "security/customCertificate", O::DeleteCustomCertificate, Assumed),
    route("GET", "repository/sslCertificate", O::RepositoryCertificate, Assumed),
    route("POST", "clientFileService/files", O::SendFile, Assumed),
    route("GET", "configurations/*/keys", O::Keys, Seen),
    route("GET", "configurations/*/keys/*", O::Key, Seen),
    route("GET", "export", O::Export, Seen),
];

impl Route {
    /// Its name in the record: as it stands in the table.
    pub(super) fn name(&self) -> &'static str {
        self.path
    }

    /// Whether it changes something, for the guard against other origins.
    pub(super) fn changes(&self) -> bool {
        self.method != "GET"
    }
}

/// Finds the operation. `HEAD` counts as `GET`, as it does in Spring.
pub(super) fn find(method: &Method, path: &str, assumed: bool) -> Found {
    let segments = segments(path);
    let below = match segments.split_first_chunk() {
        Some(([api, version], below)) if api == "api" && version == "0.5" => below,
        _ => return Found::Nothing,
    };
    let there = |route: &&Route| assumed || route.mark != Assumed;
    let mut others = Vec::new();
    for route in ROUTES.iter().filter(there) {
        let Some(variables) = variables(route.path, below) else { continue };
        let wanted = if method == Method::HEAD { "GET" } else { method.as_str() };
        if route.method == wanted {
            return Found::Route(route, variables);
        }
        others.push(route.method);
    }
    if others.is_empty() { Found::Nothing } else { Found::OtherMethod(others) }
}

fn variables(template: &str, segments: &[String]) -> Option<Vec<String>> {
    let template: Vec<&str> = template.split('/').collect();
    if template.len() != segments.len() {
        return None;
    }
    let mut variables = Vec::new();
    for (wanted, segment) in template.into_iter().zip(segments) {
        if wanted == "*" {
            variables.push(segment.clone());
        } else if wanted != segment {
            return None;
        }
    }
    Some(variables)
}

fn segments(path: &str) -> Vec<String> {
    let decoded = decode(path);
    let mut segments: Vec<String> = Vec::new();
    for segment in decoded.split(['/', '\\']) {
        let segment = segment.split(';').next().unwrap_or_default();
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment.to_owned()),
        }
    }
    segments
}

/// The values of a query, each the first under its name.
pub(super) fn query(query: Option<&str>) -> Vec<(String, String)> {
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let split = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")))
    };
    pairs.map(split).collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
