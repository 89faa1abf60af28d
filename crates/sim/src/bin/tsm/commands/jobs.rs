//! `tsm jobs`: which there are, following one, and cancelling one.
//!
//! Documented: the filter, that the latest is followed where none is named, and which can be cancelled. The
//! form of the list is a guess.

use hyper::Method;
use serde_json::Value;

use super::{Outcome, Task};
use crate::answer::{list, part, text};
use crate::failure::Failure;

pub(super) async fn all(mut task: Task<'_>) -> Outcome {
    let answer = task.controller.get("asyncJobs").await?;
    let status = task.asked.value("status");
    let wanted =
        |job: &&Value| status.is_none_or(|status| text(job, "status").eq_ignore_ascii_case(status));
    let mut lines = Vec::new();
    for job in list(&answer, "asyncJobs").iter().filter(wanted) {
        lines.push(format!(
            "{:<8} {:<28} {:<10} {}%",
            part(job, "id"),
            text(job, "jobType"),
            text(job, "status"),
            part(job, "progress")
        ));
    }
    if lines.is_empty() {
        task.output.line("There are no jobs.");
        return Ok(());
    }
    task.output.line(&format!("{:<8} {:<28} {:<10} Progress", "Job id", "Job type", "Status"));
    lines.iter().for_each(|line| task.output.line(line));
    Ok(())
}

pub(super) async fn reconnect(mut task: Task<'_>) -> Outcome {
    let id = number(&task)?.unwrap_or_else(|| "latest".to_owned());
    let job = task.controller.get(&format!("asyncJobs/{id}")).await?;
    task.follow(part(&job, "asyncJob"), "This job completed successfully.").await
}

pub(super) async fn cancel(mut task: Task<'_>) -> Outcome {
    let id = number(&task)?.unwrap_or_default();
    task.controller.ask(Method::PUT, &format!("asyncJobs/{id}/cancel"), None).await?;
    task.output.line(&format!("The job '{id}' was cancelled."));
    Ok(())
}

/// Documented: `--id`, a number.
fn number(task: &Task<'_>) -> Result<Option<String>, Failure> {
    match task.asked.value("id") {
        Some(id) if id.bytes().any(|byte| !byte.is_ascii_digit()) => {
            Err(Failure::Usage("The option '--id' takes a number.".to_owned()))
        }
        id => Ok(id.map(str::to_owned)),
    }
}
