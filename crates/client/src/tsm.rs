//! TSM's answers as typed values: the cluster's status, and jobs.
//!
//! TSM's API is not documented in whole, so reading is lenient: what is missing, null or of another
//! type is left out, a word that nobody knows is kept as it is. Everything here is TSM's text: it is cut
//! when it is read, and whoever shows it escapes it. Nothing here asks TSM.

mod job;
mod lenient;
mod status;
mod wording;

pub use job::{Job, JobList, JobStatus, MOST_JOBS, MOST_NOTES, Outcome, Step, StepState};
pub use lenient::TEXT_KEPT;
pub use status::{
    Ailing, ClusterStatus, Health, Instance, MOST_ENTRIES, NodeStatus, ServiceStatus,
};
pub use wording::{node_word, service_name, service_phrase};

/// Why an answer of TSM's could not be read. It says where and never what: the text is not ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON, or JSON of another shape: where, counted from 1.
    #[error("TSM's answer cannot be read: line {line}, column {column}")]
    Json {
        /// Which line.
        line: usize,
        /// Which byte of that line.
        column: usize,
    },
    /// It is JSON and does not have what was asked for.
    #[error("TSM's answer has no {0}")]
    Missing(&'static str),
    /// It lists more than we take.
    #[error("TSM's answer lists more than {0} entries")]
    TooMany(usize),
}

impl Unreadable {
    fn json(error: &serde_json::Error) -> Self {
        Self::Json { line: error.line(), column: error.column() }
    }
}
