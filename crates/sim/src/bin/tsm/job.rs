//! A job of the controller's, from the line that says so to its end.
//!
//! Seen: the lines of a deployment, and percentages of whole steps, rounded down. The session may end meanwhile
//! and the controller may restart: it goes on asking until the time is over.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::answer::{list, part, text};
use crate::commands::Task;
use crate::failure::Failure;

/// Between two questions. The real one's is not known.
const PAUSE: Duration = Duration::from_millis(50);

/// How a job is spoken of.
pub(crate) struct Words {
    /// `Starting … asynchronous job.` Seen for deployments.
    pub(crate) what: &'static str,
    /// The last line after success.
    pub(crate) done: &'static str,
}

impl Task<'_> {
    /// Has a job made at `path`, and follows it to its end.
    pub(crate) async fn run_job(
        &mut self,
        path: &str,
        query: &[(&str, &str)],
        words: &Words,
    ) -> Result<(), Failure> {
        self.output.line(&format!("Starting {} asynchronous job.", words.what));
        let mut pairs: Vec<_> = query.iter().map(|(name, value)| (*name, *value)).collect();
        // Seen with other clients: the query names the time.
        if let Some(seconds) = self.asked.request_timeout() {
            pairs.push(("jobTimeoutSeconds", seconds));
        }
        let pairs: Vec<_> =
            pairs.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let job = self.controller.post(&format!("{path}?{}", pairs.join("&")), None).await?;
        self.follow(part(&job, "asyncJob"), words.done).await
    }

    /// Tells how a job goes on, to its end.
    pub(crate) async fn follow(&mut self, job: &Value, done: &str) -> Result<(), Failure> {
        let id = part(job, "id")
            .as_u64()
            .ok_or_else(|| Failure::failed("The controller named no job."))?;
        let seconds = part(job, "jobTimeout").as_u64().unwrap_or(1800);
        self.output.line(&format!("Job id is '{id}', timeout is {} minutes.", minutes(seconds)));
        let wait = self.asked.request_timeout().and_then(|seconds| seconds.parse().ok());
        let end = Instant::now() + Duration::from_secs(wait.unwrap_or(seconds));
        let mut told = Steps::default();
        loop {
            match self.controller.get(&format!("asyncJobs/{id}")).await {
                Ok(answer) => {
                    let job = part(&answer, "asyncJob");
                    self.tell_steps(job, &mut told);
                    if let Some(ended) = ended(job) {
                        return ended.map(|()| self.output.line(done));
                    }
                }
                Err(failure) if failure.passes() => {}
                Err(failure) => return Err(failure),
            }
            if Instant::now() >= end {
                // Seen: the job goes on without the command line.
                return Err(Failure::failed(format!(
                    "The job did not finish in time. It goes on; to follow it: tsm jobs reconnect --id {id}"
                )));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Tells the steps that are done and were not told. Seen: a line that stands where a longer one stood has
    /// blanks behind it.
    fn tell_steps(&mut self, job: &Value, told: &mut Steps) {
        let progress = part(job, "detailedProgress");
        let total = part(progress, "totalSteps").as_u64().unwrap_or(1).max(1);
        let notes = list(progress, "progressNotes");
        let done = notes.iter().filter(|note| text(note, "status") == "Succeeded");
        for (step, note) in (1..).zip(done) {
            if step > told.count {
                let line = format!("{}% - {}", 100 * step / total, text(note, "message"));
                let width = told.width;
                self.output.line(&format!("{line:width$}"));
                *told = Steps { count: step, width: line.len() };
            }
        }
    }
}

/// The steps that were told: how many, and how long the last one's line was.
#[derive(Debug, Default)]
struct Steps {
    count: u64,
    width: usize,
}

/// How it ended, if it has.
fn ended(job: &Value) -> Option<Result<(), Failure>> {
    if part(job, "completedAt").is_null() {
        return None;
    }
    if text(job, "status") == "Succeeded" {
        return Some(Ok(()));
    }
    let texts = ["errorMessage", "statusMessage"].map(|name| text(job, name));
    let why = texts.into_iter().find(|text| !text.is_empty());
    Some(Err(Failure::failed(why.unwrap_or_default())))
}

/// Seen: `10`, `33.33`, `2880`.
fn minutes(seconds: u64) -> String {
    let hundredths = seconds * 100 / 60;
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A value of a query.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    safe
}
