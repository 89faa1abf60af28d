//! A job that goes on at TSM when the command that began it is gone: the lock stays until `tsm` itself says that
//! the job is over, so that nothing else is changed meanwhile.
//!
//! Asked with `tsm jobs reconnect`, whose output belongs to the command's. Where it cannot be learned, the lock is
//! given up and the command says so.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tsmgate_catalogue::command::follow::reconnect;
use tsmgate_catalogue::runner::Id;
use zeroize::Zeroizing;

use crate::desk::{Desk, Wish};
use crate::files::Folder;
use crate::process::Started;
use crate::running::{Manner, Why, attend};

/// After so many answers in a row that are none, it is not asked again: TSM is away for minutes while it
/// restarts.
const ATTEMPTS: u32 = 6;
/// The same of a command that ended by itself: its job has failed, as a rule, and `tsm` says so at once.
const ATTEMPTS_AFTER_END: u32 = 3;
/// How much longer each pause is than the first one.
const PAUSES: [u32; 5] = [1, 2, 4, 8, 10];

/// Waits until the job is over, and tells in a sentence what became of it.
pub(crate) async fn follow(
    desk: &Arc<Desk>,
    id: &Id,
    job: &str,
    why: Why,
    manner: &Manner,
    wish: &mut watch::Receiver<Wish>,
) -> String {
    let goes_on = format!("job {job} goes on at TSM");
    if why == Why::Wish(Wish::Stop) {
        return goes_on;
    }
    desk.continues(id, format!("continues at TSM as job {job}"));
    let until = Instant::now() + desk.config().limits.run_most;
    let manner = Manner { until, cancels: false, ..manner.clone() };
    let attempts = if why == Why::Over { ATTEMPTS_AFTER_END } else { ATTEMPTS };
    for attempt in 0..attempts {
        match ask(desk, id, job, &manner, wish).await {
            Answer::Over => return format!("job {job} at TSM is over"),
            Answer::Stopped => return goes_on,
            Answer::TooLong => break,
            Answer::None if attempt + 1 == attempts => break,
            Answer::None => {}
        }
        let longer = usize::try_from(attempt).ok().and_then(|at| PAUSES.get(at));
        if stopped_within(desk.config().tsm.follow * *longer.unwrap_or(&1), wish).await {
            return goes_on;
        }
    }
    tracing::warn!(command = %id, job, "what becomes of a job is not known; the next may begin");
    format!("what became of job {job} at TSM is not known: tsm jobs list")
}

/// What was learned by asking once.
enum Answer {
    /// It is over.
    Over,
    /// Nothing.
    None,
    /// It takes longer than a command may.
    TooLong,
    /// The runner ends.
    Stopped,
}

async fn ask(
    desk: &Desk,
    id: &Id,
    job: &str,
    manner: &Manner,
    wish: &mut watch::Receiver<Wish>,
) -> Answer {
    let arguments = Zeroizing::new(reconnect(job));
    let folder = Folder::make(desk.store().work(), id, None).map_err(|error| error.to_string());
    let started = folder.and_then(|folder| {
        let program = desk.program().map_err(|refused| refused.message)?;
        let environment = &desk.config().tsm.environment;
        let started = Started::start(&program, &arguments, environment, folder.path());
        started.map(|started| (folder, started)).map_err(|error| error.to_string())
    });
    let (_folder, (started, pipes)) = match started {
        Ok(started) => started,
        Err(error) => {
            tracing::warn!(command = %id, job, %error, "a job cannot be asked after");
            return Answer::None;
        }
    };
    let attended = attend(desk, id, started, pipes, manner, wish).await;
    match (attended.why, attended.status) {
        (Why::Wish(_), _) => Answer::Stopped,
        (Why::TooLong, _) => Answer::TooLong,
        (Why::Over, Some(status)) if status.success() => Answer::Over,
        (Why::Over, _) => Answer::None,
    }
}

/// Waits; whether the runner ends meanwhile.
async fn stopped_within(time: Duration, wish: &mut watch::Receiver<Wish>) -> bool {
    tokio::select! {
        // the desk outlives whatever runs
        _ = wish.wait_for(|wish| *wish == Wish::Stop) => true,
        () = sleep(time) => false,
    }
}
