//! What was read, as points: the names, tags, fields and numbers of `tableau-monitoring-execd`, so that its
//! dashboards go on, and a measurement of the gate that it does not have.
//!
//! A status it does not know counts as not well, and is passed on as it came.

use std::time::Duration;

use super::pending::Pending;
use super::point::{Point, UNKNOWN};
use super::systeminfo::Systeminfo;
use crate::tsm::ClusterStatus;

/// The measurement of TSM's own status.
pub const TSM: &str = "tableau_tsm_status";
/// The measurement of `systeminfo.xml`.
pub const SYSTEMINFO: &str = "tableau_systeminfo";
/// The measurement of the gate.
pub const GATE: &str = "tableau_gate";

/// A source that gave nothing.
const NOT_KNOWN: i64 = 3;
const UNAVAILABLE: &str = "Unavailable";

/// The number for a status.
fn code(status: &str) -> i64 {
    match status {
        "Active" | "Enabled" | "Running" => 0,
        "Busy" | "Passive" => 1,
        _ => 2,
    }
}

fn said(text: Option<&String>) -> &str {
    text.map_or(UNKNOWN, String::as_str)
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// The cluster, its nodes and every process; `elapsed` is how long the answer took.
pub fn of_tsm(cluster: &ClusterStatus, elapsed: Duration) -> Vec<Point> {
    let point = |node: &str, service: &str, instance: &str| {
        Point::new(TSM).tag("node", node).tag("service", service).tag("instance", instance)
    };
    let whole = |point: Point, status: &str, wanted: &str| {
        let point = point.number("status_code", code(status)).text("status", status);
        point.text("requested_deployment_state", wanted)
    };
    let of = |status: &Option<String>, wanted: &Option<String>, at: Point| {
        whole(at, said(status.as_ref()), said(wanted.as_ref()))
    };
    let all = point("all", "all", "all");
    let all = of(&cluster.rollup_status, &cluster.rollup_requested_deployment_state, all);
    let mut points = vec![all.number("elapsed", micros(elapsed))];
    for node in &cluster.nodes {
        let id = said(node.node_id.as_ref());
        let at = point(id, "all", "all");
        points.push(of(&node.rollup_status, &node.rollup_requested_deployment_state, at));
        for service in &node.services {
            for instance in &service.instances {
                let status = said(instance.process_status.as_ref());
                let state = said(instance.current_deployment_state.as_ref());
                // what nobody wants to run is neither well nor unwell
                let code = if state == "Disabled" { -1 } else { code(status) };
                let (service, number) = (&service.service_name, &instance.instance_id);
                let at = point(id, said(service.as_ref()), said(number.as_ref()));
                let time = instance.timestamp_utc.and_then(|time| i64::try_from(time).ok());
                points.push(
                    at.number("status_code", code)
                        .text("status", status)
                        .text("deployment_state", state)
                        .text("message", instance.message.as_deref().unwrap_or_default())
                        .text("code", instance.code.as_deref().unwrap_or_default())
                        .number("timestamp_utc", time),
                );
            }
        }
    }
    points
}

/// What there is to say where TSM cannot be read.
pub(super) fn tsm_unavailable() -> Point {
    let all = Point::new(TSM).tag("node", "all").tag("service", "all").tag("instance", "all");
    let all = all.number("status_code", NOT_KNOWN).text("status", UNAVAILABLE);
    all.text("requested_deployment_state", UNKNOWN)
}

/// The server and its processes; `elapsed` is how long the document took.
pub fn of_systeminfo(document: &Systeminfo, elapsed: Duration) -> Vec<Point> {
    let status = |point: Point, status: Option<&String>| {
        let status = said(status);
        point.number("status_code", code(status)).text("status", status)
    };
    let all = status(Point::new(SYSTEMINFO).tag("worker", "all"), document.service.as_ref());
    let mut points = vec![all.number("elapsed", micros(elapsed))];
    for process in &document.processes {
        let at = Point::new(SYSTEMINFO).tag("process", &process.name);
        let at = at.tag("worker", said(process.worker.as_ref()));
        points.push(status(at, process.status.as_ref()));
    }
    points
}

/// What there is to say where `systeminfo.xml` cannot be read.
pub(super) fn systeminfo_unavailable() -> Point {
    let all = Point::new(SYSTEMINFO).tag("worker", "all");
    all.number("status_code", NOT_KNOWN).text("status", UNAVAILABLE)
}

/// What is known of a gate. What is not known has no field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct GateReading {
    /// How long it took to say who we are; none where it did not.
    pub(super) elapsed: Option<Duration>,
    /// Whole days until our certificate ends, rounded down; below zero where it has.
    pub(super) certificate_days_left: Option<i64>,
    /// Jobs that run, and jobs that wait.
    pub(super) jobs: Option<(usize, usize)>,
    /// What waits to be applied.
    pub(super) pending: Option<Pending>,
    /// The version of Tableau Server.
    pub(super) server_version: Option<String>,
}

/// The gate of that name.
pub(super) fn of_gate(name: &str, reading: &GateReading) -> Point {
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let pending = reading.pending;
    let (code, status) = match reading.elapsed {
        Some(_) => (0, "Available"),
        None => (NOT_KNOWN, UNAVAILABLE),
    };
    let point =
        Point::new(GATE).tag("gate", name).number("status_code", code).text("status", status);
    let point = point
        .number("elapsed", reading.elapsed.map(micros))
        .number("certificate_days_left", reading.certificate_days_left)
        .number("jobs_running", reading.jobs.map(|(running, _)| count(running)))
        .number("jobs_queued", reading.jobs.map(|(_, queued)| count(queued)))
        .number("pending_changes", pending.and_then(Pending::changes).map(i64::from));
    match &reading.server_version {
        Some(version) => point.text("server_version", version),
        None => point,
    }
}

#[cfg(test)]
mod tests;
