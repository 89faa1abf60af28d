//! Logins on one kept connection, one after the other.

use std::time::Instant;

use crate::client::DEADLINE;
use crate::target::Target;
use crate::{cpu, interrupt};

/// Logins a second, and CPU microseconds of the proxy for each.
pub fn turn(target: &mut Target, calls: u32) -> anyhow::Result<()> {
    let session = target.client.connect(target.recipe.port, Instant::now() + DEADLINE);
    let mut session =
        session.map_err(|failure| anyhow::anyhow!(target.blame(&failure.to_string())))?;
    let mut call = || {
        let called = session.call(&target.client);
        called.map_err(|failure| anyhow::anyhow!(target.blame(&failure.to_string())))
    };
    // the handshake is not counted
    call()?;
    let before = cpu::used_at_rest(target.pid())?;
    let begun = Instant::now();
    for _ in 0..calls {
        interrupt::check()?;
        call()?;
    }
    let rate = f64::from(calls) / begun.elapsed().as_secs_f64();
    let used = cpu::used_at_rest(target.pid())?.saturating_sub(before);
    target.figures.kept_rate.push(rate);
    target.figures.kept_cpu.push(used.as_secs_f64() * 1e6 / f64::from(calls));
    Ok(())
}
