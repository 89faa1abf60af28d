//! Whether the gate is the gate: its certificate, its name, its dates, its authority.

use crate::rig::certificates::Recipe;
use crate::rig::{Certificates, FakeGate, Play, Run, granted, login_at};

fn run_with(server: &Certificates, extra: &[&str]) -> (Run, FakeGate) {
    let gate = FakeGate::start(server, Play::Reply(granted()));
    let run = Run::of(login_at(&gate, server).args(extra));
    (run, gate)
}

#[test]
fn a_certificate_of_another_name_is_not_trusted() {
    let (run, _gate) = run_with(&Certificates::new(), &["--server-name", "tsm.example.com"]);
    run.says(76, "has another name", "it must name tsm.example.com");
}

#[test]
fn the_server_name_can_differ_from_the_address() {
    let named = Certificates::of(&Recipe { server: "tsm.example.com", ..Recipe::default() });
    let (run, _gate) = run_with(&named, &["--server-name", "tsm.example.com"]);
    run.good();
}

#[test]
fn a_certificate_of_another_authority_is_not_trusted() {
    let real = Certificates::new();
    // of another name, and of the same: two authorities may well be called alike
    for authority in ["another", "authority"] {
        let impostor = Certificates::of(&Recipe { authority, ..Recipe::default() });
        let gate = FakeGate::start(&impostor, Play::Reply(granted()));
        let run = Run::of(&mut login_at(&gate, &real));
        run.says(76, "not of the given authority", "/ca.pem must hold the authority");
    }
}

#[test]
fn an_expired_certificate_is_not_trusted() {
    let past = Certificates::of(&Recipe { days: -10..-2, ..Recipe::default() });
    let (run, _gate) = run_with(&past, &[]);
    run.says(76, "has expired", "this host's clock");
}

#[test]
fn a_certificate_of_tomorrow_is_not_trusted() {
    let future = Certificates::of(&Recipe { days: 2..10, ..Recipe::default() });
    let (run, _gate) = run_with(&future, &[]);
    run.says(76, "not valid yet", "clocks");
}

#[test]
fn a_client_certificate_cannot_pose_as_a_gate() {
    let certificates = Certificates::new();
    for kind in ["pem", "key"] {
        let from = certificates.path(&format!("client.{kind}"));
        std::fs::copy(from, certificates.path(&format!("server.{kind}"))).unwrap();
    }
    let (run, _gate) = run_with(&certificates, &[]);
    run.says(76, "cannot trust", "tsmgate pki server");
}
