//! Start, restart, stop, crash, drop: what becomes of the socket file and of open connections.

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tsmsim::{Simulator, SimulatorOptions};

const DEADLINE: Duration = Duration::from_secs(10);

async fn is_cut(mut stream: UnixStream) -> bool {
    matches!(timeout(DEADLINE, stream.read(&mut [0])).await.unwrap(), Ok(0) | Err(_))
}

#[tokio::test]
async fn a_restart_cuts_connections_and_makes_a_new_socket_file() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("login");
    let simulator = Simulator::start(SimulatorOptions::new(&socket)).await.unwrap();
    let held = std::fs::hard_link(&socket, folder.path().join("old")); // keeps the inode number taken
    held.unwrap();
    let before = std::fs::metadata(&socket).unwrap();
    assert_eq!(before.permissions().mode() & 0o777, 0o666);
    let open = UnixStream::connect(&socket).await.unwrap();
    simulator.wait_until(DEADLINE, |counts| counts.open == 1).await.unwrap();
    simulator.restart().await.unwrap();
    assert!(is_cut(open).await);
    assert_ne!(std::fs::metadata(&socket).unwrap().ino(), before.ino());
    UnixStream::connect(&socket).await.unwrap();
    simulator.wait_until(DEADLINE, |counts| counts.connections == 2).await.unwrap();
}

#[tokio::test]
async fn stop_removes_the_file_and_crash_leaves_it() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("login");
    let simulator = Simulator::start(SimulatorOptions::new(&socket)).await.unwrap();
    simulator.crash().await;
    let refused = UnixStream::connect(&socket).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    simulator.restart().await.unwrap();
    UnixStream::connect(&socket).await.unwrap();
    simulator.stop().await;
    assert_eq!(UnixStream::connect(&socket).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_drop_ends_everything() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("login");
    let simulator = Simulator::start(SimulatorOptions::new(&socket)).await.unwrap();
    let open = UnixStream::connect(&socket).await.unwrap();
    simulator.wait_until(DEADLINE, |counts| counts.open == 1).await.unwrap();
    drop(simulator);
    assert!(!socket.exists());
    assert!(is_cut(open).await);
}

#[tokio::test]
async fn a_path_in_use_is_not_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("login");
    std::fs::write(&socket, "a file").unwrap();
    let error = Simulator::start(SimulatorOptions::new(&socket)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    std::fs::remove_file(&socket).unwrap();
    let first = Simulator::start(SimulatorOptions::new(&socket)).await.unwrap();
    let error = Simulator::start(SimulatorOptions::new(&socket)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(socket.exists(), "the first still has its file");
    drop(first);
}

#[tokio::test]
async fn a_wait_that_is_not_met_tells_the_counts() {
    let folder = tempfile::tempdir().unwrap();
    let simulator =
        Simulator::start(SimulatorOptions::new(folder.path().join("login"))).await.unwrap();
    let counts = simulator.wait_until(Duration::from_millis(10), |counts| counts.calls > 0).await;
    assert_eq!(counts, Err(simulator.counts()));
}
