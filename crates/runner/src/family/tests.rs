//! Parentage, from made-up tables of processes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::collections::BTreeSet;

use super::{Process, descendants, strays};

fn process(pid: i32, parent: i32, group: i32) -> Process {
    Process { pid, parent, group, began: 1, gone: false }
}

#[test]
fn a_name_with_blanks_and_brackets_is_read() {
    let stat = "42 (a) b (c)) S 7 42 1 0 -1 4194304 1 0 0 0 1 2 0 0 20 0 1 0 98765 1 1";
    let read = Process::of(42, stat).unwrap();
    assert_eq!(read, Process { pid: 42, parent: 7, group: 42, began: 98765, gone: false });
    let gone = Process::of(42, &stat.replace(") S 7", ") Z 7")).unwrap();
    assert!(gone.gone);
    assert_eq!(Process::of(42, "42 (short) S 7"), None);
}

#[test]
fn whoever_left_its_group_and_its_parent_is_found_and_a_running_command_is_spared() {
    let all = [
        process(10, 1, 10),
        // a command that runs, its child, and a grandchild in a session of its own
        process(20, 10, 20),
        process(21, 20, 20),
        process(22, 21, 22),
        // of its group, but its parent is gone
        process(23, 10, 20),
        // what another command left behind, and its child
        process(30, 10, 30),
        process(31, 30, 31),
        // none of ours
        process(40, 1, 40),
    ];
    let left: Vec<_> = strays(&all, 10, &BTreeSet::from([20])).iter().map(|p| p.pid).collect();
    assert_eq!(left, [30, 31]);
    assert_eq!(descendants(&all, 20), BTreeSet::from([21, 22]));
}
