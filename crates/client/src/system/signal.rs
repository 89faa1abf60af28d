//! Ctrl-c, or a polite end by somebody else: what was begun is not simply left lying.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that can ask for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// SIGHUP.
    Hangup,
    /// SIGUSR1.
    First,
    /// SIGUSR2.
    Second,
}

/// The signals that end a run. From the moment that this is made none of them ends the process by itself.
#[derive(Debug)]
pub(crate) struct Signals(Option<(Signal, Signal)>);

impl Signals {
    /// Begins to listen.
    pub(crate) fn listen() -> Self {
        match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
            (Ok(by_key), Ok(by_kill)) => Self(Some((by_key, by_kill))),
            // then a signal ends us as it always did
            _ => Self(None),
        }
    }

    /// Waits for one that came since.
    pub(crate) async fn come(&mut self) {
        match &mut self.0 {
            None => std::future::pending().await,
            Some((by_key, by_kill)) => {
                tokio::select! {
                    _ = by_key.recv() => {}
                    _ = by_kill.recv() => {}
                }
            }
        }
    }
}

/// A signal that asks for something, and does not end the run.
#[derive(Debug)]
pub(crate) struct Wish(Signal);

impl Wish {
    /// Begins to listen for the signal of that kind.
    pub(crate) fn listen(kind: Kind) -> io::Result<Self> {
        let kind = match kind {
            Kind::Hangup => SignalKind::hangup(),
            Kind::First => SignalKind::user_defined1(),
            Kind::Second => SignalKind::user_defined2(),
        };
        signal(kind).map(Self)
    }

    /// Waits for one that came since. Several that came before anybody waited are one.
    pub(crate) async fn come(&mut self) {
        if self.0.recv().await.is_none() {
            // nothing comes any more
            std::future::pending().await
        }
    }
}
