//! Whom a command asks: what has to be given, what does not go together, what the environment may say.

use crate::rig::{Controller, Gate, Reply, Run, at, tsmgate};

const VERBS: &[&[&str]] = &[
    &["whoami"],
    &["permissions"],
    &["status"],
    &["nodes"],
    &["ports"],
    &["jobs", "list"],
    &["jobs", "show", "1"],
    &["jobs", "wait", "1"],
    &["jobs", "cancel", "1"],
    &["start"],
    &["stop"],
    &["restart"],
    &["backup", "x"],
    &["cleanup", "--delete-temp-files"],
    &["config", "get", "k"],
    &["api", "GET", "/api/0.5/status"],
    &["logout", "--cookie-file", "Cargo.toml"],
];

#[test]
fn without_a_peer_every_command_says_what_to_give() {
    for verb in VERBS {
        if verb[0] == "logout" {
            continue;
        }
        let run = Run::of(&mut tsmgate(*verb));
        run.says(64, "no gate is named", "--direct https://HOST:8850");
    }
    let run = Run::of(&mut tsmgate(["status", "--gate", "localhost"]));
    run.says(64, "--ca FILE is missing", "TSMGATE_CA");
}

#[test]
fn every_command_has_help_with_an_example_and_json() {
    for verb in VERBS {
        let words: Vec<_> =
            verb.iter().take_while(|word| word.bytes().all(|b| b.is_ascii_lowercase())).collect();
        let help = Run::of(tsmgate(words).arg("--help")).good();
        for part in ["Examples:\n  tsmgate ", "JSON: ", "--json", "--gate", "--direct-pin"] {
            assert!(help.contains(part), "{part} in {help}");
        }
    }
    let help = Run::of(&mut tsmgate(["--help"])).good();
    for verb in
        ["whoami", "permissions", "status", "jobs", "config", "api", "logout", "login", "pki"]
    {
        assert!(help.contains(&format!("\n  {verb} ")), "{verb} in {help}");
    }
}

#[test]
fn the_environment_can_say_which_gate() {
    let gate = Gate::start(|_| Reply::json(r#"{"clusterNodes":{"nodes":[]}}"#));
    let mut command = tsmgate(["nodes"]);
    command.env("TSMGATE_GATE", format!("localhost:{}", gate.port()));
    command.env("TSMGATE_CA", gate.certificates.path("ca.pem"));
    command.env("TSMGATE_CERT", gate.certificates.path("client.pem"));
    command.env("TSMGATE_KEY", gate.certificates.path("client.key"));
    assert_eq!(Run::of(&mut command).good(), "NODE  ADDRESS  PROCESSORS  MEMORY  DISK\n");
    // --username is typed, and counts before a gate that is only in the environment
    let controller = Controller::start();
    let mut command = controller.asked(&["nodes", "--json"]);
    command.env("TSMGATE_GATE", "localhost:1").env("TSMGATE_SERVER_NAME", "x");
    controller.run(&mut command).good();
}

#[test]
fn what_does_not_go_together_is_refused() {
    let controller = Controller::start();
    let password = controller.path("password");
    let password = password.to_str().unwrap();
    for (arguments, what, hint) in [
        (
            &["--username", "a", "--gate", "x"][..],
            "--username does not go with --gate",
            "one of them",
        ),
        (&["--username", "a", "--cert", "x"], "--username does not go with --cert", ""),
        (
            &["--username", "a", "--socket", "x"],
            "--username does not go with --socket",
            "one of them",
        ),
        (&["--socket", "x", "--key", "x"], "--socket does not go with --key", "one of them"),
        (&["--password-file", password], "--password-file is for --username", "--username NAME"),
        (&[], "there is no way to a session", "--username NAME, --socket PATH, or --gate"),
        (&["--gate", "x"], "--ca FILE is missing", ""),
    ] {
        let run = Run::of(controller.unknown(&["nodes"]).args(arguments));
        run.says(64, what, hint);
    }
    let gate = Gate::start(|_| Reply::json("{}"));
    for option in ["--direct-ca", "--username", "--socket", "--password-file"] {
        let run = Run::of(at(&gate, &["nodes"]).args([option, "x"]));
        run.says(64, &format!("{option} is for --direct"), "--direct https://HOST:8850");
    }
    assert!(gate.seen().is_empty() && controller.api().requests().is_empty());
}

#[test]
fn an_address_of_a_controller_is_https_and_no_more() {
    for url in [
        "localhost",
        "http://localhost",
        "https://",
        "https://u:p@h",
        "https://h/api",
        "https://h?x",
        "https://h:0",
        "https://h:x",
        "HTTPS://h",
        "https://h\u{1b}[2J",
    ] {
        let run = Run::of(&mut tsmgate(["nodes", "--direct", url]));
        run.says(64, "not an address of a controller: ", "https://HOST:PORT");
    }
    // the port of TSM, where none is named: what is missing next is the trust
    for url in ["https://h", "https://h/", "https://[::1]", "https://[::1]:8850"] {
        let run = Run::of(&mut tsmgate(["nodes", "--direct", url]));
        run.says(64, "the controller's certificate cannot be checked", "");
    }
}

#[test]
fn a_connection_that_ran_out_is_made_again_for_a_read_and_not_for_a_change() {
    // each connection answers once and ends without a word
    let gate = Gate::start(|seen| {
        let body = if seen.line.ends_with("nodes") {
            r#"{"clusterNodes":{"nodes":[{"nodeId":"n1"},{"nodeId":"n2"}]}}"#
        } else {
            r#"{"nodeInfo":{"address":"a"}}"#
        };
        let Reply::Bytes(bytes) = Reply::json(body) else { panic!() };
        Reply::Last(bytes)
    });
    Run::of(&mut at(&gate, &["nodes"])).good();
    let connections: Vec<_> = gate.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 1, 2]);
}

/// A URL may hold a ticket or a password: what is wrong with it is said without it.
#[test]
fn the_url_of_a_document_is_not_said_again() {
    for url in ["ftp://h/trusted/SECRET", "http://anna:SECRET@h", "http://h/trusted/SECRET /x"] {
        let typed = Run::of(&mut tsmgate(["monitor", "--systeminfo", url]));
        typed.says(64, "the URL of the gateway is not", "without a name or password");
        let variable = Run::of(tsmgate(["monitor"]).env("TSMGATE_SYSTEMINFO", url));
        variable.says(64, "the URL of the gateway is not", "without a name or password");
    }
}
