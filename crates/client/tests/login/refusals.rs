//! A gate that does not accept us: in TLS 1.3 the client learns it at its first read.

use rustls::CertificateError;
use tsmgate_client::LoginFailure;
use tsmgate_client::failure::Refusal;

use crate::rig::certificates::Recipe;
use crate::rig::gate::Judge;
use crate::rig::{Certificates, FakeGate, Play, Run, granted, library_gate, login_at, run_at_gate};

fn run_judged(judge: Judge) -> Run {
    let certificates = Certificates::new();
    let gate = FakeGate::judging(&certificates, judge);
    Run::of(&mut login_at(&gate, &certificates))
}

/// R47: an alert is all a gate says, and it is enough for a hint.
#[test]
fn every_refusal_alert_is_not_accepted_with_its_hint() {
    let cases = [
        (CertificateError::Revoked, "is revoked", "for a new certificate"),
        (CertificateError::Expired, "has expired", "get a new certificate"),
        (CertificateError::BadEncoding, "not a valid client", "certificate for clients"),
        (CertificateError::BadSignature, "authority is not known", "tls.client_authority"),
        (CertificateError::UnknownIssuer, "authority is not known", "revocation list of that"),
        (CertificateError::ApplicationVerificationFailure, "access denied", "[[client]] entry"),
    ];
    for (verdict, what, hint) in cases {
        run_judged(Judge::refusing(verdict)).says(71, what, hint);
    }
}

#[test]
fn a_gate_that_got_no_certificate_says_so() {
    run_judged(Judge::wanting_another_key()).says(71, "got no certificate", "ECDSA P-256");
}

#[test]
fn a_connection_closed_right_after_the_handshake_is_a_refusal() {
    let run = run_at_gate(Play::Close);
    run.says(71, "closed right after the handshake", "audit log, or the gate was stopping");
}

#[test]
fn a_connection_reset_right_after_the_handshake_is_a_refusal() {
    let run = run_at_gate(Play::Reset);
    run.says(71, "closed right after the handshake", "audit log, or the gate was stopping");
}

#[tokio::test]
async fn the_library_tells_refusals_apart() {
    let certificates = Certificates::new();
    let cases = [
        (CertificateError::Revoked, Refusal::CertificateRevoked),
        (CertificateError::ApplicationVerificationFailure, Refusal::AccessDenied),
    ];
    for (verdict, refusal) in cases {
        let gate = FakeGate::judging(&certificates, Judge::refusing(verdict));
        let gate = library_gate(&gate, &certificates);
        let peer = gate.address.to_string();
        assert_eq!(gate.login().await, Err(LoginFailure::NotAccepted { peer, refusal }));
    }
}

#[test]
fn a_certificate_of_another_authority_is_not_accepted() {
    let ours = Certificates::new();
    let gate = FakeGate::start(&ours, Play::Reply(granted()));
    // of another name, and of the same: two authorities may well be called alike
    for authority in ["another", "authority"] {
        let theirs = Certificates::of(&Recipe { authority, ..Recipe::default() });
        let mut stranger = login_at(&gate, &theirs);
        std::fs::copy(ours.path("ca.pem"), theirs.path("ca.pem")).unwrap();
        Run::of(&mut stranger).says(71, "authority is not known", "tls.client_authority");
    }
    // the control: the same gate lets its own client in
    Run::of(&mut login_at(&gate, &ours)).good();
}
