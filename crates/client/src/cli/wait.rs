//! Waiting for a job's end: ask, tell, sleep, ask again.
//!
//! TSM restarts its own controller in the middle of some jobs, and does not answer or knows no session
//! meanwhile; such failures are sat out for a while. It neither cancels a job nor handles signals: who
//! stops waiting drops the future, and the job goes on.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::tsm::Job;

#[cfg(test)]
mod tests;

/// Between an answer and the next question.
pub(super) const POLL_EVERY: Duration = Duration::from_secs(2);
/// For so long TSM may fail to answer, from the first failure of a row.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// Who is told of each answer. `elapsed` is since the waiting began.
pub(super) trait Watch {
    /// TSM answered.
    fn seen(&mut self, job: &Job, elapsed: Duration);
    /// TSM did not, and is asked again.
    fn missed(&mut self, elapsed: Duration);
}

/// How the waiting ended. The job is as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Waited<E> {
    /// The job is over.
    Over(Job),
    /// The time was over; the job goes on at TSM.
    TimeOver(Option<Job>),
    /// It cannot be seen any more, because of this; the job may go on at TSM.
    Lost(E, Option<Job>),
}

/// Asks with `fetch` every [`POLL_EVERY`] until the job is over, or until `deadline`. A failure that
/// `is_transient` is sat out for [`PATIENCE`], any other ends the waiting. `fetch` has a deadline of its
/// own; it is dropped in mid-question when `deadline` comes.
pub(super) async fn until_over<E>(
    mut fetch: impl AsyncFnMut() -> Result<Job, E>,
    is_transient: impl Fn(&E) -> bool,
    deadline: Option<Instant>,
    watch: &mut impl Watch,
) -> Waited<E> {
    let began = Instant::now();
    let mut last = None;
    let mut failing_since = None;
    loop {
        let answer = match deadline {
            None => fetch().await,
            Some(deadline) => match timeout_at(deadline, fetch()).await {
                Ok(answer) => answer,
                Err(_) => return Waited::TimeOver(last),
            },
        };
        let now = Instant::now();
        match answer {
            Ok(job) => {
                watch.seen(&job, now - began);
                if job.is_over() {
                    return Waited::Over(job);
                }
                last = Some(job);
                failing_since = None;
            }
            Err(error) => {
                let since = *failing_since.get_or_insert(now);
                if !is_transient(&error) || now - since >= PATIENCE {
                    return Waited::Lost(error, last);
                }
                watch.missed(now - began);
            }
        }
        let next = now + POLL_EVERY;
        match deadline {
            Some(deadline) if deadline <= next => {
                sleep_until(deadline).await;
                return Waited::TimeOver(last);
            }
            _ => sleep_until(next).await,
        }
    }
}
