//! The cluster's status: shapes that TSM sends, words that count, answers that mean harm.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use serde_json::{Value, json};

use super::*;
use crate::tsm::TEXT_KEPT;

fn instance(id: &Value, status: &str, state: &str) -> Value {
    json!({ "instanceId": id, "processStatus": status, "currentDeploymentState": state,
        "timestampUtc": 1_700_000_000_000_u64, "code": "ACTIVE", "binaryVersion": "20192" })
}

fn service(name: &str, status: &str, state: &str) -> Value {
    json!({ "serviceName": name, "instances": [instance(&json!("0"), status, state)],
        "rollupStatus": "Running", "rollupRequestedDeploymentState": state })
}

fn cluster(rollup: &str, services: &[Value]) -> ClusterStatus {
    let answer = json!({ "clusterStatus": {
        "nodes": [{ "nodeId": "node1", "services": services, "rollupStatus": rollup,
            "rollupRequestedDeploymentState": "Enabled" }],
        "rollupStatus": rollup, "rollupRequestedDeploymentState": "Enabled",
        "href": "/api/0.5/status" }});
    ClusterStatus::read(answer.to_string().as_bytes()).unwrap()
}

#[test]
fn every_word_counts_as_the_documentation_says() {
    for word in ["Active", "Running", "Passive", "Busy", "ACTIVE", "running"] {
        assert_eq!(Health::of(Some(word)), Health::Healthy, "{word}");
    }
    for word in ["Stopped", "Disabled", "STOPPED"] {
        assert_eq!(Health::of(Some(word)), Health::Stopped, "{word}");
    }
    let others = ["Degraded", "Error", "Unlicensed", "Down", "StatusUnavailable", "ReadOnly"];
    for word in others.into_iter().chain(["ActiveSyncing", "Runningly", "", "Läuft"]) {
        assert_eq!(Health::of(Some(word)), Health::Degraded, "{word}");
    }
    assert_eq!(Health::of(None), Health::Degraded);
    let codes = [Health::Healthy, Health::Degraded, Health::Stopped].map(Health::code);
    assert_eq!(codes, [0, 1, 2]);
}

#[test]
fn rollup_is_believed_when_bad_and_looked_behind_when_good() {
    let well = [service("vizportal", "Active", "Enabled")];
    assert_eq!(cluster("Running", &well).health(), Health::Healthy);
    assert_eq!(cluster("Degraded", &well).health(), Health::Degraded);
    assert_eq!(cluster("Stopped", &well).health(), Health::Stopped);
    assert_eq!(cluster("Fnord", &well).health(), Health::Degraded);
    let ill = [service("vizportal", "Down", "Enabled")];
    assert_eq!(cluster("Running", &ill).health(), Health::Degraded);
    assert_eq!(cluster("Stopped", &ill).health(), Health::Stopped);
}

#[test]
fn what_is_disabled_or_only_runs_at_times_is_not_unhealthy() {
    let status = cluster(
        "Running",
        &[
            service("vizportal", "Active", "Enabled"),
            service("samlservice", "Down", "Disabled"),
            service("nlp", "Error", "Disabled"),
            service("databasemaintenance", "Down", "Enabled"),
            service("backuprestore", "Stopped", "Enabled"),
        ],
    );
    assert_eq!(status.ailing().count(), 0);
    assert_eq!(status.health(), Health::Healthy);
    // an error is none of its rests
    let status = cluster("Running", &[service("databasemaintenance", "Error", "Enabled")]);
    assert_eq!(status.health(), Health::Degraded);
}

#[test]
fn ailing_instances_are_named_one_by_one() {
    let mut vizql = service("vizqlserver", "Active", "Enabled");
    vizql["instances"] = json!([
        instance(&json!(0), "Active", "Enabled"),
        instance(&json!(1), "StatusUnavailable", "Enabled"),
        instance(&json!(2), "Down", "Disabled"),
    ]);
    let status = cluster("Degraded", &[vizql]);
    let expected = Ailing {
        node: Some("node1"),
        service: Some("vizqlserver"),
        instance: Some("1"),
        word: Some("StatusUnavailable"),
    };
    assert_eq!(status.ailing().collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_node_or_service_that_names_no_process_is_named_itself() {
    let status = cluster("Error", &[]);
    let node = Ailing { node: Some("node1"), service: None, instance: None, word: Some("Error") };
    assert_eq!(status.ailing().collect::<Vec<_>>(), [node]);
    let empty = json!({ "serviceName": "nlp", "rollupStatus": "Error" });
    let status = cluster("Running", &[empty]);
    let service = Ailing { service: Some("nlp"), ..node };
    assert_eq!(status.ailing().collect::<Vec<_>>(), [service]);
}

#[test]
fn missing_null_and_foreign_fields_are_tolerated() {
    let body = br#"{"more":[{}],"clusterStatus":{"rollupStatus":null,"nodes":[
        {"nodeId":7,"services":null,"rollupStatus":{"a":[1]}},
        {"services":[{"instances":[{"instanceId":3,"processStatus":true,"message":[1]},{}]}]}]}}"#;
    let status = ClusterStatus::read(body).unwrap();
    assert_eq!(status.rollup_status, None);
    assert_eq!(status.nodes[0].node_id.as_deref(), Some("7"));
    assert_eq!(status.nodes[0].rollup_status, None);
    let instances = &status.nodes[1].services[0].instances;
    assert_eq!(instances[0].instance_id.as_deref(), Some("3"));
    assert_eq!(instances[0].process_status.as_deref(), Some("true"));
    assert_eq!(instances[0].message, None);
    assert_eq!(instances[1], Instance::default());
    assert_eq!(status.health(), Health::Degraded);
    let nothing = ClusterStatus::read(br#"{"clusterStatus":{}}"#).unwrap();
    assert_eq!(nothing.health(), Health::Degraded);
}

#[test]
fn an_answer_of_another_kind_is_refused_without_its_text() {
    let missing = Unreadable::Missing("clusterStatus");
    assert_eq!(ClusterStatus::read(br#"{"clusterStatus":null}"#), Err(missing.clone()));
    assert_eq!(ClusterStatus::read(b"{}"), Err(missing.clone()));
    assert_eq!(missing.to_string(), "TSM's answer has no clusterStatus");
    let json = |line, column| Err(Unreadable::Json { line, column });
    assert_eq!(ClusterStatus::read(b""), json(1, 0));
    assert_eq!(ClusterStatus::read(b"<html>"), json(1, 1));
    assert_eq!(ClusterStatus::read(br#"{"clusterStatus":"SECRET"}"#), json(1, 25));
    assert_eq!(ClusterStatus::read(b"{\"clusterStatus\":{\xff"), json(1, 19));
    let text = Unreadable::Json { line: 1, column: 25 }.to_string();
    assert_eq!(text, "TSM's answer cannot be read: line 1, column 25");
}

#[test]
fn texts_counts_and_depth_are_bounded() {
    let long = "ä".repeat(1 << 20);
    let status = cluster("Running", &[service(&long, "Active", "Enabled")]);
    let name = status.nodes[0].services[0].service_name.as_deref().unwrap();
    assert_eq!(name.len(), TEXT_KEPT);
    let odd = format!("a{long}");
    let status = cluster("Running", &[service(&odd, "Active", "Enabled")]);
    let name = status.nodes[0].services[0].service_name.as_deref().unwrap();
    assert_eq!(name.len(), TEXT_KEPT - 1);

    let nodes = |count: usize| {
        let nodes = vec!["{}"; count].join(",");
        ClusterStatus::read(format!(r#"{{"clusterStatus":{{"nodes":[{nodes}]}}}}"#).as_bytes())
    };
    assert_eq!(nodes(MOST_ENTRIES).unwrap().nodes.len(), MOST_ENTRIES);
    let services = vec!["{}"; MOST_ENTRIES].join(",");
    let nested = format!(r#"{{"clusterStatus":{{"nodes":[{{"services":[{services}]}}]}}}}"#);
    assert_eq!(ClusterStatus::read(nested.as_bytes()), Err(Unreadable::TooMany(MOST_ENTRIES)));
    assert_eq!(nodes(MOST_BRACKETS), Err(Unreadable::TooMany(MOST_ENTRIES)));

    let deep = format!(r#"{{"clusterStatus":{}"#, r#"{"x":"#.repeat(10_000));
    assert!(matches!(ClusterStatus::read(deep.as_bytes()), Err(Unreadable::Json { .. })));
}
