//! One answer that nobody could hold: what it takes of the target's memory and time.

use std::fs;

use anyhow::Context;

use crate::cpu;
use crate::measure::said;
use crate::stage::{LARGE, Stage};
use crate::targets::Target;

/// What the large answer came to.
pub struct Large {
    /// The memory that the process had before, in KiB.
    pub before: u64,
    /// The most that it had meanwhile, in KiB.
    pub most: u64,
    /// MiB a second.
    pub rate: f64,
    /// CPU microseconds for a MiB.
    pub cpu: f64,
}

/// Fetches it once; none for TSM itself.
pub fn fetch(target: &Target, stage: &Stage) -> anyhow::Result<Option<Large>> {
    let mut line = target.client.connect(target.port)?;
    line.ask(crate::stage::STATUS, &stage.status).with_context(|| said(target))?;
    let Some(process) = &target.process else { return Ok(None) };
    let mebibytes = (stage.large >> 20) as f64;
    let cpu_before = cpu::used_at_rest(process.pid())?;
    let folder = format!("/proc/{}", process.pid());
    // the most that it ever had is from here on the most that it has
    fs::write(format!("{folder}/clear_refs"), "5").context("cannot clear the peak")?;
    let before = memory(&folder, "VmRSS:")?;
    let took = line.fetch(LARGE, stage.large).with_context(|| said(target))?;
    let most = memory(&folder, "VmHWM:")?;
    let used = cpu::used_at_rest(process.pid())?.saturating_sub(cpu_before);
    let rate = mebibytes / took.as_secs_f64();
    Ok(Some(Large { before, most, rate, cpu: used.as_secs_f64() * 1e6 / mebibytes }))
}

fn memory(folder: &str, what: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(format!("{folder}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(what));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.with_context(|| format!("no {what}"))
}
