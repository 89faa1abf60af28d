//! What is counted and measured, and how it is printed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::ensure;

/// Times that are kept of a lane; beyond it every second one goes, again and again.
const KEPT: usize = 1 << 16;

/// Lanes whose callers may always be served, but while TSM restarts.
const SERVED: [&str; 5] =
    ["api", "commands, by the client's program", "login, cold", "login, kept", "login, local"];

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Served,
    /// Refused, as it should be or as it may be just then: TSM restarts, the client is revoked.
    Refused,
    /// The connection broke, where that may be: it was cut.
    Broken,
}

/// The sums of a lane.
#[derive(Debug, Default)]
struct Lane {
    served: u64,
    refused: u64,
    broken: u64,
    micros: Vec<u32>,
    /// One of so many is kept.
    step: u64,
}

/// The sums of all lanes, shared by those who make calls.
#[derive(Debug, Clone, Default)]
pub struct Figures(Arc<Mutex<BTreeMap<&'static str, Lane>>>);

impl Figures {
    /// Counts a call that began then.
    pub fn count(&self, lane: &'static str, begun: Instant, end: End) {
        let micros = u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
        let mut lanes = self.0.lock().unwrap();
        let lane = lanes.entry(lane).or_insert_with(|| Lane { step: 1, ..Lane::default() });
        match end {
            End::Served => lane.served += 1,
            End::Refused => lane.refused += 1,
            End::Broken => lane.broken += 1,
        }
        if end == End::Served && lane.served.is_multiple_of(lane.step) {
            lane.micros.push(micros);
            if lane.micros.len() >= KEPT {
                let mut keep = false;
                lane.micros.retain(|_| {
                    keep = !keep;
                    keep
                });
                lane.step *= 2;
            }
        }
    }

    /// Whether each lane in which calls are served was, and few of them were refused.
    pub fn judge(&self) -> anyhow::Result<()> {
        for lane in SERVED {
            let (served, refused) =
                self.0.lock().unwrap().get(lane).map_or((0, 0), |lane| (lane.served, lane.refused));
            ensure!(served > 10 * refused, "{lane}: {served} served, {refused} refused");
        }
        Ok(())
    }

    /// How many of a lane were served.
    pub fn served(&self, lane: &str) -> u64 {
        self.0.lock().unwrap().get(lane).map_or(0, |lane| lane.served)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "| lane | served | refused | broken | p50, ms | p99, ms |")?;
        writeln!(formatter, "|---|---|---|---|---|---|")?;
        for (name, lane) in &*self.0.lock().unwrap() {
            let mut micros = lane.micros.clone();
            micros.sort_unstable();
            let at = |share: f64| {
                let place = (micros.len() as f64 * share) as usize;
                micros.get(place).map_or("–".to_owned(), |micros| {
                    format!("{:.1}", f64::from(*micros) / 1000.0)
                })
            };
            let Lane { served, refused, broken, .. } = lane;
            let (half, most) = (at(0.5), at(0.99));
            writeln!(formatter, "| {name} | {served} | {refused} | {broken} | {half} | {most} |")?;
        }
        Ok(())
    }
}

/// What the daemon uses at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Since the start.
    pub at: Duration,
    /// Resident memory, in KiB.
    pub memory: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
    /// Processor time so far.
    pub cpu: Duration,
}

impl Sample {
    /// Of a process.
    pub fn of(pid: u32, at: Duration) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let memory = memory.split_whitespace().next().unwrap().parse().unwrap();
        let count = |what: &str| std::fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let after_name = stat.rsplit_once(')').unwrap().1;
        let ticks: Vec<u64> = after_name
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|word| word.parse().unwrap())
            .collect();
        let cpu = Duration::from_millis(ticks.iter().sum::<u64>() * 10);
        Self { at, memory, descriptors: count("fd"), threads: count("task"), cpu }
    }
}

/// A table of samples.
pub fn table(samples: &[Sample]) -> String {
    let mut text =
        "| after | memory, KiB | descriptors | threads | CPU, s |\n|---|---|---|---|---|\n"
            .to_owned();
    for Sample { at, memory, descriptors, threads, cpu } in samples {
        text += &format!(
            "| {} s | {memory} | {descriptors} | {threads} | {:.1} |\n",
            at.as_secs(),
            cpu.as_secs_f64()
        );
    }
    text
}
