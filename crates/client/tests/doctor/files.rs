//! What is wrong here, before anybody is asked: settings, files, our own certificate.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::rig::{Certificates, Run, doctor, doctor_of};

#[test]
fn without_a_gate_there_is_nothing_to_walk_to() {
    let report = Run::of(&mut doctor(["--json"])).report();
    report.ends_at("settings", 64, "here", "no gate is named", "--gate HOST:PORT");
    assert_eq!(report.with("not_tried").len(), 11);
}

#[test]
fn a_profile_with_a_typo_is_a_step_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, "[profile.prod]\ngate = \"127.0.0.1:1\"\n").unwrap();
    let mut command = doctor(["--json", "--profile", "prdo"]);
    let report = Run::of(command.env("TSMGATE_CONFIG", &file)).report();
    report.ends_at("settings", 64, "here", "there is no profile prdo", "tsmgate profile list");
}

#[test]
fn each_setting_says_where_it_came_from() {
    let certificates = Certificates::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let text = "[profile.prod]\ngate = \"127.0.0.1:1\"\nkey = \"client.key\"\ntimeout = \"9s\"\n";
    fs::write(&file, text).unwrap();
    let mut command = doctor(["--json", "--cert"]);
    command.arg(certificates.path("client.pem"));
    command.env("TSMGATE_CONFIG", &file).env("TSMGATE_PROFILE", "prod");
    command.env("TSMGATE_CA", certificates.path("ca.pem"));
    let report = Run::of(&mut command).report();
    let settings = report.step("settings")["found"]["settings"].as_array().unwrap().clone();
    let origin = |name: &str| {
        let setting = settings.iter().find(|setting| setting["name"] == name).unwrap();
        setting["origin"].as_str().unwrap().to_owned()
    };
    assert_eq!(origin("gate"), "profile prod");
    assert_eq!(origin("key"), "profile prod");
    assert_eq!(origin("cert"), "--cert");
    assert_eq!(origin("ca"), "TSMGATE_CA");
    assert_eq!(origin("timeout"), "TSMGATE_TIMEOUT");
    assert_eq!(origin("server_name"), "default");
}

#[test]
fn a_key_that_others_may_read_fails_and_the_network_is_tried_all_the_same() {
    let certificates = Certificates::new();
    let key = certificates.path("client.key");
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let report = Run::of(&mut doctor_of(&address, &certificates)).report();
    assert_eq!(report.with("failed"), ["settings"]);
    assert_eq!(report.json["exit"], 66);
    report.says("settings", "here", "accessible to group or others", "chmod 600");
    assert_eq!(report.step("settings")["found"]["key_mode"], "0640");
    assert_eq!(report.with("ok"), ["name", "connection"]);
    assert_eq!(report.step("handshake")["says"], "a file of yours cannot be used");
}

#[test]
fn a_missing_file_is_named() {
    let certificates = Certificates::new();
    fs::remove_file(certificates.path("ca.pem")).unwrap();
    let report = Run::of(&mut doctor_of("nosuch.invalid", &certificates)).report();
    assert_eq!(report.with("failed"), ["settings", "name"]);
    assert_eq!(report.json["exit"], 66, "that of the first");
    report.says("settings", "here", "ca.pem: cannot be read", "--ca, --cert and --key");
}

#[test]
fn a_key_of_another_certificate_fails_there() {
    let (certificates, other) = (Certificates::new(), Certificates::new());
    fs::copy(other.path("client.key"), certificates.path("client.key")).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let report = Run::of(&mut doctor_of(&address, &certificates)).report();
    assert_eq!(report.with("failed"), ["own_certificate"]);
    assert_eq!(report.json["exit"], 66);
    report.says("own_certificate", "here", "private key is not the certificate's", "of one pair");
    assert_eq!(report.step("own_certificate")["found"]["key_fits"], false);
}

#[test]
fn a_certificate_that_is_not_for_clients_is_known_before_the_gate_says_so() {
    let certificates = Certificates::new();
    for (from, to) in [("server.pem", "client.pem"), ("server.key", "client.key")] {
        fs::copy(certificates.path(from), certificates.path(to)).unwrap();
    }
    let report = Run::of(&mut doctor_of("nosuch.invalid", &certificates)).report();
    assert_eq!(report.with("failed"), ["own_certificate", "name"]);
    assert_eq!(report.json["exit"], 71);
    report.says("own_certificate", "here", "it is for serverAuth", "tsmgate pki client");
    assert_eq!(report.step("own_certificate")["found"]["identity"], "DNS:localhost");
}

#[test]
fn a_socket_that_is_not_there_ends_the_local_way() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("local.sock");
    let local = format!("--local={}", socket.display());
    let report = Run::of(&mut doctor(["--json", &local])).report();
    report.ends_at("socket", 70, "gate", "there is no socket", "listen.local");
    assert_eq!(report.json["steps"].as_array().unwrap().len(), 6);
    fs::write(&socket, "").unwrap();
    let report = Run::of(&mut doctor(["--json", &local])).report();
    report.ends_at("socket", 66, "here", "is no socket", "listen.local");
    fs::remove_file(&socket).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let report = Run::of(&mut doctor(["--json", &local])).report();
    report.ends_at("socket", 70, "gate", "nobody listens", "tsmgated runs on this host");
}
