//! The status as people read it, line by line.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use serde_json::{Value, json};

use super::*;
use crate::cli::colour::dress;

fn service(name: &str, words: &[&str], state: &str) -> Value {
    let instance = |(number, word): (usize, &&str)| {
        json!({ "instanceId": number.to_string(), "processStatus": word,
            "currentDeploymentState": state, "timestampUtc": 1_700_000_000_000_u64 })
    };
    let instances: Vec<_> = words.iter().enumerate().map(instance).collect();
    json!({ "serviceName": name, "instances": instances, "rollupStatus": "Running",
        "rollupRequestedDeploymentState": state })
}

fn node(id: &str, rollup: &str, services: &[Value]) -> Value {
    json!({ "nodeId": id, "services": services, "rollupStatus": rollup,
        "rollupRequestedDeploymentState": "Enabled" })
}

fn cluster(rollup: &str, nodes: &[Value]) -> ClusterStatus {
    let answer = json!({ "clusterStatus": { "nodes": nodes, "rollupStatus": rollup,
        "rollupRequestedDeploymentState": "Enabled", "href": "/api/0.5/status" }});
    ClusterStatus::read(answer.to_string().as_bytes()).unwrap()
}

fn brief_text(status: &ClusterStatus) -> String {
    dress(brief(status), false)
}

fn two_nodes() -> ClusterStatus {
    cluster(
        "Degraded",
        &[
            node(
                "node1",
                "Running",
                &[
                    service("tabadmincontroller", &["Active"], "Enabled"),
                    service("pgsql", &["Active"], "Enabled"),
                    service("databasemaintenance", &["Down"], "Disabled"),
                ],
            ),
            node(
                "node2",
                "Degraded",
                &[
                    service("pgsql", &["Passive"], "Enabled"),
                    service("vizqlserver", &["Active", "Down"], "Enabled"),
                    service("filestore", &["ActiveSyncing"], "Enabled"),
                    service("newserver", &["Pondering"], "Enabled"),
                ],
            ),
        ],
    )
}

#[test]
fn a_healthy_cluster_is_told_in_a_few_words() {
    let nodes = [
        node("node1", "Running", &[service("gateway", &["Active"], "Enabled")]),
        node("node2", "Running", &[service("gateway", &["Busy"], "Enabled")]),
    ];
    let status = cluster("Running", &nodes);
    assert_eq!(brief_text(&status), "Status: RUNNING\nnode1: RUNNING\nnode2: RUNNING\n");
    assert!(brief(&status).starts_with("Status: \u{1b}[32mRUNNING\u{1b}[0m\n"));
}

#[test]
fn a_stopped_cluster_is_not_an_ill_one() {
    let nodes = [node("node1", "Stopped", &[service("gateway", &["Down"], "Disabled")])];
    assert_eq!(brief_text(&cluster("Stopped", &nodes)), "Status: STOPPED\nnode1: STOPPED\n");
}

#[test]
fn what_is_not_well_is_named_in_one_line() {
    let expected = "\
Status: DEGRADED
node1: RUNNING
node2: DEGRADED
Not well: node2 VizQL Server (vizqlserver) 1 is stopped; \
node2 File Store (filestore) 0 is synchronizing; node2 newserver 0 is \"Pondering\"
";
    assert_eq!(brief_text(&two_nodes()), expected);
}

#[test]
fn a_long_list_of_what_is_not_well_is_cut() {
    let words = ["StatusUnavailable"; 25];
    let services = [service("hyper", &words, "Enabled")];
    let text = brief_text(&cluster("Running", &[node("node1", "Running", &services)]));
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("Not well: node1 Data Engine (hyper) 0 status is unavailable; "));
    assert!(last.ends_with(" (hyper) 9 status is unavailable; and 15 more, see --verbose"));
}

#[test]
fn an_ill_cluster_that_does_not_say_why_is_still_told() {
    let expected = "\
Status: ERROR
node1: RUNNING
Not well: the cluster; TSM does not say what of it
";
    assert_eq!(brief_text(&cluster("Error", &[node("node1", "Running", &[])])), expected);
    let unknown = "Status: UNKNOWN\nNot well: the cluster; TSM does not say what of it\n";
    assert_eq!(brief_text(&ClusterStatus::default()), unknown);
    let node = json!({ "nodeId": "node1", "rollupStatus": "Error" });
    let text = brief_text(&cluster("Running", &[node]));
    assert!(text.ends_with("Not well: node1 is in an error state\n"), "{text}");
}

#[test]
fn every_process_has_its_row() {
    let expected = "\
Status: DEGRADED
NODE   SERVICE                                         INSTANCE  STATUS
node1  Administration Controller (tabadmincontroller)  0         is running
node1  Repository (pgsql)                              0         is running (Active Repository)
node1  Database Maintenance (databasemaintenance)      0         is stopped
node2  Repository (pgsql)                              0         is running (Passive Repository)
node2  VizQL Server (vizqlserver)                      0         is running
node2  VizQL Server (vizqlserver)                      1         is stopped
node2  File Store (filestore)                          0         is synchronizing
node2  newserver                                       0         is \"Pondering\"
";
    assert_eq!(dress(verbose(&two_nodes(), None), false), expected);
}

#[test]
fn colours_tell_rest_from_trouble() {
    let text = verbose(&two_nodes(), None);
    let coloured = |colour: &str| text.matches(&format!("\u{1b}[{colour}mis stopped")).count();
    assert_eq!((coloured("2"), coloured("31")), (1, 1), "{text:?}");
}

#[test]
fn rows_of_what_has_no_processes_and_what_a_process_says() {
    let mut talking = service("backgrounder", &["Error"], "Enabled");
    talking["instances"][0]["message"] = json!("Error opening named pipe");
    let silent = json!({ "serviceName": "nlp", "rollupStatus": "Stopped" });
    let mute = json!({ "serviceName": "hyper", "instances": [{}] });
    let nodes = [node("node1", "Running", &[talking, silent, mute]), node("node2", "Odd", &[])];
    let expected = "\
Status: RUNNING
NODE   SERVICE                      INSTANCE  STATUS
node1  Backgrounder (backgrounder)  0         is in an error state: Error opening named pipe
node1  Ask Data (nlp)               -         is stopped
node1  Data Engine (hyper)          -         says nothing
node2  -                            -         ODD
";
    assert_eq!(dress(verbose(&cluster("Running", &nodes), None), false), expected);
}

#[test]
fn rows_fit_the_terminal() {
    let text = dress(verbose(&two_nodes(), Some(60)), false);
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    assert!(text.contains("\nnode1  Administration Contr…  0         is running\n"), "{text}");
}

/// R43: words of TSM's steer no terminal, forge no line and stay short.
#[test]
fn hostile_words_are_shown_and_do_nothing() {
    let evil = "\u{1b}]0;x\u{7}\nnode9: RUNNING\u{202e}";
    let mut bad = service(evil, &[evil], "Enabled");
    bad["instances"][0]["message"] = json!(evil);
    bad["instances"][0]["instanceId"] = json!(evil);
    let status = cluster(evil, &[node(evil, evil, &[bad])]);
    for (text, lines) in [(brief_text(&status), 3), (dress(verbose(&status, None), false), 3)] {
        assert_eq!(text.lines().count(), lines, "{text}");
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
        assert!(text.contains("\\u{1b}]0;"), "{text}");
    }
    let long = "x".repeat(2 << 20);
    let status = cluster(&long, &[node(&long, &long, &[service(&long, &[&long], "Enabled")])]);
    assert!(brief(&status).len() < 4096);
    assert!(verbose(&status, None).len() < 4096);
}
