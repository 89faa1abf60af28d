//! The figures of the api lane, in the same form as the others.

use serde::Serialize;

use super::{Counts, Moment};

/// The requests of the api lane.
#[derive(Debug, Serialize)]
pub struct Requests {
    /// Requests that were about to be passed on to TSM.
    pub intents: u64,
    /// Intents that no outcome is on file for, as after a crash; requests under way are among them.
    pub without_outcome: u64,
    /// All of them.
    pub totals: RequestsDone,
    /// Clients by how many requests they made.
    pub clients: Vec<Requester>,
    /// Those that there was no row for.
    pub other_clients: Option<RequestsDone>,
    /// Operations by how often they were asked for.
    pub operations: Vec<RequestsOf>,
    /// Those that there was no row for.
    pub other_operations: Option<RequestsDone>,
    /// Who was answered with secrets in clear, and by which operation, the most frequent first.
    pub secrets_in_clear: Vec<InClear>,
    /// Answers with secrets in clear that there was no row for.
    pub other_secrets_in_clear: u64,
}

/// How requests ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RequestsDone {
    /// Done by TSM.
    pub done: u64,
    /// Passed on to TSM, and failed; or their answer was not passed on whole.
    pub failed: u64,
    /// Refused by the gate.
    pub refused: u64,
}

impl RequestsDone {
    /// All of them.
    pub fn sum(&self) -> u64 {
        Counts::from(*self).sum()
    }
}

impl From<Counts> for RequestsDone {
    fn from(counts: Counts) -> Self {
        Self { done: counts.granted, failed: counts.failed, refused: counts.refused }
    }
}

impl From<RequestsDone> for Counts {
    fn from(requests: RequestsDone) -> Self {
        Self { granted: requests.done, failed: requests.failed, refused: requests.refused }
    }
}

/// One client of the api lane.
#[derive(Debug, Serialize)]
pub struct Requester {
    /// Its name.
    pub name: String,
    /// How its requests ended.
    #[serde(flatten)]
    pub counts: RequestsDone,
    /// How many were answered with secrets in clear.
    pub secrets_in_clear: u64,
    /// When it last asked for something, or was last refused.
    pub last: Option<Moment>,
}

/// One operation.
#[derive(Debug, Serialize)]
pub struct RequestsOf {
    /// Its name in the catalogue; `none` where a record names none.
    pub name: String,
    /// How requests for it ended.
    #[serde(flatten)]
    pub counts: RequestsDone,
    /// When it was last asked for.
    pub last: Option<Moment>,
}

/// A client that was answered with secrets in clear.
#[derive(Debug, Serialize)]
pub struct InClear {
    /// The client's name.
    pub client: String,
    /// The operation.
    pub operation: String,
    /// How often.
    pub count: u64,
    /// When last.
    pub last: Option<Moment>,
}

/// What became of the gate's own sessions at TSM.
#[derive(Debug, Default, Serialize)]
pub struct SessionUse {
    /// Given by TSM.
    pub taken: u64,
    /// Asked for and not given.
    pub not_given: u64,
    /// Not accepted any more by TSM.
    pub refused: u64,
    /// Given back, and TSM said so.
    pub ended: u64,
    /// Given back, and TSM did not say so: they end by themselves.
    pub not_ended: u64,
    /// When the last one was given.
    pub last_taken: Option<Moment>,
}

impl SessionUse {
    /// Whether there was nothing at all.
    pub fn is_none(&self) -> bool {
        let Self { taken, not_given, refused, ended, not_ended, .. } = self;
        [taken, not_given, refused, ended, not_ended].into_iter().all(|count| *count == 0)
    }
}
