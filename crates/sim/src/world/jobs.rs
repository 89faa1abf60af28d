//! The jobs: one runs at a time, the others wait in order of their numbers.
//!
//! Documented: the fields of a job, two progress notes a step, and that a waiting job can be cancelled
//! always but a running one only if it is a backup or a cleanup. Seen: percentages are rounded down.

use std::collections::VecDeque;

use super::plan::{Circumstances, Effect, JobKind, Step};

/// So many jobs are kept, the newest. Guess: TSM keeps all.
const JOBS_KEPT: usize = 4096;
/// The key is seen (`tabadmincontroller.stalled_job_timeout.minutes`, 10); what it does is inferred.
const STALLED_MS: u64 = 10 * 60 * 1000;

/// Where a job stands. Documented, `Queued` and `Cancelled` seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobStatus {
    /// It is new and nothing runs before it.
    Created,
    /// It waits for another one.
    Queued,
    /// It is the one that runs.
    Running,
    /// It has done all of its steps.
    Succeeded,
    /// A step or its time failed.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

impl JobStatus {
    /// As TSM writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Queued => "Queued",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
        }
    }

    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Created | Self::Queued)
    }
}

/// What a job is made of.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) kind: JobKind,
    pub(crate) steps: Vec<Step>,
    pub(crate) timeout_s: u64,
    pub(crate) worker: String,
}

#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) step: &'static str,
    pub(crate) status: &'static str,
    pub(crate) message: &'static str,
    pub(crate) timestamp: u64,
}

#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) work: Work,
    pub(crate) status: JobStatus,
    pub(crate) notes: Vec<Note>,
    pub(crate) done: usize,
    pub(crate) created: u64,
    pub(crate) updated: u64,
    pub(crate) started: Option<u64>,
    pub(crate) completed: Option<u64>,
    pub(crate) error: Option<String>,
}

/// Why a job could not be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotCancelled {
    Unknown,
    Ended,
    Runs,
}

#[derive(Debug, Default)]
pub(crate) struct Jobs {
    kept: VecDeque<Job>,
    last_id: u64,
}

impl Jobs {
    pub(crate) fn queue(&mut self, work: Work, now: u64) -> u64 {
        let busy = self.kept.iter().any(|job| job.completed.is_none());
        let status = if busy { JobStatus::Queued } else { JobStatus::Created };
        self.last_id += 1;
        if self.kept.len() == JOBS_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Job {
            id: self.last_id,
            work,
            status,
            notes: Vec::new(),
            done: 0,
            created: now,
            updated: now,
            started: None,
            completed: None,
            error: None,
        });
        self.last_id
    }

    /// All that are kept, oldest first. Guess: TSM's order is not known.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Job> {
        self.kept.iter()
    }

    pub(crate) fn find(&self, id: u64) -> Option<&Job> {
        self.kept.iter().find(|job| job.id == id)
    }

    /// Guess: the latest is the one with the highest number.
    pub(crate) fn latest(&self) -> Option<&Job> {
        self.kept.back()
    }

    pub(crate) fn cancel(&mut self, id: u64, now: u64) -> Result<(), NotCancelled> {
        let job = self.kept.iter_mut().find(|job| job.id == id).ok_or(NotCancelled::Unknown)?;
        match job.status {
            status if status.waits() => {}
            JobStatus::Running if job.work.kind.yields() => {}
            JobStatus::Running => return Err(NotCancelled::Runs),
            _ => return Err(NotCancelled::Ended),
        }
        job.end(JobStatus::Cancelled, now, Some("The job was cancelled.".to_owned()));
        Ok(())
    }

    pub(crate) fn settle(&mut self, now: u64) {
        let Some(job) = self.running() else { return };
        let limit_ms = job.work.timeout_s.saturating_mul(1000);
        let late = now.saturating_sub(job.started.unwrap_or(now)) >= limit_ms;
        let stalled = now.saturating_sub(job.updated) >= STALLED_MS;
        if late {
            job.end(JobStatus::Failed, now, Some("The job timed out.".to_owned()));
        } else if stalled {
            job.end(JobStatus::Failed, now, Some("The job stopped reporting.".to_owned()));
        }
    }

    /// What the running job's step does when it ends.
    pub(crate) fn current_effect(&mut self) -> Option<Effect> {
        let job = self.running()?;
        Some(job.step().map_or(Effect::Nothing, |step| step.effect.clone()))
    }

    /// Starts the oldest that waits, with the steps that are due now. `false`: none waits.
    pub(crate) fn start_next(&mut self, now: u64, circumstances: Circumstances) -> bool {
        let Some(job) = self.kept.iter_mut().find(|job| job.status.waits()) else { return false };
        job.status = JobStatus::Running;
        job.work.steps = job.work.kind.steps(circumstances);
        job.started = Some(now);
        job.note("Running", now);
        true
    }

    pub(crate) fn end_step(&mut self, now: u64, outcome: Result<(), String>) {
        let Some(job) = self.running() else { return };
        if let Err(reason) = outcome {
            job.note("Failed", now);
            return job.end(JobStatus::Failed, now, Some(reason));
        }
        job.note("Succeeded", now);
        job.done += 1;
        if job.step().is_some() {
            job.note("Running", now);
        } else {
            job.end(JobStatus::Succeeded, now, None);
        }
    }

    fn running(&mut self) -> Option<&mut Job> {
        self.kept.iter_mut().find(|job| job.status == JobStatus::Running)
    }
}

impl Job {
    /// Seen: whole steps in percent, rounded down.
    pub(crate) fn progress(&self) -> usize {
        (100 * self.done).checked_div(self.work.steps.len()).unwrap_or(100)
    }

    fn step(&self) -> Option<&Step> {
        self.work.steps.get(self.done)
    }

    fn note(&mut self, status: &'static str, timestamp: u64) {
        if let Some(&Step { id, message, .. }) = self.step() {
            self.notes.push(Note { step: id, status, message, timestamp });
        }
        self.updated = timestamp;
    }

    fn end(&mut self, status: JobStatus, now: u64, error: Option<String>) {
        (self.status, self.error) = (status, error);
        (self.updated, self.completed) = (now, Some(now));
    }
}
