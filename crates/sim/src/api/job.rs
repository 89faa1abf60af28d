//! Jobs as the API shows them, and as it cancels them.
//!
//! Documented: the fields, that times are milliseconds, and the filter. Guess: a filter that names no
//! status finds nothing, an unknown number is 404, what cannot be cancelled is 409.

use serde_json::{Map, Value, json};

use super::answers::Refusal;
use super::operations::Found;
use crate::world::World;
use crate::world::jobs::{Job, JobStatus, NotCancelled, Note};

pub(super) fn list(world: &World, status: Option<&str>) -> Value {
    let wanted = |job: &&Job| status.is_none_or(|status| job.status.name() == status);
    let jobs: Vec<_> = world.jobs.all().filter(wanted).map(shown).collect();
    json!({ "asyncJobs": jobs })
}

pub(super) fn latest(world: &World) -> Found {
    let job = world.jobs.latest().ok_or_else(|| Refusal::new(404, "There is no job yet."))?;
    Ok(json!({ "asyncJob": shown(job) }))
}

pub(super) fn one(world: &World, id: &str) -> Found {
    id.parse().map_err(|_| unknown(id)).and_then(|number| found(world, number))
}

pub(super) fn found(world: &World, id: u64) -> Found {
    let job = world.jobs.find(id).ok_or_else(|| unknown(&id.to_string()))?;
    Ok(json!({ "asyncJob": shown(job) }))
}

pub(super) fn cancel(world: &mut World, id: &str, now: u64) -> Found {
    let number = id.parse().map_err(|_| unknown(id))?;
    match world.jobs.cancel(number, now) {
        Ok(()) => found(world, number),
        Err(NotCancelled::Unknown) => Err(unknown(id)),
        Err(NotCancelled::Ended) => Err(Refusal::new(409, format!("The job {id} has ended."))),
        Err(NotCancelled::Runs) => {
            Err(Refusal::new(409, format!("The job {id} cannot be cancelled while it runs.")))
        }
    }
}

fn unknown(id: &str) -> Refusal {
    Refusal::new(404, format!("There is no job {id}."))
}

fn shown(job: &Job) -> Value {
    let note = |note: &Note| {
        json!({
            "step": note.step,
            "status": note.status,
            "message": note.message,
            "messageData": [],
            "timestamp": note.timestamp,
        })
    };
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("id", json!(job.id));
    put("jobType", json!(job.work.kind.job_type()));
    put("status", json!(job.status.name()));
    put("progress", json!(job.progress()));
    put(
        "detailedProgress",
        json!({
            "progressNotes": job.notes.iter().map(note).collect::<Vec<_>>(),
            "doneSteps": job.done,
            "totalSteps": job.work.steps.len(),
        }),
    );
    put("createdAt", json!(job.created));
    put("updatedAt", json!(job.updated));
    if let Some(completed) = job.completed {
        put("completedAt", json!(completed));
    }
    put("statusMessage", json!(status_message(job.status)));
    put("statusMessageData", json!([]));
    put("jobTimeout", json!(job.work.timeout_s));
    put("worker", json!(job.work.worker));
    if let Some(error) = &job.error {
        put("errorMessage", json!(error));
    }
    put("href", json!(format!("/api/0.5/asyncJobs/{}", job.id)));
    Value::Object(fields)
}

/// Documented for success; the others are guesses in the same words.
fn status_message(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Created | JobStatus::Queued => "This job is waiting to run.",
        JobStatus::Running => "This job is running.",
        JobStatus::Succeeded => "This job completed successfully.",
        JobStatus::Failed => "This job failed.",
        JobStatus::Cancelled => "This job was cancelled.",
    }
}
