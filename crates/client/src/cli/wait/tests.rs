//! Waiting, on a clock that stands still until everybody sleeps.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::cell::Cell;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A failure: whether it passes, and a number to know it by.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failure(bool, u64);

#[derive(Default)]
struct Heard(Vec<(u64, Option<String>)>);

impl Watch for Heard {
    fn seen(&mut self, job: &Job, elapsed: Duration) {
        self.0.push((elapsed.as_secs(), Some(job.status.name().to_owned())));
    }

    fn missed(&mut self, elapsed: Duration) {
        self.0.push((elapsed.as_secs(), None));
    }
}

fn job(status: &str) -> Job {
    let body = format!(r#"{{"asyncJob":{{"id":7,"status":"{status}"}}}}"#);
    Job::read(body.as_bytes()).unwrap()
}

/// Waits while `answer` says what TSM answers to which question, counted from 0.
async fn wait(
    answer: impl Fn(u64) -> Result<Job, Failure>,
    deadline: Option<Duration>,
) -> (Waited<Failure>, Vec<(u64, Option<String>)>) {
    let asked = Cell::new(0);
    let fetch = async || {
        let number = asked.replace(asked.get() + 1);
        answer(number)
    };
    let mut heard = Heard::default();
    let deadline = deadline.map(|after| Instant::now() + after);
    let waited = until_over(fetch, |failure| failure.0, deadline, &mut heard).await;
    (waited, heard.0)
}

fn seen(at: u64, status: &str) -> (u64, Option<String>) {
    (at, Some(status.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn asks_every_two_seconds_until_the_job_is_over() {
    let words = ["Created", "Running", "Running", "Succeeded"];
    let answer = |number: u64| Ok(job(words[usize::try_from(number).unwrap()]));
    let (waited, heard) = wait(answer, None).await;
    assert_eq!(waited, Waited::Over(job("Succeeded")));
    let all = [seen(0, "Created"), seen(2, "Running"), seen(4, "Running"), seen(6, "Succeeded")];
    assert_eq!(heard, all);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_over_is_not_waited_for() {
    let began = Instant::now();
    let (waited, _) = wait(|_| Ok(job("Failed")), None).await;
    assert_eq!((waited, began.elapsed()), (Waited::Over(job("Failed")), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn stops_at_the_deadline_and_not_later() {
    let began = Instant::now();
    let (waited, heard) = wait(|_| Ok(job("Running")), Some(5 * SECOND)).await;
    assert_eq!(waited, Waited::TimeOver(Some(job("Running"))));
    assert_eq!((began.elapsed(), heard.len()), (5 * SECOND, 3));
    let (waited, heard) = wait(|_| Ok(job("Running")), Some(Duration::ZERO)).await;
    assert_eq!((waited, heard.len()), (Waited::TimeOver(Some(job("Running"))), 1));
}

#[tokio::test(start_paused = true)]
async fn a_question_that_hangs_ends_at_the_deadline() {
    let began = Instant::now();
    let fetch = async || std::future::pending::<Result<Job, Failure>>().await;
    let deadline = Some(began + 9 * SECOND);
    let waited = until_over(fetch, |_| true, deadline, &mut Heard::default()).await;
    assert_eq!((waited, began.elapsed()), (Waited::TimeOver(None), 9 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_the_controller_is_sat_out() {
    let answer = |number: u64| match number {
        0 => Ok(job("Running")),
        1..=149 => Err(Failure(true, number)),
        150 => Ok(job("Running")),
        151..=299 => Err(Failure(true, number)),
        _ => Ok(job("Succeeded")),
    };
    let (waited, heard) = wait(answer, None).await;
    assert_eq!(waited, Waited::Over(job("Succeeded")));
    assert_eq!(heard[1], (2, None));
    assert_eq!(heard.iter().filter(|(_, word)| word.is_none()).count(), 298);
}

#[tokio::test(start_paused = true)]
async fn patience_ends_five_minutes_after_the_first_failure_of_a_row() {
    let began = Instant::now();
    let answer = |number: u64| match number {
        0 => Ok(job("Running")),
        _ => Err(Failure(true, number)),
    };
    let (waited, _) = wait(answer, None).await;
    assert_eq!(waited, Waited::Lost(Failure(true, 151), Some(job("Running"))));
    assert_eq!(began.elapsed(), PATIENCE + POLL_EVERY);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_will_not_pass_ends_the_waiting_at_once() {
    let began = Instant::now();
    let (waited, heard) = wait(|number| Err(Failure(false, number)), None).await;
    assert_eq!((waited, began.elapsed()), (Waited::Lost(Failure(false, 0), None), Duration::ZERO));
    assert_eq!(heard, []);
}
