//! The options that every `tsm` command has: mapped where they mean something, refused with the reason where
//! not.

use super::{Lane, end};
use crate::rig::{Run, SECRET, tsmgate};

const LIST: [&str; 3] = ["security", "external-ssl", "list"];

fn line<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&LIST[..], more].concat()
}

#[test]
fn the_server_is_the_gates_own_host_by_any_of_its_names() {
    let lane = Lane::of(&[end(0)]);
    for server in ["https://localhost:8850", "https://LOCALHOST", "https://127.0.0.1:8850"] {
        for given in [&["-s", server][..], &["--server", server], &[&*format!("--server={server}")]]
        {
            lane.run(&line(given)).good();
        }
    }
    lane.run(&line(&["-s", "https://tsm2.example.com:8850"])).says(
        64,
        "-s names tsm2.example.com, and the gate is localhost",
        "a gate asks the TSM of its own host",
    );
    lane.run(&line(&["-s", "http://localhost:8850"])).says(64, "", "give https://HOST");
    lane.run(&line(&["-s"])).says(64, "a value is required for '--server <URL>'", "");
}

#[test]
fn the_server_names_the_gate_where_nothing_else_does() {
    let run = |server: &str| {
        let mut command = tsmgate(line(&["-s", server, "--ca", "/none", "--cert", "/none"]));
        Run::of(command.args(["--key", "/none", "--timeout", "2s"]))
    };
    // the files are read first: that is as far as it gets, and it did not complain of a gate
    run("https://localhost:8850").says(66, "/none", "");
    // with files that are there it comes to the gate's own port
    let lane = Lane::of(&[end(0)]);
    let mut command = tsmgate(line(&["-s", "https://[::1]:8850", "--timeout", "2s"]));
    for (option, file) in [("--ca", "ca.pem"), ("--cert", "client.pem"), ("--key", "client.key")] {
        command.arg(option).arg(lane.gate.certificates.path(file));
    }
    Run::of(&mut command).says(70, "cannot reach [::1]:18850", "");
    Run::of(&mut tsmgate(LIST)).says(64, "no gate is named", "--gate HOST:PORT");
}

/// R39: a password that was typed for a script of old is not said again
#[test]
fn name_and_password_are_refused_with_the_reason_and_swallow_nothing() {
    let lane = Lane::of(&[end(0)]);
    let password = format!("my {SECRET}");
    for given in [
        &["-u", "admin", "-p", &password][..],
        &["-p", &password],
        &["--password", &password],
        &["-p"],
        &["--username=admin"],
        &["-u"],
    ] {
        lane.run(&line(given)).says(
            64,
            "does not go with a gate",
            "your certificate says who you are",
        );
    }
    // what follows without a value is still itself
    let get = ["security", "repository-ssl", "get-certificate-file", "-p", "--file"];
    lane.run(&get).says(64, "a value is required for '--file <FILE>'", "");
    // and a word too many may be the rest of a password
    lane.run(&line(&["-p", "my", SECRET])).says(
        64,
        "an argument that the command does not take",
        "",
    );
    assert!(lane.lines().is_empty());
}

#[test]
fn trust_in_the_controller_is_the_hosts_own_matter() {
    let lane = Lane::of(&[end(0)]);
    let run = lane.run(&line(&["--trust-admin-controller-cert"]));
    assert_eq!(
        run.talk,
        "tsmgate: --trust-admin-controller-cert means nothing here: the gate's host checks TSM itself\n"
    );
    run.good();
}
