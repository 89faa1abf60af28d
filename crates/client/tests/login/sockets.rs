//! A login at a socket of this host, without a gate.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tsmgate_client::failure::TsmFault;
use tsmgate_client::{LocalSocket, LoginFailure};
use tsmgate_wire::{Answer, ExceptionKind};

use crate::rig::play::nowhere;
use crate::rig::{
    COOKIE, FakeSocket, Play, Run, TSMGATE, answer, exception, granted, login_at_socket,
    run_at_socket,
};

#[test]
fn a_granted_login_prints_the_cookie() {
    assert_eq!(run_at_socket(Play::Reply(granted())).good(), format!("{COOKIE}\n"));
}

#[test]
fn a_user_whom_tsm_does_not_accept_is_told_of_the_group() {
    let run = run_at_socket(Play::Reply(answer(&Answer::NotAuthorized)));
    run.says(77, "TSM does not accept your user", "TSM's group");
}

#[test]
fn other_answers_have_their_codes() {
    let refused = exception(ExceptionKind::InternalError, "Internal error processing login");
    let cases = [
        (Play::Reply(answer(&Answer::Error)), 69, "it failed", "controller"),
        (Play::Reply(refused), 69, "Internal error processing login", "controller"),
        (Play::Close, 69, "closed without a reply", "controller"),
        (Play::Reply(granted()[..30].to_vec()), 76, "ends in the middle", "TSM itself"),
        (Play::Reply(b"garbage".to_vec()), 76, "not a strict binary", "TSM itself"),
    ];
    for (part, code, what, hint) in cases {
        run_at_socket(part).says(code, what, hint);
    }
}

#[test]
fn a_missing_socket_means_that_tsm_does_not_run_here() {
    let (_folder, path) = nowhere();
    Run::of(&mut login_at_socket(&path)).says(69, "there is no socket", "start TSM on this host");
}

#[test]
fn a_socket_that_nobody_serves_means_the_same() {
    let (_folder, path) = nowhere();
    drop(UnixListener::bind(&path).unwrap());
    Run::of(&mut login_at_socket(&path)).says(69, "nobody listens", "start TSM on this host");
}

#[test]
fn what_is_no_socket_is_told() {
    let (folder, _) = nowhere();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.as_path(), folder.path(), Path::new("/dev/null")] {
        let run = Run::of(&mut login_at_socket(path));
        run.says(66, &format!("{}: not a socket", path.display()), "login socket");
    }
}

#[test]
fn a_path_too_long_for_a_socket_is_a_usage_failure() {
    let run = Run::of(&mut login_at_socket(("/".to_owned() + &"x".repeat(200)).as_ref()));
    run.says(64, "not a path of a socket", "107 bytes");
}

/// The program as a user whom modes bind: root runs a copy as nobody.
fn as_somebody(socket: &Path, folder: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return login_at_socket(socket);
    }
    let program = folder.join("tsmgate");
    fs::copy(TSMGATE, &program).unwrap();
    fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.arg(program).args(["login", "--socket"]).arg(socket);
    command
}

#[test]
fn a_socket_that_the_system_keeps_closed_is_a_missing_permission() {
    let socket = FakeSocket::start(Play::Reply(granted()));
    fs::set_permissions(socket.path(), PermissionsExt::from_mode(0o000)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let run = Run::of(&mut as_somebody(socket.path(), folder.path()));
    run.says(77, "your user may not open the socket", "TSM's group");
}

#[test]
fn a_run_leaves_no_core_dump() {
    let (_folder, path) = nowhere();
    let listener = UnixListener::bind(&path).unwrap();
    let mut child = login_at_socket(&path).spawn().unwrap();
    // once it calls, the limit has been set
    let _connection = listener.accept().unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn a_socket_that_sends_a_byte_a_second_ends_at_the_timeout() {
    let socket = FakeSocket::start(Play::Drip(granted()));
    let path = socket.path().to_owned();
    let timeout = Duration::from_millis(2500);
    let begun = Instant::now();
    let failure = LocalSocket { path, timeout }.login().await.unwrap_err();
    assert!(begun.elapsed() >= timeout && begun.elapsed() < timeout * 2);
    let peer = socket.path().display().to_string();
    assert_eq!(failure, LoginFailure::Tsm { peer, cause: TsmFault::TimedOut });
}
