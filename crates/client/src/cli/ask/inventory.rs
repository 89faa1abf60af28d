//! `tsmgate nodes` and `tsmgate ports`: what the cluster is made of.

use clap::Args;
use serde_json::Value;
use tsmgate_catalogue::api::find::Match;

use super::several::Answered;
use super::shown::{list, part};
use super::{Asking, Task as Any, as_json, lacks, request};
use crate::api::{Api, Document};
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::cli::table::{Cell, table_of};
use crate::exit::{Ended, Exit};

/// Of more nodes than this no details are asked for: each is a request.
const DETAILED_MOST: usize = 64;

const NODES: [&str; 5] = ["NODE", "ADDRESS", "PROCESSORS", "MEMORY", "DISK"];
const PORTS: [&str; 5] = ["NODE", "SERVICE", "INSTANCE", "TYPE", "PORT"];

/// List the nodes of the cluster
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate nodes
  tsmgate nodes --direct https://tsm.example.com:8850 --direct-ca tsm.pem --username anna

JSON: TSM's answer to GET /api/0.5/nodes, clusterNodes.nodes[].")]
pub(crate) struct NodesArgs {
    #[command(flatten)]
    asking: Asking,
}

/// List the ports of the cluster's services
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate ports

JSON: TSM's answer to GET /api/0.5/ports, clusterPorts.nodes[].services[].instances[].ports[].")]
pub(crate) struct PortsArgs {
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug)]
pub(super) enum Task {
    Nodes(Match),
    Ports(Match),
}

impl NodesArgs {
    pub(super) fn settle(self) -> Result<(Asking, Any), Complaint> {
        Ok((self.asking, Any::Inventory(Task::Nodes(request("nodes", &[], &[])?))))
    }
}

impl PortsArgs {
    pub(super) fn settle(self) -> Result<(Asking, Any), Complaint> {
        Ok((self.asking, Any::Inventory(Task::Ports(request("ports", &[], &[])?))))
    }
}

impl Task {
    /// The columns of its answer.
    pub(super) fn heading(&self) -> &'static [&'static str] {
        match self {
            Self::Nodes(_) => &NODES,
            Self::Ports(_) => &PORTS,
        }
    }

    /// What one of several gates says.
    pub(super) async fn one_of_several(&self, api: &mut Api) -> Result<Answered, Complaint> {
        let (answer, rows) = self.ask(api, false).await?;
        let rows = rows.into_iter().map(Vec::from).collect();
        Ok(Answered { answer, rows, ended: Exit::Done.into() })
    }

    /// Asks; `bare` leaves the details out that only a table has.
    async fn ask(
        &self,
        api: &mut Api,
        bare: bool,
    ) -> Result<(Document, Vec<[Cell; 5]>), Complaint> {
        let (request, name) = match self {
            Self::Nodes(request) => (request, "clusterNodes"),
            Self::Ports(request) => (request, "clusterPorts"),
        };
        let answer = api.ask(request).await?;
        let found = nodes(api, &answer, name)?;
        let rows = match self {
            _ if bare => Vec::new(),
            Self::Nodes(_) => node_rows(api, found).await?,
            Self::Ports(_) => port_rows(found),
        };
        Ok((answer, rows))
    }

    pub(super) async fn perform(
        self,
        api: &mut Api,
        json: bool,
        streams: &mut Streams<'_>,
    ) -> Result<Ended, Complaint> {
        let (answer, rows) = self.ask(api, json).await?;
        if json {
            return as_json(&answer, streams);
        }
        streams.rendered(table_of(self.heading(), &rows, streams.out_width))?;
        Ok(Exit::Done.into())
    }
}

fn nodes<'a>(
    api: &Api,
    answer: &'a Document,
    name: &'static str,
) -> Result<&'a [Value], Complaint> {
    let nodes = answer.json().get(name).and_then(|cluster| cluster.get("nodes"));
    nodes.and_then(Value::as_array).map(Vec::as_slice).ok_or_else(|| lacks(api, name))
}

async fn node_rows(api: &mut Api, nodes: &[Value]) -> Result<Vec<[Cell; 5]>, Complaint> {
    let mut rows = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        // seen as objects, and guessed; a list of ids would be no surprise
        let id = node.get("nodeId").and_then(Value::as_str).or_else(|| node.as_str());
        let asked = id.and_then(|id| request("node", &[id], &[]).ok());
        let detail = match asked.filter(|_| place < DETAILED_MOST) {
            Some(request) => Some(api.ask(&request).await?),
            None => None,
        };
        let detail = detail.as_ref().and_then(|answer| answer.json().get("nodeInfo"));
        let detail = detail.unwrap_or(&Value::Null);
        rows.push([
            Cell::foreign(id),
            Cell::own(part(detail, "address")),
            Cell::own(part(detail, "processorCount")),
            Cell::own(size(detail, "availableMemory")),
            Cell::own(size(detail, "totalDiskSpace")),
        ]);
    }
    Ok(rows)
}

/// Bytes in GiB, where it is a number large enough to be one of bytes; TSM's unit is not documented.
fn size(json: &Value, name: &str) -> String {
    const GIB: u64 = 1024 * 1024 * 1024;
    match json.get(name).and_then(Value::as_u64) {
        Some(bytes) if bytes >= GIB => format!("{} GiB", bytes / GIB),
        _ => part(json, name),
    }
}

fn port_rows(nodes: &[Value]) -> Vec<[Cell; 5]> {
    let mut rows = Vec::new();
    for node in nodes {
        for service in list(node, "services") {
            for instance in list(service, "instances") {
                for port in list(instance, "ports") {
                    rows.push([
                        Cell::own(part(node, "nodeId")),
                        Cell::own(part(service, "serviceName")),
                        Cell::own(part(instance, "instanceId")).whole(),
                        Cell::own(part(port, "portType")),
                        Cell::own(part(port, "port")).whole(),
                    ]);
                }
            }
        }
    }
    rows
}
