//! All that comes of our commands, as `/proc` shows it: found by parentage, since a process may leave its group
//! and its session but not its ancestors. What lost its parent has come to us, who are its reaper.
//!
//! What is asked for here is to end them, nothing else; each is ended by a descriptor of the process that was
//! judged, so that a number used again hits nobody.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpid, kill_process, pidfd_open,
    pidfd_send_signal, waitid,
};

/// How often what is left is looked for and ended, before it is given up.
const ROUNDS: u32 = 100;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// The processes that we started and have not reaped ourselves: the first of each command's group.
static LEADERS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// A process that we started counts as a command's own until this is dropped.
#[derive(Debug)]
pub(crate) struct Leader(i32);

impl Leader {
    pub(crate) fn of(pid: Pid) -> Self {
        leaders(|all| all.insert(pid.as_raw_pid()));
        Self(pid.as_raw_pid())
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        leaders(|all| all.remove(&self.0));
    }
}

fn leaders<T>(with: impl FnOnce(&mut BTreeSet<i32>) -> T) -> T {
    with(&mut LEADERS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A process, as its `stat` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: i32,
    parent: i32,
    group: i32,
    /// In ticks since the system's start: with the number, a name that is never used again.
    began: u64,
    gone: bool,
}

impl Process {
    fn read(pid: i32) -> Option<Self> {
        Self::of(pid, &std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// proc_pid_stat(5). A program's name may have blanks and brackets: the last bracket ends it.
    fn of(pid: i32, stat: &str) -> Option<Self> {
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let began = fields.nth(16)?.parse().ok()?;
        Some(Self { pid, parent, group, began, gone: matches!(state, "Z" | "X") })
    }

    fn all() -> Vec<Self> {
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.filter_map(Self::read).collect()
    }

    /// Ends it, if it still is the one that was looked at.
    fn end(&self) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        let same = || Self::read(self.pid).is_some_and(|now| now.began == self.began);
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(held) => {
                if same() {
                    let _ = pidfd_send_signal(held, Signal::KILL);
                }
            }
            Err(Errno::SRCH) => {}
            // before Linux 5.3, or where that is forbidden
            Err(_) => {
                if same() {
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
        }
    }

    /// Takes the end of a child of ours.
    fn reap(&self) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        }
    }
}

/// What descends from `root`, without it.
fn descendants(all: &[Process], root: i32) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    let mut ahead = vec![root];
    while let Some(parent) = ahead.pop() {
        let children = all.iter().filter(|process| process.parent == parent);
        ahead.extend(children.map(|child| child.pid).filter(|&pid| found.insert(pid)));
    }
    found
}

/// What descends from us and is of no command that still runs: neither its first process, nor of its group,
/// nor a descendant of it.
fn strays(all: &[Process], us: i32, leaders: &BTreeSet<i32>) -> Vec<Process> {
    let mut spared = leaders.clone();
    for &leader in leaders {
        spared.extend(descendants(all, leader));
    }
    let ours = descendants(all, us);
    let stray = |process: &&Process| {
        ours.contains(&process.pid)
            && !spared.contains(&process.pid)
            && !leaders.contains(&process.group)
    };
    all.iter().filter(stray).copied().collect()
}

/// Ends whatever descends from us and is of no running command. What left its group *and* lost its parent is of
/// no command that can be told, and is ended with the first one that ends. Tells whether nothing is left.
pub async fn end_strays() -> bool {
    let us = getpid().as_raw_pid();
    for _ in 0..ROUNDS {
        let left = leaders(|leaders| strays(&Process::all(), us, leaders));
        if left.is_empty() {
            return true;
        }
        for process in left {
            match process.gone && process.parent == us {
                true => process.reap(),
                false => process.end(),
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    false
}

/// Takes the ends of those that came to us and are over, so that none stays in the table of processes.
pub(crate) fn reap_orphans() {
    // to look through all processes is dear, and to ask for any end is not
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    if !matches!(waitid(WaitId::All, look), Ok(Some(_))) {
        return;
    }
    let us = getpid().as_raw_pid();
    let all = Process::all();
    let over = all.iter().filter(|process| process.gone && process.parent == us);
    leaders(|leaders| {
        over.filter(|process| !leaders.contains(&process.pid)).for_each(Process::reap);
    });
}

/// Ends what an earlier life of ours left running: the processes, and their groups, that work in a folder below
/// `work`. Tells how many there were.
pub fn end_leftovers(work: &Path) -> usize {
    let all = Process::all();
    let ours = getpid().as_raw_pid();
    let works = |process: &&Process| {
        let folder = std::fs::read_link(format!("/proc/{}/cwd", process.pid));
        process.pid != ours && folder.is_ok_and(|folder| folder.starts_with(work))
    };
    let left: Vec<_> = all.iter().filter(works).copied().collect();
    for process in &left {
        let group = all.iter().filter(|other| other.group == process.group && other.pid != ours);
        // a group whose first process works there was made for it by us
        let led = process.group == process.pid;
        group.filter(|other| led || other.pid == process.pid).for_each(Process::end);
    }
    left.len()
}

#[cfg(test)]
mod tests;
