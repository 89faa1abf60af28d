//! The memory of a program, all its processes together.

use std::fs;

use anyhow::Context;
use nix::unistd::Pid;

use crate::family;

/// In KiB: what is its own, and its share of what it has in common with others (PSS). Where that may not
/// be read, which is so for a process that others must not look into unless one is root, what is resident.
pub fn used(process: Pid) -> anyhow::Result<u64> {
    // one that ended meanwhile has none
    let sum = family::of(process).into_iter().filter_map(of_one).sum();
    (sum > 0).then_some(sum).context("the process is gone")
}

fn of_one(process: Pid) -> Option<u64> {
    let line = |file: &str, what: &str| {
        let text = fs::read_to_string(format!("/proc/{process}/{file}")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(what))?;
        line.split_whitespace().next()?.parse().ok()
    };
    line("smaps_rollup", "Pss:").or_else(|| line("status", "VmRSS:"))
}
