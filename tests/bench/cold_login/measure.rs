//! First that a target does the job, then what it costs: turn and turn about, so that a busy minute of
//! the machine falls on all of them alike.

use std::sync::atomic::Ordering;

use anyhow::{Context, ensure};

use crate::client::Client;
use crate::stage::Stage;
use crate::targets::Target;
use crate::{cpu, interrupt};

/// Logins before the first round, so that caches are filled and memory is there.
const WARM_UP: u32 = 10;

/// That the target serves its client, and refuses one without a certificate and one with a stranger's,
/// before the login server hears of them.
pub fn check(target: &Target, stage: &Stage) -> anyhow::Result<()> {
    // good ones first: a source that proved itself is not banned for the bad ones
    for _ in 0..WARM_UP {
        login(target)?;
    }
    let answered = stage.answered.load(Ordering::Relaxed);
    for (who, identity) in [("no certificate", None), ("a stranger's", Some(&stage.stranger))] {
        Client::new(&stage.authority, identity, target.group, &stage.reply)?
            .is_refused(target.port)
            .with_context(|| format!("{} and a client with {who}", target.name))?;
    }
    let reached = stage.answered.load(Ordering::Relaxed) - answered;
    ensure!(reached == 0, "{} let a client through that it must refuse", target.name);
    login(target).map(drop)
}

/// All rounds.
pub fn run(targets: &mut [Target], rounds: u32, logins: u32) -> anyhow::Result<()> {
    let count = targets.len();
    for round in 0..rounds as usize {
        for turn in 0..count {
            // another one begins each round: nobody always follows the same neighbour
            one_turn(&mut targets[(round + turn) % count], logins)?;
        }
    }
    Ok(())
}

fn one_turn(target: &mut Target, logins: u32) -> anyhow::Result<()> {
    let process = target.process.pid();
    let before = cpu::used_at_rest(process)?;
    for _ in 0..logins {
        interrupt::check()?;
        let took = login(target)?;
        target.latency.push(took);
    }
    let used = cpu::used_at_rest(process)?.saturating_sub(before);
    target.cpu.push(used.as_secs_f64() * 1e6 / f64::from(logins));
    Ok(())
}

/// Microseconds of one login.
fn login(target: &Target) -> anyhow::Result<f64> {
    let took = target.client.login(target.port);
    let took = took.with_context(|| {
        format!("a login through {} failed. It said:\n{}", target.name, target.process.last_words())
    })?;
    Ok(took.as_secs_f64() * 1e6)
}
