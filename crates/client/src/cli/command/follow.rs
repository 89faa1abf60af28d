//! Following a command to its end: attach, pass its events on, and attach again where the connection ends
//! before the command does.
//!
//! A gate that is restarted is sat out for a while, with growing pauses; the command goes on meanwhile. It
//! neither cancels a command nor handles signals: who leaves drops the future.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tsmgate_catalogue::runner::{End, Event, Id, What};

use crate::api::{Api, ApiFailure, Output};
use crate::cli::ask::jobs::is_transient;
use crate::cli::complaint::Complaint;

#[cfg(test)]
mod tests;

/// The pause before the first new attempt; each further one is twice as long.
pub(super) const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const PAUSE_MOST: Duration = Duration::from_secs(30);
/// For so long nothing may come back, from the first failure of a row.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);
/// A stream that stood for so long was a good one, whether or not there was anything to say.
const STOOD: Duration = Duration::from_secs(30);
/// How often a clock that is shown is drawn.
const TICK: Duration = Duration::from_secs(1);

/// Where events come from.
pub(super) trait Source {
    /// Goes to where the event of that number comes next.
    async fn attach(&mut self, from: u64) -> Result<(), ApiFailure>;
    /// The next event; none where the stream is over. May be dropped while it waits.
    async fn next(&mut self) -> Result<Option<Event>, ApiFailure>;
}

/// Who is told.
pub(super) trait Watch {
    /// Something came.
    fn event(&mut self, event: Event) -> Result<(), Complaint>;
    /// The stream is gone, and is asked for again.
    fn missed(&mut self);
    /// A second went by.
    fn tick(&mut self);
}

/// Why a command could not be followed to its end. It goes on all the same.
#[derive(Debug)]
pub(super) enum Lost {
    /// Nothing came back within [`PATIENCE`]; the last failure, where there was one.
    Patience(Option<ApiFailure>),
    /// A failure that does not pass.
    Failure(ApiFailure),
    /// What came could not be passed on.
    Here(Complaint),
}

/// Follows a command from that event on, to its end.
pub(super) async fn follow(
    source: &mut impl Source,
    from: u64,
    watch: &mut impl Watch,
) -> Result<End, Lost> {
    let mut next = from;
    let mut pause = PAUSE;
    let mut failing_since: Option<Instant> = None;
    let mut failures: u32 = 0;
    loop {
        let (began, first) = (Instant::now(), next);
        let failure = match stream(source, &mut next, watch).await {
            Ok(Some(end)) => return Ok(end),
            Ok(None) => None,
            Err(Lost::Failure(failure)) if is_transient(&failure) => Some(failure),
            Err(lost) => return Err(lost),
        };
        if next > first || began.elapsed() >= STOOD {
            (failing_since, failures, pause) = (None, 0, PAUSE);
        }
        if failing_since.get_or_insert_with(Instant::now).elapsed() >= PATIENCE {
            return Err(Lost::Patience(failure));
        }
        failures = failures.saturating_add(1);
        // a gate ends long streams from time to time, and there is nothing to say of that
        if failures > 1 {
            watch.missed();
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MOST);
    }
}

/// One stream; the command's end, or none where the stream was over before.
async fn stream(
    source: &mut impl Source,
    next: &mut u64,
    watch: &mut impl Watch,
) -> Result<Option<End>, Lost> {
    source.attach(*next).await.map_err(Lost::Failure)?;
    let mut tick = Instant::now() + TICK;
    loop {
        let event = tokio::select! {
            event = source.next() => event.map_err(Lost::Failure)?,
            () = sleep_until(tick) => {
                watch.tick();
                tick += TICK;
                continue;
            }
        };
        let Some(event) = event else { return Ok(None) };
        *next = event.n.saturating_add(1);
        let end = match &event.what {
            What::End(end) => Some(end.clone()),
            _ => None,
        };
        watch.event(event).map_err(Lost::Here)?;
        if end.is_some() {
            return Ok(end);
        }
    }
}

/// A command at a gate.
pub(super) struct AtGate<'a> {
    pub(super) api: &'a mut Api,
    pub(super) id: &'a Id,
    pub(super) output: Option<Output>,
}

impl Source for AtGate<'_> {
    async fn attach(&mut self, from: u64) -> Result<(), ApiFailure> {
        self.output = None;
        self.output = Some(self.api.command_output(self.id, from).await?);
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Event>, ApiFailure> {
        match &mut self.output {
            Some(output) => output.next().await,
            None => Ok(None),
        }
    }
}
