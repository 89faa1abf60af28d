//! `tsm status` and `tsm version`.
//!
//! Documented: the words for nodes and services. The lines around them were not seen.

use serde_json::Value;

use super::{Outcome, Task};
use crate::answer::{list, part, text};

/// Names that scripts look for (seen); the others go by their own.
const SHOWN: &[(&str, &str)] = &[
    ("tabadmincontroller", "Tableau Server Administration Controller"),
    ("filestore", "Tableau Server File Store"),
    ("gateway", "Tableau Server Gateway"),
    ("pgsql", "Tableau Server Repository"),
];

pub(super) async fn status(mut task: Task<'_>) -> Outcome {
    let status = task.controller.get("status").await?;
    let rollup = |part: &Value| text(part, "rollupStatus").to_ascii_uppercase();
    if !task.asked.flag("verbose") {
        task.output.line(&format!("Status: {}", rollup(part(&status, "clusterStatus"))));
        return Ok(());
    }
    for node in list(&status, "clusterStatus/nodes") {
        task.output.line(&format!("{}:", text(node, "nodeId")));
        task.output.line(&format!("\tStatus: {}", rollup(node)));
        for service in list(node, "services") {
            let name = text(service, "serviceName");
            let shown = SHOWN.iter().find(|(own, _)| *own == name).map_or(name, |(_, shown)| shown);
            for instance in list(service, "instances") {
                let wanted = text(instance, "currentDeploymentState") == "Enabled";
                let phrase = phrase(name, text(instance, "processStatus"), wanted);
                let number = text(instance, "instanceId");
                task.output.line(&format!("\t'{shown} {number}' {phrase}."));
            }
        }
    }
    Ok(())
}

pub(super) async fn version(mut task: Task<'_>) -> Outcome {
    let server = task.controller.get("serverInfo").await?;
    task.output.line(&format!("Tableau Server version {}", text(&server, "serverInfo/version")));
    Ok(())
}

/// Documented: the phrases. Which status is which is inferred.
fn phrase(service: &str, status: &str, wanted: bool) -> &'static str {
    match (service, status) {
        ("pgsql", "Active") => "is running (Active Repository)",
        ("pgsql", "Passive") => "is running (Passive Repository)",
        (_, "Active" | "Busy" | "Passive" | "ReadOnly") => "is running",
        (_, "Down") if !wanted => "is stopped",
        (_, "Down" | "Error") => "is in an error state",
        (_, "StatusUnavailable") => "status is unavailable",
        (_, "ActiveSyncing") => "is synchronizing",
        (_, status) if status.starts_with("Decom") => "is decommissioning",
        _ => "is in a degraded state",
    }
}
