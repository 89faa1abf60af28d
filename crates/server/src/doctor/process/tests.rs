//! What is read of /proc, against listeners of our own.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::net::TcpListener;

use super::{Process, bound, holders, listening, reaches};

#[test]
fn a_listener_is_found_with_its_process() {
    for address in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"] {
        let Ok(listener) = TcpListener::bind(address) else { continue };
        let at = listener.local_addr().unwrap();
        let found = listening(at);
        assert!(found.iter().any(|process| process.pid == std::process::id()), "{at}: {found:?}");
        drop(listener);
        assert!(!listening(at).iter().any(|process| process.pid == std::process::id()));
    }
}

#[test]
fn a_listener_at_all_addresses_gets_what_is_sent_to_one() {
    let at = |text: &str| text.parse().unwrap();
    assert!(reaches(at("0.0.0.0:18850"), at("10.0.0.1:18850")));
    assert!(reaches(at("[::]:18850"), at("10.0.0.1:18850")));
    assert!(!reaches(at("0.0.0.0:18850"), at("[2001:db8::1]:18850")));
    assert!(!reaches(at("10.0.0.2:18850"), at("10.0.0.1:18850")));
    assert!(!reaches(at("0.0.0.0:18851"), at("10.0.0.1:18850")));
}

#[test]
fn a_process_is_known_by_user_groups_and_program() {
    let us = Process::of(std::process::id()).unwrap();
    assert_eq!(us.uid, Some(nix::unistd::geteuid().as_raw()));
    assert!(us.groups.contains(&nix::unistd::getegid().as_raw()));
    assert_eq!(us.program, std::env::current_exe().ok());
    assert!(!us.is_gate());
    assert!(us.field("Threads").is_some() && us.command_line().contains("tsmgate_server"));
    assert_eq!(Process::of(u32::MAX), None);
}

#[test]
fn who_answers_at_a_unix_socket_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it");
    assert!(bound(&path).is_empty());
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let found = holders(&bound(&path));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].pid, std::process::id());
}
