//! Two certificates: why the gate's does not convince us, and what a gate says of ours.

use std::io::Read;
use std::net::Shutdown;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{CertificateError, ServerConfig, ServerConnection};

use crate::rig::gate::{Judge, config};
use crate::rig::{Certificates, FakeGate, Play, Recipe, Report, Run, doctor_of, report_of};

fn report_at_a_gate_of(recipe: &Recipe) -> Report {
    let certificates = Certificates::of(recipe);
    let gate = FakeGate::start(&certificates, Play::Close);
    report_of(gate.port(), &certificates)
}

#[test]
fn another_authority_is_told_apart_and_shown() {
    let (ours, theirs) = (
        Certificates::new(),
        Certificates::of(&Recipe { authority: "other", ..Recipe::default() }),
    );
    let gate = FakeGate::start(&theirs, Play::Close);
    let report = report_of(gate.port(), &ours);
    report.ends_at("gate_certificate", 76, "here", "another authority: CN=other", "ca.pem");
    // all that was agreed is known all the same
    let handshake = report.step("handshake");
    assert_eq!(handshake["verdict"], "ok");
    assert_eq!(handshake["found"]["version"], "TLS 1.3");
    assert_eq!(handshake["found"]["group"], "X25519MLKEM768");
    assert_eq!(handshake["found"]["post_quantum"], true);
    assert_eq!(
        report.step("gate_certificate")["found"]["certificate"]["names"][0],
        "DNS:localhost"
    );
}

#[test]
fn another_name_is_said_with_the_one_it_has() {
    let report = report_at_a_gate_of(&Recipe { server: "tsm.example.com", ..Recipe::default() });
    let what = "does not name localhost: it has DNS:tsm.example.com";
    report.ends_at("gate_certificate", 76, "here", what, "--server-name");
}

#[test]
fn a_certificate_that_has_ended_is_the_gates_trouble() {
    let report = report_at_a_gate_of(&Recipe { days: -9..-2, ..Recipe::default() });
    report.ends_at("gate_certificate", 76, "gate", "it has expired: ", "renew");
    assert!(
        report.step("gate_certificate")["found"]["certificate"]["days_left"].as_i64() < Some(0)
    );
}

#[test]
fn a_certificate_that_begins_later_is_a_matter_of_clocks() {
    let report = report_at_a_gate_of(&Recipe { days: 2..9, ..Recipe::default() });
    report.ends_at("gate_certificate", 76, "here", "this host's clock says 2", "clocks");
}

#[test]
fn a_group_without_quantum_computers_in_mind_is_said() {
    let certificates = Certificates::new();
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    let mut config = ServerConfig::builder_with_provider(provider.into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates.chain("server.pem"), certificates.key("server.key"))
        .unwrap();
    config.alpn_protocols = vec![b"tsm-login".to_vec()];
    let gate = FakeGate::with_config(config, Play::Close);
    let report = report_of(gate.port(), &certificates);
    let handshake = report.step("handshake");
    assert_eq!(handshake["found"]["group"], "X25519");
    assert_eq!(handshake["found"]["post_quantum"], false);
    assert!(handshake["says"].as_str().unwrap().contains("not post-quantum"));
}

#[test]
fn each_refusal_of_ours_is_told_apart() {
    use CertificateError::{BadEncoding, Expired, Revoked, UnknownIssuer};
    for (verdict, side, what, hint) in [
        (Revoked, "here", "revoked", "new certificate"),
        (Expired, "here", "expired", "new certificate"),
        (BadEncoding, "here", "not a valid client certificate", "for clients"),
        (UnknownIssuer, "gate", "authority is not known", "tls.client_authority"),
        (
            CertificateError::ApplicationVerificationFailure,
            "gate",
            "denies access",
            "tsmgated explain",
        ),
    ] {
        let certificates = Certificates::new();
        let gate = FakeGate::judging(&certificates, Judge::refusing(verdict));
        report_of(gate.port(), &certificates).ends_at("acceptance", 71, side, what, hint);
    }
}

#[test]
fn a_gate_that_takes_no_key_of_ours_got_no_certificate() {
    let certificates = Certificates::new();
    let gate = FakeGate::judging(&certificates, Judge::wanting_another_key());
    let report = report_of(gate.port(), &certificates);
    report.ends_at("acceptance", 71, "here", "no certificate from us", "ECDSA P-256");
}

#[test]
fn nothing_is_said_to_a_gate_that_is_not_trusted() {
    let certificates = Certificates::of(&Recipe { server: "other", ..Recipe::default() });
    let gate = FakeGate::start(&certificates, Play::Close);
    let address = format!("127.0.0.1:{}", gate.port());
    let run = Run::of(doctor_of(&address, &certificates).arg("--login"));
    assert_eq!(run.report().with("failed"), ["gate_certificate"]);
}

#[test]
fn an_end_that_tls_does_not_say_is_no_yes() {
    let certificates = Certificates::new();
    let config = Arc::new(config(&certificates, &[&rustls::version::TLS13]));
    let gate = FakeGate::raw(move |mut tcp| {
        let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        while tls.is_handshaking() && tls.complete_io(&mut tcp).is_ok() {}
        let _ = tcp.shutdown(Shutdown::Write);
        // what is not read would make a reset of the end
        let _ = tcp.read_to_end(&mut Vec::new());
    });
    let report = report_of(gate.port(), &certificates);
    report.ends_at("acceptance", 71, "gate", "", "");
}
