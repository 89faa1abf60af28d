//! The program with its HTTP API: what it prints and writes, what it refuses, a restart on its port.

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

fn tsmsim(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tsmsim"));
    command.args(["--socket", "login"]).args(arguments).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = tsmsim(folder, arguments).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// The running program; killed when dropped.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = tsmsim(folder, arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = || lines.next().unwrap().unwrap();
        let url = line();
        let address = url.strip_prefix("https://").unwrap().strip_suffix("/api/0.5").unwrap();
        let address = address.parse().unwrap();
        assert_eq!(line(), "ready");
        Self { child, address }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_says_where_the_api_is_and_writes_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--api", "127.0.0.1:0", "--api-certificate", "tsm.pem"];
    let mut program = Program::start(folder.path(), &arguments);
    assert!(program.address.ip().is_loopback());
    let pem = std::fs::read(folder.path().join("tsm.pem")).unwrap();
    assert!(CertificateDer::from_pem_slice(&pem).is_ok());
    assert!(!String::from_utf8(pem).unwrap().contains("PRIVATE KEY"));
    assert!(TcpStream::connect(program.address).is_ok());
    program.signal("TERM");
    assert_eq!(program.child.wait().unwrap().code(), Some(0));
    assert!(TcpStream::connect(program.address).is_err());
}

#[test]
fn a_restart_cuts_and_keeps_the_port() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &["--api", "127.0.0.1:0"]);
    let mut held = TcpStream::connect(program.address).unwrap();
    held.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    program.signal("HUP");
    assert_eq!(held.read(&mut [0]).unwrap_or(0), 0, "a restart cuts connections");
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(program.address).is_err() {
        assert!(Instant::now() < deadline, "the port does not come back");
        std::thread::yield_now();
    }
}

#[test]
fn what_concerns_the_api_needs_it_and_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        ["--api-certificate", "tsm.pem"].as_slice(),
        &["--api-name", "tsm"],
        &["--api-misbehave", "gzip"],
        &["--api-job-step", "5"],
        &["--api-assumed-routes"],
        &["--api", "localhost"],
    ] {
        assert_eq!(output(folder.path(), arguments).0, Some(64), "{arguments:?}");
    }
    let (code, said) =
        output(folder.path(), &["--api", "127.0.0.1:0", "--api-misbehave", "kindly"]);
    assert_eq!((code, said.contains("plant:set-cookie")), (Some(64), true));
}

#[test]
fn what_cannot_be_made_or_read_is_66_and_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("accounts"), "anna:a password\nthe secret alone\n").unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0";
    for (arguments, named) in [
        (["--api", &port, "--api-name", "tsm"], port.as_str()),
        (["--api", free, "--api-certificate", "no/tsm.pem"], "no/tsm.pem"),
        (["--api", free, "--api-accounts", "nowhere"], "nowhere"),
        (["--api", free, "--api-accounts", "accounts"], "is not `name:password`"),
    ] {
        let (code, said) = output(folder.path(), &arguments);
        assert_eq!(code, Some(66), "{arguments:?}: {said}");
        assert!(said.starts_with("tsmsim: ") && said.contains(named), "{said}");
        assert!(!said.contains("secret"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(!folder.path().join("login").exists(), "nothing is left behind");
    }
}
