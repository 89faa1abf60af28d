//! `status`, `nodes` and `ports` against the simulated controller.

use tsmsim::ServerState;

use crate::rig::Controller;

#[test]
fn health_is_an_exit_code_where_it_is_asked_for() {
    let controller = Controller::start();
    let brief = controller.ask(&["status", "--check"]);
    assert_eq!(brief.good(), "Status: RUNNING\nnode1: RUNNING\n");
    controller.api().set_process("backgrounder", "Down", Some("gone\u{1b}[2J"));
    let run = controller.ask(&["status", "--check"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.out.contains("Not well: node1 Backgrounder (backgrounder) 0"), "{run:?}");
    let out = controller.ask(&["status", "--verbose"]).good();
    assert!(
        out.contains("is in an error state: gone\\u{1b}[2J") || out.contains("gone\\u{1b}[2J"),
        "{out}"
    );
    controller.api().set_server_state(ServerState::Stopped);
    let run = controller.ask(&["status", "--check", "--json"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(json["clusterStatus"]["rollupStatus"], "Stopped");
    controller.ask(&["status"]).good();
    controller.is_left_alone();
}

#[test]
fn nodes_are_shown_with_what_each_says_of_itself() {
    let nodes = ["node1", "node2"].map(str::to_owned).to_vec();
    let controller = Controller::with(|options| options.nodes = nodes);
    assert_eq!(
        controller.ask(&["nodes"]).good(),
        "NODE   ADDRESS            PROCESSORS  MEMORY  DISK\n\
         node1  node1.example.com  8           32 GiB  100 GiB\n\
         node2  node2.example.com  8           32 GiB  100 GiB\n"
    );
    let asked = ["GET /api/0.5/nodes", "GET /api/0.5/nodes/node1", "GET /api/0.5/nodes/node2"];
    assert_eq!(controller.targets(), asked);
    assert_eq!(controller.api().connections().len(), 1, "all on one connection");
    let json = controller.ask(&["nodes", "--json"]).good();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["clusterNodes"]["nodes"].as_array().unwrap().len(), 2);
}

#[test]
fn ports_are_a_table() {
    let controller = Controller::start();
    let out = controller.ask(&["ports"]).good();
    let lines: Vec<Vec<_>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NODE", "SERVICE", "INSTANCE", "TYPE", "PORT"]);
    assert!(lines.contains(&vec!["node1", "gateway", "0", "primary", "80"]), "{out}");
    assert!(lines.contains(&vec!["node1", "vizportal", "0", "jmx", "9095"]), "{out}");
}
