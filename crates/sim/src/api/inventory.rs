//! What there is: nodes, topologies, versions, licences.
//!
//! The names of the fields are seen where clients read them; the values are made up. `serverInfo` and
//! `supportInfo` were only read by a client that does not mind case, so theirs is inferred.

use serde_json::{Value, json};

use super::answers::Refusal;
use super::operations::Found;
use crate::world::World;
use crate::world::cluster::BINARY_VERSION;

/// The one version of the topology.
pub(super) const TOPOLOGY: u64 = 1;

/// Guess: a list of objects, as in `/status`.
pub(super) fn nodes(world: &World) -> Value {
    let node = |id: &String| json!({ "nodeId": id, "href": format!("/api/0.5/nodes/{id}") });
    let nodes: Vec<_> = world.cluster.nodes().iter().map(node).collect();
    json!({ "clusterNodes": { "nodes": nodes } })
}

/// Seen: the fields. That memory and disk are numbers of bytes is a guess.
pub(super) fn node(world: &World, id: &str) -> Found {
    if !world.cluster.has_node(id) {
        return Err(Refusal::new(404, format!("There is no node {id}.")));
    }
    Ok(json!({ "nodeInfo": {
        "address": format!("{id}.example.com"),
        "addresses": ["192.0.2.10", "2001:db8::10"],
        "processorCount": 8,
        "availableMemory": 34_359_738_368_u64,
        "totalDiskSpace": 107_374_182_400_u64,
    }}))
}

pub(super) fn topologies() -> Value {
    links(&[&format!("/api/0.5/topologies/{TOPOLOGY}")])
}

pub(super) fn topology(world: &World, version: &str) -> Found {
    if version != TOPOLOGY.to_string() {
        return Err(Refusal::new(404, format!("There is no topology version {version}.")));
    }
    Ok(json!({ "topologyVersion": { "nodes": world.cluster.topology(false) } }))
}

pub(super) fn current_master(world: &World) -> Value {
    let host = format!("{}.example.com", world.cluster.controller_node());
    json!({ "repositoryNodeInfo": { "hostName": host, "port": 8060 } })
}

pub(super) fn server() -> Value {
    json!({ "serverInfo": { "version": "2019.2.2", "build": BINARY_VERSION, "platform": "linux" } })
}

pub(super) fn support() -> Value {
    json!({ "supportInfo": { "href": "https://support.example.com/" } })
}

pub(super) fn licensing() -> Value {
    links(&["/api/0.5/licensing/productKeys", "/api/0.5/licensing/registration"])
}

/// Seen: the fields, and both forms of an expiration.
pub(super) fn product_keys() -> Value {
    json!({ "productKeys": { "items": [
        { "serial": "TSSIM-0000-0000-0000-0001", "isActive": true, "expiration": "permanent" },
        { "serial": "TSSIM-0000-0000-0000-0002", "isActive": false, "expiration": "2030-12-31" },
    ]}})
}

pub(super) fn bootstrap(world: &World) -> Value {
    let address = format!("{}.example.com", world.cluster.controller_node());
    json!({ "initialBootstrapSettings": { "machineAddress": address } })
}

fn links(paths: &[&str]) -> Value {
    let items: Vec<_> = paths.iter().map(|path| json!({ "href": path })).collect();
    json!({ "links": { "items": items } })
}
