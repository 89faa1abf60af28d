//! The check of peers against real users and groups: made for the test, and removed after it.
//!
//! Needs root, `useradd`, `setpriv` and `/usr/bin/python3`; left out, aloud, where they are missing.

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tsmsim::{Account, Policy, Simulator, SimulatorOptions};

/// Sends the golden call, ends its side, and prints the answer's return code.
const CLIENT: &str = r#"
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(bytes.fromhex("80010001000000056c6f67696e0000000100"))
s.shutdown(socket.SHUT_WR)
answer = b""
while piece := s.recv(4096):
    answer += piece
assert answer[:20] == bytes.fromhex("80010002000000056c6f67696e000000010c0000"), answer
print(int.from_bytes(answer[23:27], "big"))
"#;

/// Throw-away users and groups, which go when this is dropped.
struct Throwaway {
    users: Vec<String>,
    groups: Vec<String>,
}

impl Throwaway {
    fn group(&mut self, name: &str) -> u32 {
        administer(Command::new("groupadd").arg(name));
        self.groups.push(name.to_owned());
        id(Command::new("getent").args(["group", name]))
    }

    /// A user with a group of its own name, and these groups beside it.
    fn user(&mut self, name: &str, groups: &str) -> u32 {
        let mut useradd = Command::new("useradd");
        useradd.args(["--no-create-home", "--no-log-init", "--user-group"]);
        if !groups.is_empty() {
            useradd.args(["--groups", groups]);
        }
        administer(useradd.arg(name));
        self.users.push(name.to_owned());
        id(Command::new("getent").args(["passwd", name]))
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        for user in &self.users {
            administer(Command::new("userdel").arg(user));
        }
        for group in &self.groups {
            administer(Command::new("groupdel").arg(group));
        }
    }
}

/// Runs a command on the user database; another test may hold its lock, so it is asked again.
fn administer(command: &mut Command) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let output = command.output().unwrap();
        if output.status.success() {
            return;
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("lock") && Instant::now() < deadline, "{command:?}: {said}");
    }
}

/// The third field of a line of the user database.
fn id(getent: &mut Command) -> u32 {
    let line = String::from_utf8(getent.output().unwrap().stdout).unwrap();
    line.split(':').nth(2).unwrap().parse().unwrap()
}

/// The return code which a process of this uid and gid, with these groups, gets.
async fn code(socket: &Path, uid: u32, gid: u32, groups: &str) -> String {
    let mut client = Command::new("setpriv");
    client.args([format!("--reuid={uid}"), format!("--regid={gid}"), groups.to_owned()]);
    client.args(["/usr/bin/python3", "-c", CLIENT]).arg(socket).current_dir("/");
    client.stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || client.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn is_missing() -> Option<&'static str> {
    let there = |program: &str| {
        Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status()
    };
    if Account::of_this_process("", &[]).uid != 0 {
        return Some("root");
    }
    ["useradd", "setpriv", "getent", "/usr/bin/python3"].into_iter().find(|one| there(one).is_err())
}

#[tokio::test]
async fn root_members_and_the_service_account_pass_and_nobody_else() {
    if let Some(missing) = is_missing() {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "{missing} is missing");
        eprintln!("LEFT OUT: real users need {missing}");
        return;
    }
    let name = |what: &str| format!("sim{what}{}", std::process::id());
    let mut throwaway = Throwaway { users: Vec::new(), groups: Vec::new() };
    let group = throwaway.group(&name("g"));
    let member = throwaway.user(&name("m"), &name("g"));
    let stranger = throwaway.user(&name("x"), "");
    let service = throwaway.user(&name("s"), "");
    let unknown = 3_999_999_999;

    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut options = SimulatorOptions::new(folder.path().join("login"));
    options.policy = Policy { group: name("g"), service_account: name("s"), ..Policy::default() };
    let simulator = Simulator::start(options).await.unwrap();
    let socket = simulator.socket().to_owned();

    let alone = "--clear-groups";
    assert_eq!(code(&socket, member, member, alone).await, "0", "a member by the database");
    assert_eq!(code(&socket, stranger, stranger, alone).await, "1", "a stranger");
    assert_eq!(code(&socket, 0, 0, alone).await, "0", "root");
    assert_eq!(code(&socket, service, service, alone).await, "0", "the service account");
    assert_eq!(code(&socket, unknown, stranger, alone).await, "1", "a uid without a name");
    let carried = format!("--groups={group}");
    assert_eq!(code(&socket, stranger, stranger, &carried).await, "1", "a group only carried");
    assert_eq!(code(&socket, stranger, group, alone).await, "1", "a primary group only carried");

    let seen: Vec<u32> = simulator.connections().iter().map(|one| one.peer.uid).collect();
    assert_eq!(seen, [member, stranger, 0, service, unknown, stranger, stranger]);
    assert_eq!((simulator.counts().cookies, simulator.counts().refusals), (3, 4));
    let refusal =
        format!("User with uid '{stranger}' and username '{}' is not authorized", name("x"));
    assert_eq!(simulator.journal().iter().filter(|line| line.ends_with(&refusal)).count(), 3);
}
