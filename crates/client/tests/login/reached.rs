//! A gate that cannot be reached, or closes without a TLS byte, or takes too long.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use tsmgate_client::LoginFailure;
use tsmgate_client::failure::{Stage, Unreached};

use crate::rig::{Certificates, FakeGate, Play, Run, granted, library_gate, login_at, login_to};

/// A gate that swallows what it gets and says nothing, not even TLS.
fn mute() -> FakeGate {
    FakeGate::raw(|mut tcp| drop(tcp.read_to_end(&mut Vec::new())))
}

async fn ends_in_time(gate: &FakeGate, certificates: &Certificates) -> LoginFailure {
    let mut gate = library_gate(gate, certificates);
    gate.timeout = Duration::from_millis(2500);
    let begun = Instant::now();
    let failure = gate.login().await.unwrap_err();
    let taken = begun.elapsed();
    assert!(taken >= gate.timeout && taken < gate.timeout * 2, "{taken:?}");
    failure
}

#[test]
fn a_port_where_nobody_listens_is_unreachable() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let run = Run::of(&mut login_to(&format!("127.0.0.1:{port}"), &Certificates::new()));
    run.says(70, "connection refused", "check that tsmgated runs there");
}

#[test]
fn a_name_without_an_address_is_unreachable() {
    let run = Run::of(&mut login_to("gate.invalid:18850", &Certificates::new()));
    run.says(70, "gate.invalid:18850: the name cannot be resolved", "resolver");
}

#[test]
fn a_connection_closed_before_tls_names_both_possibilities() {
    let certificates = Certificates::new();
    // with the ClientHello unread, and after reading it: a reset, and an orderly end
    for gate in [
        FakeGate::raw(drop),
        FakeGate::raw(|mut tcp| assert_ne!(tcp.read(&mut [0; 8192]).unwrap(), 0)),
    ] {
        let run = Run::of(&mut login_at(&gate, &certificates));
        run.says(70, "closed before the TLS handshake", "admission.allow");
        let (_, hint) = run.failed(70);
        assert!(hint.contains("either the network is at fault, or"), "{hint}");
    }
}

#[tokio::test]
async fn a_mute_gate_ends_at_the_timeout() {
    let certificates = Certificates::new();
    let failure = ends_in_time(&mute(), &certificates).await;
    assert!(
        matches!(
            &failure,
            LoginFailure::Unreachable { cause: Unreached::TimedOut(Stage::Handshake), .. }
        ),
        "{failure:?}"
    );
    assert_eq!(failure.exit().code(), 70);
}

#[tokio::test]
async fn a_gate_that_sends_a_byte_a_second_ends_at_the_timeout() {
    let certificates = Certificates::new();
    let gate = FakeGate::start(&certificates, Play::Drip(granted()));
    let failure = ends_in_time(&gate, &certificates).await;
    assert!(
        matches!(
            &failure,
            LoginFailure::Unreachable { cause: Unreached::TimedOut(Stage::Answer), .. }
        ),
        "{failure:?}"
    );
}

#[test]
fn a_gate_that_never_answers_is_unreachable_with_a_hint() {
    let certificates = Certificates::new();
    let gate = FakeGate::start(&certificates, Play::ReplyAndHold(Vec::new()));
    let mut command = login_at(&gate, &certificates);
    let run = Run::of(command.env("TSMGATE_TIMEOUT", "1s").args(["--timeout", "500ms"]));
    // given twice: refused by clap; the variable alone counts
    run.says(64, "--timeout", "--help");

    let mut command = crate::rig::login(["--gate"]);
    command.arg(format!("localhost:{}", gate.port())).env("TSMGATE_TIMEOUT", "500ms");
    command.env("TSMGATE_CA", certificates.path("ca.pem"));
    command.env("TSMGATE_CERT", certificates.path("client.pem"));
    command.env("TSMGATE_KEY", certificates.path("client.key"));
    Run::of(&mut command).says(70, "waiting for the reply", "raise --timeout");
}

#[test]
fn something_else_than_tls_is_a_breach() {
    let gate = FakeGate::raw(|mut tcp| {
        let _ = tcp.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
        drop(tcp.read_to_end(&mut Vec::new()));
    });
    let run = Run::of(&mut login_at(&gate, &Certificates::new()));
    run.says(76, "does not speak", "TLS 1.3 and the protocol tsm-login");
}

#[test]
fn a_source_address_that_is_not_ours_is_named() {
    let certificates = Certificates::new();
    let gate = FakeGate::start(&certificates, Play::Reply(granted()));
    let mut command = login_to(&format!("127.0.0.1:{}", gate.port()), &certificates);
    let run = Run::of(command.args(["--server-name", "localhost", "--bind", "198.51.100.7"]));
    run.says(70, "cannot connect from 198.51.100.7", "--bind");
}

#[test]
fn the_connection_comes_from_the_address_that_was_asked_for() {
    let certificates = Certificates::new();
    let gate = FakeGate::start(&certificates, Play::Reply(granted()));
    let mut command = login_to(&format!("127.0.0.1:{}", gate.port()), &certificates);
    Run::of(command.args(["--server-name", "localhost", "--bind", "127.0.0.9"])).good();
    assert_eq!(gate.agreed().from.to_string(), "127.0.0.9");
}
