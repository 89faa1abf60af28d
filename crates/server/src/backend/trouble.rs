//! Telling the operator that TSM does not answer as it should, and that it does again: once for each
//! change, then once a minute, so that no client fills the log by asking.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tsmgate_gate::reason::Reason;

use super::Failure;

/// How often trouble that goes on is told.
const AGAIN: Duration = Duration::from_secs(60);

/// The trouble there is.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<Option<(Reason, Instant)>>);

impl Trouble {
    /// Tells of how the last call ended, if that is news.
    pub(super) fn tell(&self, failure: Option<&Failure>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match failure {
            None => {
                if known.take().is_some() {
                    tracing::info!("TSM answers again");
                }
            }
            Some(Failure { reason, detail }) => {
                let reason = *reason;
                let news =
                    known.is_none_or(|(before, told)| before != reason || told.elapsed() >= AGAIN);
                if news {
                    *known = Some((reason, Instant::now()));
                    let (code, hint) = (reason.code(), hint(reason));
                    tracing::error!(reason = code, detail, hint, "TSM did not give a cookie");
                }
            }
        }
    }
}

fn hint(reason: Reason) -> &'static str {
    match reason {
        Reason::BackendUnreachable => "is TSM running? is tsm.login_socket its socket?",
        Reason::BackendUntrusted => "`tsmgated check` says whose the socket's folder is",
        Reason::BackendDeniedGate => {
            "put the user tsmgated runs as into TSM's group, and restart tsmgated"
        }
        Reason::BackendTimeout | Reason::BackendError => "look at TSM's log",
        Reason::BackendGarbage => "what answers is not TSM, or it died meanwhile: look at its log",
        Reason::BackendBusy => "TSM is slow, or tsm.connections too low",
        _ => "",
    }
}
