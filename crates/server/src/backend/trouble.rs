//! Telling the operator that TSM does not answer as it should, and that it does again: each kind of trouble
//! once a minute, so that no client fills the log by asking.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tsmgate_gate::reason::Reason;

use super::Failure;

/// How often trouble that goes on, or comes back, is told.
const AGAIN: Duration = Duration::from_secs(60);
/// What is told when TSM answers.
const WELL: &str = "well";

/// The trouble there is.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The kind of trouble that was told last and is not over.
    now: Option<&'static str>,
    /// When each was told last, by its code: as many as there are codes.
    told: HashMap<&'static str, Instant>,
}

impl Known {
    /// Whether that is to be told, which then counts as done.
    fn is_news(&mut self, what: &'static str) -> bool {
        let news = self.told.get(what).is_none_or(|told| told.elapsed() >= AGAIN);
        if news {
            self.told.insert(what, Instant::now());
        }
        news
    }
}

impl Trouble {
    /// Tells of how the last call ended, if that is news.
    pub(super) fn tell(&self, failure: Option<&Failure>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match failure {
            None => {
                if known.now.take().is_some() && known.is_news(WELL) {
                    tracing::info!("TSM answers again");
                }
            }
            Some(Failure { reason, detail }) => {
                let (code, hint) = (reason.code(), hint(*reason));
                known.now = Some(code);
                if known.is_news(code) {
                    tracing::error!(reason = code, detail, hint, "TSM did not answer as it should");
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
