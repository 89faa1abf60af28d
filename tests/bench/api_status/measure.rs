//! First that a target does the job, then what it costs: turn and turn about, so that a busy minute of
//! the machine falls on all of them alike.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::client::{Client, Line};
use crate::stage::{STATUS, Stage};
use crate::targets::Target;
use crate::{Options, cpu, interrupt};

/// Requests before each turn, so that connections are made and memory is there.
const WARM_UP: u32 = 10;
/// From one request to the next of those that are paced: 200 a second.
const PACE: Duration = Duration::from_millis(5);

/// That the target serves its client, and refuses one without a certificate and one with a stranger's.
pub fn check(target: &Target, stage: &Stage) -> anyhow::Result<()> {
    // a good one first: a source that proved itself is not banned for the bad ones
    warm(target, &stage.status)?;
    if target.process.is_none() {
        return Ok(());
    }
    for (who, identity) in [("no certificate", None), ("a stranger's", Some(&stage.stranger))] {
        Client::new(&stage.authority, identity)?
            .is_refused(target.port, STATUS)
            .with_context(|| format!("{} and a client with {who}", target.name))?;
    }
    warm(target, &stage.status).map(drop)
}

/// All rounds.
pub fn run(targets: &mut [Target], options: &Options, status: &[u8]) -> anyhow::Result<()> {
    let count = targets.len();
    for round in 0..options.rounds as usize {
        for turn in 0..count {
            // another one begins each round: nobody always follows the same neighbour
            let target = &mut targets[(round + turn) % count];
            one_turn(target, options, status).with_context(|| said(target))?;
        }
    }
    Ok(())
}

fn one_turn(target: &mut Target, options: &Options, status: &[u8]) -> anyhow::Result<()> {
    let mut line = warm(target, status)?;
    let mut took = Duration::ZERO;
    let cpu = used(target, options.requests, || {
        let begun = Instant::now();
        for _ in 0..options.requests {
            interrupt::check()?;
            line.ask(STATUS, status)?;
        }
        took = begun.elapsed();
        Ok(())
    })?;
    target.cpu.extend(cpu);
    target.rate.push(f64::from(options.requests) / took.as_secs_f64());
    let mut latency = Vec::new();
    let cpu = used(target, options.paced, || {
        let begun = Instant::now();
        for number in 0..options.paced {
            interrupt::check()?;
            std::thread::sleep((PACE * number).saturating_sub(begun.elapsed()));
            latency.push(line.ask(STATUS, status)?.as_secs_f64() * 1e6);
        }
        Ok(())
    })?;
    target.paced_cpu.extend(cpu);
    target.latency.append(&mut latency);
    Ok(())
}

/// CPU microseconds of the target for one of so many requests; none where it is TSM itself.
fn used(
    target: &Target,
    count: u32,
    load: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Option<f64>> {
    let Some(process) = &target.process else { return load().map(|()| None) };
    let before = cpu::used_at_rest(process.pid())?;
    load()?;
    let used = cpu::used_at_rest(process.pid())?.saturating_sub(before);
    Ok(Some(used.as_secs_f64() * 1e6 / f64::from(count)))
}

/// A connection that has been used.
fn warm(target: &Target, status: &[u8]) -> anyhow::Result<Line> {
    let mut line = target.client.connect(target.port)?;
    for _ in 0..WARM_UP {
        line.ask(STATUS, status).with_context(|| said(target))?;
    }
    Ok(line)
}

/// What a target said before a request through it failed.
pub fn said(target: &Target) -> String {
    let words = target.process.as_ref().map(|process| process.last_words()).unwrap_or_default();
    format!("a request through {} failed. It said:\n{words}", target.name)
}
