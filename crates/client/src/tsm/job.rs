//! TSM's asynchronous jobs: one, or the list, with their steps.
//!
//! Fields are those of TSM's documented samples; each may be missing but for the number. TSM notes
//! each step twice, when it begins and when it ends; [`Job::steps`] makes one of the two.

use super::Unreadable;
use super::wording::same;

mod step;
#[cfg(test)]
mod tests;
mod written;

pub use step::{Step, StepState};
use written::{Many, One};

/// So many jobs of a list are kept, those with the highest numbers.
pub const MOST_JOBS: usize = 10_000;
/// So many notes of a job are kept, the first: two a step, of which the longest known job has fifteen.
pub const MOST_NOTES: usize = 2_000;

/// A job. Words and messages are TSM's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: u64,
    /// `StartServerJob`, `DeploymentsJob` and others.
    pub job_type: Option<String>,
    /// Where it stands.
    pub status: JobStatus,
    /// How much of it is done, 0 to 100.
    pub progress: Option<u8>,
    /// How many steps it has in all, done or not.
    pub total_steps: Option<u64>,
    /// When it was asked for; milliseconds since 1970, as all three.
    pub created_at: Option<u64>,
    /// When it last reported.
    pub updated_at: Option<u64>,
    /// When it ended; none while it goes on.
    pub completed_at: Option<u64>,
    /// A sentence about where it stands.
    pub status_message: Option<String>,
    /// What went wrong, of a failed or cancelled one.
    pub error_message: Option<String>,
    /// How long it may take, in seconds.
    pub timeout_s: Option<u64>,
    /// The node that does it.
    pub worker: Option<String>,
    /// Its steps as far as they have begun; empty in a [`JobList`].
    pub steps: Vec<Step>,
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobStatus {
    /// It is new.
    Created,
    /// It waits for another one.
    Queued,
    /// It runs.
    Running,
    /// It did all that it had to.
    Succeeded,
    /// It did not.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// A word that we do not know; empty if there was none.
    Other(String),
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is done.
    Succeeded,
    /// Not all is done.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// It is over, and how is said in a word that we do not know: no success.
    Unknown,
}

/// The jobs that TSM remembers, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobList {
    /// At most [`MOST_JOBS`], without their steps.
    pub jobs: Vec<Job>,
    /// How many older ones TSM listed beyond those.
    pub left_out: usize,
}

impl JobStatus {
    fn of(word: Option<String>) -> Self {
        let word = word.unwrap_or_default();
        let known = [
            ("Created", Self::Created),
            ("Queued", Self::Queued),
            ("Running", Self::Running),
            ("Succeeded", Self::Succeeded),
            ("Failed", Self::Failed),
            ("Cancelled", Self::Cancelled),
            ("Canceled", Self::Cancelled),
        ];
        let found = known.into_iter().find(|(name, _)| same(&word, name));
        found.map_or(Self::Other(word), |(_, status)| status)
    }

    /// As TSM writes it; an unknown word is TSM's text and not escaped.
    pub fn name(&self) -> &str {
        match self {
            Self::Created => "Created",
            Self::Queued => "Queued",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::Other(word) => word,
        }
    }
}

impl Job {
    /// Reads a body with `asyncJob`. The caller bounds its length.
    ///
    /// # Errors
    /// It is not JSON, has no `asyncJob`, or a job without a number.
    pub fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let answer: One = serde_json::from_slice(body).map_err(|error| Unreadable::json(&error))?;
        let written = answer.async_job.ok_or(Unreadable::Missing("asyncJob"))?;
        written.job().ok_or(Unreadable::Missing("id of a job"))
    }

    /// Whether nothing more will happen to it.
    pub fn is_over(&self) -> bool {
        self.outcome().is_some()
    }

    /// How it ended; none while it goes on. TSM's clients go by `completedAt`, which a word of an end
    /// may precede.
    pub fn outcome(&self) -> Option<Outcome> {
        match self.status {
            JobStatus::Succeeded => Some(Outcome::Succeeded),
            JobStatus::Failed => Some(Outcome::Failed),
            JobStatus::Cancelled => Some(Outcome::Cancelled),
            // not said to be zero by anybody, but that is what an unset number looks like
            _ if self.completed_at.is_none_or(|time| time == 0) => None,
            _ if self.error_message.is_some() => Some(Outcome::Failed),
            _ => Some(Outcome::Unknown),
        }
    }

    /// What `tsm` prints before the message of the step with this number, counted from 1: whole steps
    /// in percent, rounded down.
    pub fn percent_of(&self, step: usize) -> u8 {
        let step = u64::try_from(step).unwrap_or(u64::MAX);
        let begun = u64::try_from(self.steps.len()).unwrap_or(u64::MAX);
        let total = self.total_steps.unwrap_or(0).max(begun).max(1);
        u8::try_from(step.min(total).saturating_mul(100) / total).unwrap_or(100)
    }
}

impl JobList {
    /// Reads the body of `GET /asyncJobs`. The caller bounds its length.
    ///
    /// # Errors
    /// It is not JSON, has no `asyncJobs`, or a job without a number.
    pub fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let answer: Many =
            serde_json::from_slice(body).map_err(|error| Unreadable::json(&error))?;
        let mut listed = answer.async_jobs.ok_or(Unreadable::Missing("asyncJobs"))?;
        if listed.nameless {
            return Err(Unreadable::Missing("id of a job"));
        }
        listed.list.shorten();
        Ok(listed.list)
    }

    fn shorten(&mut self) {
        self.jobs.sort_by_key(|job| std::cmp::Reverse(job.id));
        self.left_out += self.jobs.len().saturating_sub(MOST_JOBS);
        self.jobs.truncate(MOST_JOBS);
    }
}
