//! Jobs: the list, one whole, and the sentences around waiting for one.

use time::OffsetDateTime;
use tsmgate_pki::time_text;
use tsmgate_text::escape;

use crate::cli::colour::Tone;
use crate::cli::table::{Cell, table};
use crate::tsm::{Job, JobList, JobStatus, Outcome, Step, StepState};

#[cfg(test)]
mod tests;

/// The columns of a list of jobs.
pub(in crate::cli) const HEADING: [&str; 6] =
    ["ID", "TYPE", "STATUS", "PROGRESS", "CREATED", "MESSAGE"];

/// The list as a table. `width` is the terminal's, in columns.
pub(in crate::cli) fn list(list: &JobList, width: Option<usize>) -> String {
    if list.jobs.is_empty() {
        return "There are no jobs.\n".to_owned();
    }
    let mut text = table(HEADING, &rows(list), width);
    if list.left_out > 0 {
        text.push_str(&format!("and {} older ones\n", list.left_out));
    }
    text
}

/// A row for each job.
pub(in crate::cli) fn rows(list: &JobList) -> Vec<[Cell; 6]> {
    let row = |job: &Job| {
        [
            Cell::own(job.id.to_string()).whole(),
            Cell::foreign(job.job_type.as_deref()),
            Cell::foreign(Some(job.status.name())).toned(tone(job)),
            Cell::own(percent(job)).whole(),
            Cell::own(moment(job.created_at)).whole(),
            Cell::foreign(said(job)),
        ]
    };
    list.jobs.iter().map(row).collect()
}

/// One job, field by field, with its steps.
pub(in crate::cli) fn block(job: &Job) -> String {
    let mut text = String::new();
    let title = format!("Job {}: {}", job.id, shown(job.job_type.as_deref()));
    text.push_str(&format!("{}\n", Tone::Heading.paint(&title)));
    let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<9}  {value}\n"));
    line("status", &tone(job).paint(&shown(Some(job.status.name()))));
    line("progress", &percent(job));
    line("created", &moment(job.created_at));
    line("updated", &moment(job.updated_at));
    line("completed", &moment(job.completed_at.filter(|&time| time > 0)));
    line("timeout", &job.timeout_s.map_or("-".to_owned(), minutes));
    line("worker", &shown(job.worker.as_deref()));
    line("message", &shown(job.status_message.as_deref()));
    if let Some(error) = &job.error_message {
        line("error", &Tone::Bad.paint(&shown(Some(error))));
    }
    if !job.steps.is_empty() {
        text.push_str(&Tone::Heading.paint("Steps:"));
        text.push('\n');
    }
    for (place, step) in job.steps.iter().enumerate() {
        let (word, tone) = step_state(job, place, step);
        let padding = " ".repeat(9_usize.saturating_sub(word.chars().count()));
        let percent = job.percent_of(place + 1);
        let word = tone.paint(&word);
        text.push_str(&format!(
            "  {percent:>3}%  {word}{padding}  {}\n",
            shown(Some(step.title()))
        ));
    }
    text
}

/// `Job id is '7', timeout is 10 minutes.`, as `tsm` says it. TSM's own clients' scripts look for it.
pub(in crate::cli) fn announced(job: &Job) -> String {
    match job.timeout_s {
        Some(timeout_s) => format!("Job id is '{}', timeout is {}.", job.id, minutes(timeout_s)),
        None => format!("Job id is '{}'.", job.id),
    }
}

/// How a job ended, in one sentence; also of one that has not.
pub(in crate::cli) fn ended(job: &Job) -> String {
    let subject = match &job.job_type {
        Some(job_type) => format!("job {} ({})", job.id, escape(job_type)),
        None => format!("job {}", job.id),
    };
    let because = match said(job) {
        Some(said) => format!(": {}", escape(said)),
        None => String::new(),
    };
    match job.outcome() {
        Some(Outcome::Succeeded) => format!("{subject} succeeded"),
        Some(Outcome::Failed) => format!("{subject} failed{because}"),
        Some(Outcome::Cancelled) => format!("{subject} was cancelled{because}"),
        Some(Outcome::Unknown) => {
            format!("{subject} ended as \"{}\"{because}", escape(job.status.name()))
        }
        None => format!("{subject} is not over{because}"),
    }
}

/// What to say when the waiting ends before the job does.
pub(in crate::cli) fn goes_on(id: u64) -> String {
    format!("the job goes on at TSM; `tsmgate jobs wait {id}` waits for it again")
}

/// What went wrong, or else where it stands.
fn said(job: &Job) -> Option<&str> {
    job.error_message.as_deref().or(job.status_message.as_deref())
}

fn shown(text: Option<&str>) -> String {
    match text {
        None | Some("") => "-".to_owned(),
        Some(text) => escape(text),
    }
}

fn percent(job: &Job) -> String {
    job.progress.map_or("-".to_owned(), |percent| format!("{percent}%"))
}

fn tone(job: &Job) -> Tone {
    match (job.outcome(), &job.status) {
        (Some(Outcome::Succeeded), _) => Tone::Good,
        (Some(Outcome::Failed | Outcome::Unknown), _) => Tone::Bad,
        (Some(Outcome::Cancelled), _) | (None, JobStatus::Running) => Tone::Middling,
        (None, _) => Tone::Plain,
    }
}

fn step_state(job: &Job, place: usize, step: &Step) -> (String, Tone) {
    let is_last = place + 1 == job.steps.len();
    match &step.state {
        StepState::Succeeded => ("done".to_owned(), Tone::Good),
        StepState::Running if is_last && !job.is_over() => ("running".to_owned(), Tone::Middling),
        // its second note never came
        StepState::Running => ("begun".to_owned(), Tone::Quiet),
        StepState::Ended(word) => (shown(Some(word)), Tone::Bad),
    }
}

/// Milliseconds since 1970 as RFC 3339, UTC, whole seconds.
fn moment(milliseconds: Option<u64>) -> String {
    let seconds = milliseconds.and_then(|time| i64::try_from(time / 1000).ok());
    let time = seconds.and_then(|time| OffsetDateTime::from_unix_timestamp(time).ok());
    time.map_or("-".to_owned(), time_text)
}

/// `10 minutes`, `33.33 minutes`: as `tsm` says it, with at most two decimals.
fn minutes(seconds: u64) -> String {
    let hundredths = seconds.saturating_mul(10).saturating_add(3) / 6;
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    format!("{} minutes", text.trim_end_matches('0').trim_end_matches('.'))
}
