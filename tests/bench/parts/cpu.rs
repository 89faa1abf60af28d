//! The CPU time of a program: the clocks of its processes, which count all their threads to the
//! nanosecond, and what its ended children used, which the kernel tells in hundredths of a second.

use std::time::{Duration, Instant};

use anyhow::Context;
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::{family, interrupt};

/// A program at rest uses nothing for this long.
const REST: Duration = Duration::from_millis(10);
/// It has this long to come to rest.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time used once the program does nothing any more: no process of it runs, comes or goes.
pub fn used_at_rest(process: Pid) -> anyhow::Result<Duration> {
    let end = Instant::now() + PATIENCE;
    let mut before = used(process)?;
    loop {
        std::thread::sleep(REST);
        interrupt::check()?;
        let now = used(process)?;
        if now == before {
            return Ok(now.0);
        }
        anyhow::ensure!(Instant::now() < end, "process {process} does not come to rest");
        before = now;
    }
}

/// User and system time so far, of the process, its descendants and those that ended; and how many
/// there are.
fn used(process: Pid) -> anyhow::Result<(Duration, usize)> {
    let family = family::of(process);
    let mut sum = Duration::ZERO;
    for &member in &family {
        match of_one(member) {
            Ok(used) => sum += used,
            Err(error) if member == process => return Err(error),
            // it ended meanwhile, and counts among the ended at the next look
            Err(_) => {}
        }
    }
    Ok((sum, family.len()))
}

fn of_one(process: Pid) -> anyhow::Result<Duration> {
    let clock = clock_getcpuclockid(process).context("the process is gone")?;
    Ok(Duration::from(clock_gettime(clock)?) + of_ended_children(process)?)
}

/// `cutime` and `cstime` of proc(5).
fn of_ended_children(process: Pid) -> anyhow::Result<Duration> {
    let fields = family::stat(process).context("the process is gone")?;
    let field = |number: usize| fields.get(number).and_then(|field| field.parse::<u64>().ok());
    // the third field of proc(5) is the first of ours
    let ticks = field(16 - 3).zip(field(17 - 3)).map(|(user, system)| user + system);
    let ticks = ticks.context("/proc/PID/stat has no times")?;
    let per_second = sysconf(SysconfVar::CLK_TCK)?.context("no CLK_TCK")?;
    Ok(Duration::from_millis(ticks * 1000 / u64::try_from(per_second)?))
}
