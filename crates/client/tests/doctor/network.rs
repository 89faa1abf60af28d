//! Where the way ends before TLS has said anything, or something else than a gate answers.

use std::io::{Read, Write};

use rustls::version::TLS12;

use crate::rig::gate::config;
use crate::rig::{Certificates, FakeGate, Play, Run, doctor_of, report_of};

#[test]
fn an_unknown_name_ends_at_the_name() {
    let certificates = Certificates::new();
    let report = Run::of(&mut doctor_of("nosuch.invalid", &certificates)).report();
    report.ends_at("name", 70, "here", "the name cannot be resolved", "resolver");
    // what does not need it is tried
    assert_eq!(report.with("ok"), ["settings", "own_certificate"]);
}

#[test]
fn a_port_where_nobody_listens_ends_at_the_connection() {
    let certificates = Certificates::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let report = report_of(port, &certificates);
    report.ends_at("connection", 70, "gate", "connection refused", "tsmgated runs there");
    let address = &report.step("connection")["found"]["addresses"][0];
    assert_eq!(address["address"], format!("127.0.0.1:{port}"));
    assert_eq!(address["connected"], false);
    assert_eq!(report.step("name")["found"]["addresses"][0], "127.0.0.1");
}

#[test]
fn a_source_address_of_another_family_or_host_ends_at_the_connection() {
    let certificates = Certificates::new();
    let mut command = doctor_of("127.0.0.1:1", &certificates);
    let report = Run::of(command.args(["--bind", "::1"])).report();
    report.ends_at("connection", 70, "here", "no address of the family", "--bind");
    let mut command = doctor_of("127.0.0.1:1", &certificates);
    let report = Run::of(command.args(["--bind", "192.0.2.1"])).report();
    report.ends_at("connection", 70, "here", "cannot connect from 192.0.2.1", "--bind");
}

#[test]
fn a_gate_that_closes_without_a_byte_is_explained_by_its_allowlist() {
    let certificates = Certificates::new();
    let gate = FakeGate::raw(drop);
    let report = report_of(gate.port(), &certificates);
    report.ends_at("handshake", 70, "gate", "without a byte of TLS", "admission.allow");
    assert_eq!(report.step("handshake")["found"]["answered"], false);
    assert_eq!(report.step("connection")["verdict"], "ok");
}

#[test]
fn a_peer_that_says_nothing_ends_within_the_time() {
    let certificates = Certificates::new();
    let gate = FakeGate::raw(|mut tcp| drop(tcp.read_to_end(&mut Vec::new())));
    let mut command = doctor_of(&format!("127.0.0.1:{}", gate.port()), &certificates);
    let report = Run::of(command.args(["--timeout", "1s"])).report();
    report.ends_at("handshake", 70, "gate", "says nothing", "tsmgated status");
    assert!(report.step("handshake")["milliseconds"].as_u64().unwrap() >= 1000);
}

#[test]
fn what_is_not_tls_is_said_to_be_something_else() {
    let certificates = Certificates::new();
    let gate = FakeGate::raw(|mut tcp| {
        let _ = tcp.read(&mut [0; 1024]);
        let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = tcp.read_to_end(&mut Vec::new());
    });
    let report = report_of(gate.port(), &certificates);
    report.ends_at("handshake", 76, "here", "does not speak TLS 1.3", "host and port");
    assert_eq!(report.step("handshake")["found"]["answered"], true);
}

#[test]
fn tls_1_2_alone_is_not_enough() {
    let certificates = Certificates::new();
    let gate = FakeGate::with_config(config(&certificates, &[&TLS12]), Play::Close);
    let report = report_of(gate.port(), &certificates);
    report.ends_at("handshake", 76, "gate", "does not speak TLS 1.3", "tsmgated");
}

#[test]
fn tls_without_the_login_lane_is_no_gate() {
    let certificates = Certificates::new();
    let mut config = config(&certificates, &[&rustls::version::TLS13]);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let gate = FakeGate::with_config(config, Play::Close);
    let report = report_of(gate.port(), &certificates);
    report.ends_at("handshake", 76, "gate", "not tsm-login", "proxy");
}
