//! The program: `ready`, signals, exit codes, log file.

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const CALL: &[u8] = b"\x80\x01\x00\x01\x00\x00\x00\x05login\x00\x00\x00\x01\x00";

fn tsmsim(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tsmsim"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(arguments: &[&str]) -> Output {
    tsmsim(arguments).output().unwrap()
}

/// Starts the program and waits for its line.
fn ready(arguments: &[&str]) -> Child {
    let mut child = tsmsim(arguments).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

fn exchange(socket: &Path) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(CALL).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn it_says_ready_answers_logs_and_ends_on_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, log) = (folder.path().join("login"), folder.path().join("log"));
    for name in ["TERM", "INT"] {
        let arguments = [
            "--socket",
            socket.to_str().unwrap(),
            "--misbehave",
            "not-authorized",
            "--log",
            log.to_str().unwrap(),
        ];
        let mut child = ready(&arguments);
        assert_eq!(exchange(&socket)[26], 1);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(!socket.exists());
    }
    let lines = std::fs::read_to_string(log).unwrap();
    assert_eq!(lines.matches("Password-less login request from user '").count(), 2);
}

#[test]
fn hang_up_is_a_restart_on_a_new_socket_file() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("login");
    let mut child =
        ready(&["--socket", socket.to_str().unwrap(), "--misbehave", "half-reply:hang"]);
    let mut held = UnixStream::connect(&socket).unwrap();
    signal(&child, "HUP");
    assert_eq!(held.read(&mut [0]).unwrap_or(0), 0, "a restart cuts connections");
    until("the socket comes back", || UnixStream::connect(&socket).is_ok());
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn wrong_usage_is_64_and_tells_the_names() {
    let missing = output(&[]);
    assert_eq!(missing.status.code(), Some(64));
    let unknown = output(&["--socket", "/nowhere/login", "--misbehave", "kindly"]);
    assert_eq!(unknown.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("half-reply:hang"));
    assert_eq!(output(&["--socket", "x", "--socket-mode", "0999"]).status.code(), Some(64));
}

#[test]
fn a_socket_that_cannot_be_made_is_66_and_named() {
    let refused = output(&["--socket", "/nowhere/login"]);
    assert_eq!(refused.status.code(), Some(66));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.starts_with("tsmsim: cannot listen on /nowhere/login: "), "{said}");
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn help_has_an_example_and_goes_to_stdout() {
    let help = output(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("Example:"));
}
