//! Ctrl-C and SIGTERM end the run at its next step, so that processes and folder are cleared away.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Listens for the signals from now on, on a thread of its own.
pub fn watch() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        ASKED.store(true, Ordering::Relaxed);
    });
    Ok(())
}

/// An error once a signal has come.
pub fn check() -> anyhow::Result<()> {
    anyhow::ensure!(!ASKED.load(Ordering::Relaxed), "interrupted");
    Ok(())
}
