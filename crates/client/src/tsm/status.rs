//! `GET /status`: what the cluster, its nodes, their services and each instance say of themselves.
//!
//! The shape is that of the clients that read it; every field may be missing. Whether that is well is
//! decided in `health`.

use serde::Deserialize;

use super::Unreadable;
use super::lenient::{list, number, text};

mod health;
#[cfg(test)]
mod tests;

pub use health::{Ailing, Health};

/// So many nodes, services and instances together are taken, at most. The largest clusters have some
/// hundred.
pub const MOST_ENTRIES: usize = 10_000;
/// An object or a list opens with a bracket. An answer with more of them is refused before it is taken
/// apart, since an empty object is two bytes there and a hundred here.
const MOST_BRACKETS: usize = 5 * MOST_ENTRIES;

/// The cluster as a whole. Words are TSM's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// The nodes, in TSM's order.
    #[serde(default, deserialize_with = "list::<_, _, MOST_ENTRIES>")]
    pub nodes: Vec<NodeStatus>,
    /// One word for all: `Running`, `Stopped`, `Degraded`, `Error` are known.
    #[serde(default, deserialize_with = "text")]
    pub rollup_status: Option<String>,
    /// What was asked of it: `Enabled` or `Disabled`.
    #[serde(default, deserialize_with = "text")]
    pub rollup_requested_deployment_state: Option<String>,
}

/// One node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Its name in TSM, `node1`.
    #[serde(default, deserialize_with = "text")]
    pub node_id: Option<String>,
    /// Its services, in TSM's order.
    #[serde(default, deserialize_with = "list::<_, _, MOST_ENTRIES>")]
    pub services: Vec<ServiceStatus>,
    /// One word for the node.
    #[serde(default, deserialize_with = "text")]
    pub rollup_status: Option<String>,
    /// What was asked of it.
    #[serde(default, deserialize_with = "text")]
    pub rollup_requested_deployment_state: Option<String>,
}

/// A service on one node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Its name in TSM, `vizportal`.
    #[serde(default, deserialize_with = "text")]
    pub service_name: Option<String>,
    /// Its processes.
    #[serde(default, deserialize_with = "list::<_, _, MOST_ENTRIES>")]
    pub instances: Vec<Instance>,
    /// One word for the service.
    #[serde(default, deserialize_with = "text")]
    pub rollup_status: Option<String>,
    /// What was asked of it.
    #[serde(default, deserialize_with = "text")]
    pub rollup_requested_deployment_state: Option<String>,
}

/// One process of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Its number within the service and node; TSM sends a text, a number is taken too.
    #[serde(default, deserialize_with = "text")]
    pub instance_id: Option<String>,
    /// `Active`, `Passive`, `Busy`, `Down`, `StatusUnavailable` and others.
    #[serde(default, deserialize_with = "text")]
    pub process_status: Option<String>,
    /// `Enabled` or `Disabled`.
    #[serde(default, deserialize_with = "text")]
    pub current_deployment_state: Option<String>,
    /// What it says of its trouble.
    #[serde(default, deserialize_with = "text")]
    pub message: Option<String>,
    /// Its status in capitals, `STATUS_UNAVAILABLE`; not every server says it.
    #[serde(default, deserialize_with = "text")]
    pub code: Option<String>,
    /// When it said so, in milliseconds since 1970.
    #[serde(default, deserialize_with = "number")]
    pub timestamp_utc: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    cluster_status: Option<ClusterStatus>,
}

impl ClusterStatus {
    /// Reads the body of `GET /status`. The caller bounds its length.
    ///
    /// # Errors
    /// It is not JSON, has no `clusterStatus`, or more than [`MOST_ENTRIES`] entries.
    pub fn read(body: &[u8]) -> Result<Self, Unreadable> {
        if body.iter().filter(|&&byte| matches!(byte, b'{' | b'[')).count() > MOST_BRACKETS {
            return Err(Unreadable::TooMany(MOST_ENTRIES));
        }
        let answer: Answer =
            serde_json::from_slice(body).map_err(|error| Unreadable::json(&error))?;
        let status = answer.cluster_status.ok_or(Unreadable::Missing("clusterStatus"))?;
        if status.entries() > MOST_ENTRIES {
            return Err(Unreadable::TooMany(MOST_ENTRIES));
        }
        Ok(status)
    }

    fn entries(&self) -> usize {
        let services = self.nodes.iter().flat_map(|node| &node.services);
        let instances: usize = services.clone().map(|service| service.instances.len()).sum();
        self.nodes.len() + services.count() + instances
    }
}
