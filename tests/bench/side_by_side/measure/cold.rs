//! What a cold login costs the proxy: connect, full handshake, one call, close; one after the other.

use crate::client::Client;
use crate::target::Target;
use crate::{cpu, interrupt};

/// CPU microseconds of one, with the key exchange that all have in common, and with the post-quantum one.
pub fn turn(target: &mut Target, logins: u32) -> anyhow::Result<()> {
    let cost = of_one(target, &target.client, logins)?;
    target.figures.cold.push(cost);
    if let Some(client) = &target.post_quantum {
        let cost = of_one(target, client, logins)?;
        target.figures.cold_post_quantum.push(cost);
    }
    Ok(())
}

fn of_one(target: &Target, client: &Client, logins: u32) -> anyhow::Result<f64> {
    let before = cpu::used_at_rest(target.pid())?;
    for _ in 0..logins {
        interrupt::check()?;
        target.login(client)?;
    }
    let used = cpu::used_at_rest(target.pid())?.saturating_sub(before);
    Ok(used.as_secs_f64() * 1e6 / f64::from(logins))
}
