//! The command line itself: what it refuses, which source counts, help and version.

use std::process::Command;

use crate::rig::{COOKIE, FakeSocket, Play, Run, TSMGATE, granted, login, login_at_socket};

fn tsmgate(arguments: &[&str]) -> Run {
    Run::of(Command::new(TSMGATE).env_clear().args(arguments))
}

#[test]
fn usage_failures_exit_with_64_and_two_lines() {
    let cases: [(&[&str], &str); 13] = [
        (&[], "nothing was asked for"),
        (&["logon"], "unrecognized subcommand 'logon'"),
        (&["login", "--colour"], "unexpected argument '--colour'"),
        (&["login"], "no gate is named"),
        (&["login", "--gate", "tsm:x"], "not an address of a gate: tsm:x"),
        (&["login", "--gate", "tsm:0"], "not an address of a gate: tsm:0"),
        (&["login", "--gate", "tsm"], "--ca FILE is missing"),
        (&["login", "--gate", "tsm", "--ca", "a", "--cert", "b"], "--key FILE is missing"),
        (&["login", "--socket", "s", "--gate", "tsm"], "--socket does not go with --gate"),
        (&["login", "--socket", "s", "--server-name", "n"], "does not go with --server-name"),
        (&["login", "--socket", "s", "--timeout", "0s"], "invalid value '0s'"),
        (&["login", "--socket", "s", "--cookie-domain", "a\tb"], "--cookie-domain"),
        (&["login", "--socket", "s", "--cookie-domain", "a"], "is for the netscape format"),
    ];
    for (arguments, what) in cases {
        tsmgate(arguments).says(64, what, "");
    }
}

#[test]
fn a_bad_gate_is_said_once_with_what_a_gate_is() {
    for gate in ["https://tsm.example.com", "tsm.example.com:65536"] {
        let run = tsmgate(&["login", "--gate", gate]);
        run.says(64, "not an address of a gate: ", "HOST or HOST:PORT, no https://");
        assert_eq!(run.talk.matches(gate).count(), 1, "{run:?}");
    }
}

#[test]
fn a_misspelt_option_gets_the_right_one_as_its_hint() {
    let run = tsmgate(&["login", "--tiemout", "2s"]);
    run.says(64, "unexpected argument '--tiemout'", "a similar argument exists: '--timeout'");
}

#[test]
fn a_server_name_that_is_none_is_a_usage_failure() {
    let files = ["--ca", "a", "--cert", "b", "--key", "c"];
    let run = Run::of(login(["--gate", "tsm", "--server-name", "not a name"]).args(files));
    run.says(64, "not a server name: not a name", "in the gate's certificate");
}

#[test]
fn a_typed_way_in_sets_the_environments_aside() {
    let socket = FakeSocket::start(Play::Reply(granted()));
    let run = Run::of(login_at_socket(socket.path()).env("TSMGATE_GATE", "tsm.example.com"));
    assert_eq!(run.good(), format!("{COOKIE}\n"));

    let mut command = login(["--gate", "127.0.0.1:1"]);
    command.env("TSMGATE_SOCKET", socket.path());
    Run::of(&mut command).says(64, "--ca FILE is missing", "TSMGATE_CA");
}

#[test]
fn the_environment_alone_will_do_and_two_ways_in_will_not() {
    let socket = FakeSocket::start(Play::Reply(granted()));
    let mut command = login::<&str>([]);
    command.env("TSMGATE_SOCKET", socket.path());
    assert_eq!(Run::of(&mut command).good(), format!("{COOKIE}\n"));
    let run = Run::of(command.env("TSMGATE_GATE", "tsm.example.com"));
    run.says(64, "both TSMGATE_SOCKET and a gate", "unset TSMGATE_SOCKET");
}

#[test]
fn help_shows_every_exit_code_and_an_example() {
    let help = tsmgate(&["login", "--help"]).good();
    for exit in tsmgate_client::exit::Exit::ALL {
        let line = format!("  {:>4}  {}", exit.code(), exit.meaning());
        assert!(help.contains(&line), "{line:?} in {help}");
    }
    assert!(help.contains("Examples:\n  tsmgate login --gate"), "{help}");
    assert!(help.contains("TSMGATE_GATE"), "{help}");
    assert!(tsmgate(&["--help"]).good().contains("  76  protocol"));
    assert_eq!(tsmgate(&["--version"]).good(), format!("tsmgate {}\n", env!("CARGO_PKG_VERSION")));
}

/// R39: no option takes a secret, and help shows no value of the environment.
#[test]
fn help_shows_no_value_of_the_environment() {
    let mut command = login(["--help"]);
    let help = Run::of(command.env("TSMGATE_KEY", "/somewhere/special")).good();
    assert!(!help.contains("special"), "{help}");
}
