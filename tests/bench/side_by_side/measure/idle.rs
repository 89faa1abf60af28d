//! What a connection takes of the proxy's memory that made one login and waits: how much a server that has
//! just been started grows by many of them.

use std::time::{Duration, Instant};

use crate::client::DEADLINE;
use crate::recipe::Caps;
use crate::target::Target;
use crate::{cpu, interrupt, memory};

/// KiB for each.
pub fn turn(target: &mut Target, connections: u32) -> anyhow::Result<()> {
    // one that had many before keeps their memory for the next
    target.begin_anew(Caps::Raised)?;
    let connections = connections.min(target.recipe.idle_at_most);
    cpu::used_at_rest(target.pid())?;
    let before = memory::used(target.pid())?;
    let mut sessions = Vec::new();
    for _ in 0..connections {
        interrupt::check()?;
        let session = target.client.connect(target.recipe.port, Instant::now() + DEADLINE);
        match session.and_then(|mut session| session.call(&target.client).map(|()| session)) {
            Ok(session) => sessions.push(session),
            Err(failure) => anyhow::bail!(target.blame(&failure.to_string())),
        }
    }
    cpu::used_at_rest(target.pid())?;
    // what a program gives back a little later is not the connections'
    std::thread::sleep(Duration::from_millis(100));
    let grown = memory::used(target.pid())?.saturating_sub(before);
    target.figures.idle.push(grown as f64 / f64::from(connections));
    drop(sessions);
    Ok(())
}
