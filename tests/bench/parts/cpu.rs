//! The CPU time of a process: its own clock, which counts all its threads to the nanosecond, and what
//! its ended children used, which the kernel tells in hundredths of a second.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::interrupt;

/// A process at rest uses nothing for this long.
const REST: Duration = Duration::from_millis(10);
/// It has this long to come to rest.
const PATIENCE: Duration = Duration::from_secs(5);

/// User and system time so far, of the process and its ended children.
pub fn used(process: Pid) -> anyhow::Result<Duration> {
    let clock = clock_getcpuclockid(process).context("the process is gone")?;
    Ok(Duration::from(clock_gettime(clock)?) + of_ended_children(process)?)
}

/// The time used once the process has no child left and does nothing any more.
pub fn used_at_rest(process: Pid) -> anyhow::Result<Duration> {
    let end = Instant::now() + PATIENCE;
    let mut before = used(process)?;
    loop {
        std::thread::sleep(REST);
        interrupt::check()?;
        let now = used(process)?;
        if now == before && !has_children(process) {
            return Ok(now);
        }
        anyhow::ensure!(Instant::now() < end, "process {process} does not come to rest");
        before = now;
    }
}

/// `cutime` and `cstime` of proc(5).
fn of_ended_children(process: Pid) -> anyhow::Result<Duration> {
    let fields = stat(&process.to_string()).context("the process is gone")?;
    let field = |number: usize| fields.get(number).and_then(|field| field.parse::<u64>().ok());
    // the third field of proc(5) is the first of ours
    let ticks = field(16 - 3).zip(field(17 - 3)).map(|(user, system)| user + system);
    let ticks = ticks.context("/proc/PID/stat has no times")?;
    let per_second = sysconf(SysconfVar::CLK_TCK)?.context("no CLK_TCK")?;
    Ok(Duration::from_millis(ticks * 1000 / u64::try_from(per_second)?))
}

fn has_children(process: Pid) -> bool {
    let Ok(folders) = fs::read_dir("/proc") else { return false };
    let parent = process.to_string();
    folders
        .flatten()
        .filter_map(|folder| folder.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|name| stat(&name))
        .any(|fields| fields.get(4 - 3) == Some(&parent))
}

/// The fields of `/proc/PID/stat` from the third on: a program's name may hold blanks and brackets.
fn stat(process: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}
