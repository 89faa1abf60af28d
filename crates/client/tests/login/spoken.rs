//! What the client offers and agrees to in TLS.

use crate::rig::gate::config;
use crate::rig::{Certificates, FakeGate, Play, Run, granted, library_gate, login_at, wait};
use rustls::{HandshakeKind, NamedGroup, ProtocolVersion};

#[test]
fn the_handshake_is_tls_1_3_with_post_quantum_keys_and_our_protocol_name() {
    let certificates = Certificates::new();
    let gate = FakeGate::start(&certificates, Play::Reply(granted()));
    Run::of(&mut login_at(&gate, &certificates)).good();
    let agreed = gate.agreed();
    assert_eq!(agreed.version, ProtocolVersion::TLSv1_3);
    assert_eq!(agreed.group, NamedGroup::X25519MLKEM768);
    assert_eq!(agreed.alpn.as_deref(), Some(&b"tsm-login"[..]));
    assert_eq!(agreed.client, certificates.chain("client.pem"));
}

/// R12: no session is resumed, also where a server offers it.
#[test]
fn a_second_login_makes_a_full_handshake() {
    let certificates = Certificates::new();
    let gate = FakeGate::start(&certificates, Play::Reply(granted()));
    let client = library_gate(&gate, &certificates);
    for _ in 0..2 {
        wait(client.login()).unwrap();
        assert_eq!(gate.agreed().kind, HandshakeKind::Full);
    }
}

#[test]
fn a_server_with_only_other_protocols_is_a_breach() {
    let certificates = Certificates::new();
    let mut other = config(&certificates, &[&rustls::version::TLS13]);
    other.alpn_protocols = vec![b"h2".to_vec()];
    let gate = FakeGate::with_config(other, Play::Reply(granted()));
    let run = Run::of(&mut login_at(&gate, &certificates));
    run.says(76, "TLS alert 120", "TLS 1.3 and the protocol tsm-login");
}

#[test]
fn a_tunnel_that_knows_no_protocol_names_will_do() {
    let certificates = Certificates::new();
    let mut plain = config(&certificates, &[&rustls::version::TLS13]);
    plain.alpn_protocols.clear();
    let gate = FakeGate::with_config(plain, Play::Reply(granted()));
    Run::of(&mut login_at(&gate, &certificates)).good();
}

/// R39: the variable that makes other programs write their session keys is not heard.
#[test]
fn no_key_log_is_written() {
    let certificates = Certificates::new();
    let gate = FakeGate::start(&certificates, Play::Reply(granted()));
    let log = certificates.path("keys.log");
    Run::of(login_at(&gate, &certificates).env("SSLKEYLOGFILE", &log)).good();
    assert!(!log.exists());
}
