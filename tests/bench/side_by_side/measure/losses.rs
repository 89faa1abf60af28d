//! What an operator's reload, and a stop and start, cost those who log in meanwhile.

use std::time::Duration;

use super::paced::{self, Came};
use crate::figures::Losses;
use crate::recipe::{Caps, Reload};
use crate::target::Target;

/// Logins lost at both, and how long the others waited.
pub fn turn(target: &mut Target, logins: u32) -> anyhow::Result<()> {
    if !matches!(target.recipe.reload, Reload::No) {
        let losses = of(target, logins, Target::reload)?;
        target.figures.reload.push(losses);
    }
    let losses = of(target, logins, |target| target.restart(Caps::Raised))?;
    target.figures.restart.push(losses);
    Ok(())
}

/// What is lost while this is done.
fn of(
    target: &mut Target,
    logins: u32,
    interruption: impl FnOnce(&mut Target) -> anyhow::Result<()>,
) -> anyhow::Result<Losses> {
    let (client, port) = (target.client.clone(), target.recipe.port);
    let came = paced::load(&client, port, logins, || interruption(target))?;
    target.wait_until_up()?;
    let Came { took, lost } = came;
    let longest = took.iter().copied().max().unwrap_or(Duration::ZERO);
    Ok(Losses { lost: lost.len(), of: took.len() + lost.len(), longest })
}
