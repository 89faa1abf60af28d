//! Jobs as TSM writes them, field by field, and how a long list of them is kept short.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::step::{self, Note};
use super::{Job, JobList, JobStatus, MOST_JOBS, MOST_NOTES};
use crate::tsm::lenient::{list, number, text};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct One {
    pub(super) async_job: Option<Written>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Many {
    pub(super) async_jobs: Option<Listed>,
}

/// A job as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    #[serde(default, deserialize_with = "number")]
    id: Option<u64>,
    #[serde(default, deserialize_with = "text")]
    job_type: Option<String>,
    #[serde(default, deserialize_with = "text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "number")]
    progress: Option<u64>,
    #[serde(default)]
    detailed_progress: Option<Detail>,
    #[serde(default, deserialize_with = "number")]
    created_at: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    updated_at: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    completed_at: Option<u64>,
    #[serde(default, deserialize_with = "text")]
    status_message: Option<String>,
    #[serde(default, deserialize_with = "text")]
    error_message: Option<String>,
    #[serde(default, deserialize_with = "number")]
    job_timeout: Option<u64>,
    #[serde(default, deserialize_with = "text")]
    worker: Option<String>,
}

impl Written {
    /// The job; none without a number.
    pub(super) fn job(self) -> Option<Job> {
        let detail = self.detailed_progress.unwrap_or_default();
        Some(Job {
            id: self.id?,
            job_type: self.job_type,
            status: JobStatus::of(self.status),
            progress: self.progress.map(|part| u8::try_from(part.min(100)).unwrap_or(100)),
            total_steps: detail.total_steps,
            created_at: self.created_at,
            updated_at: self.updated_at,
            completed_at: self.completed_at,
            status_message: self.status_message,
            error_message: self.error_message,
            timeout_s: self.job_timeout,
            worker: self.worker,
            steps: step::fold(detail.progress_notes),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    #[serde(default, deserialize_with = "list::<_, _, MOST_NOTES>")]
    progress_notes: Vec<Note>,
    #[serde(default, deserialize_with = "number")]
    total_steps: Option<u64>,
}

/// A list that is shortened while it is read, since TSM forgets no job.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) list: JobList,
    /// A job without a number was among them.
    pub(super) nameless: bool,
}

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(Self::default())
    }
}

impl<'de> Visitor<'de> for Listed {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of jobs")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Self, A::Error> {
        while let Some(written) = list.next_element::<Written>()? {
            match written.job() {
                Some(job) => self.list.jobs.push(Job { steps: Vec::new(), ..job }),
                None => self.nameless = true,
            }
            if self.list.jobs.len() >= 2 * MOST_JOBS {
                self.list.shorten();
            }
        }
        Ok(self)
    }
}
