//! Reading everything anew, all or nothing, and noticing that it is time to.
//!
//! One task does it: at SIGHUP or when asked on the status socket (everything), when a certificate, key,
//! authority or list was replaced (those), when who joined or is out changed (that), and when one of them runs
//! out or the clock was set (nothing is read; what is there is judged anew). What cannot be used keeps what there
//! was, and says so. What can is swapped whole, and every open connection judges itself by it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tsmgate_text::escape;

use crate::audit::record::{Outcome, Record};
use crate::credentials::day;
use crate::enrolled::Prints;
use crate::house::{House, Snapshot};
use crate::session;
use crate::status::{LastReload, Status};
use crate::systemd;

mod anew;
mod watched;

use anew::Anew;
use watched::Watched;

/// How often files, dates and the clock are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// The clocks may differ by this much between two looks before one of them was set.
const JUMP: Duration = Duration::from_millis(1500);
/// How often what is odd is said again.
const REMINDER: Duration = Duration::from_secs(24 * 3600);
/// When files that could not be used are tried again.
const RETRY: Duration = Duration::from_secs(60);
/// The longest that reading everything may take.
const READING: Duration = Duration::from_secs(30);
/// The longest that a look at files may take, for revocations wait behind it.
const LOOKING: Duration = Duration::from_secs(5);
/// Requests that wait; all that wait are served by one reload.
pub const ASKS: usize = 16;

/// Somebody wants everything read anew, and perhaps to know how that went.
pub type Ask = Option<oneshot::Sender<Result<(), String>>>;

/// Whose files are read: what the enrolment service's hang on must not keep ours from being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The configuration's.
    Ours,
    /// The enrolment service's.
    Theirs,
}

/// What is read anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    /// Configuration, clients, certificates and lists.
    Everything,
    /// Certificates and lists, by the configuration that is in force.
    Credentials,
    /// Who joined and who is out, by the configuration that is in force.
    Enrolled,
}

impl Extent {
    fn name(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Credentials => "credentials",
            Self::Enrolled => "enrolled",
        }
    }
}

/// The one who looks and reads.
#[derive(Debug)]
pub struct Warden {
    house: Arc<House>,
    config: PathBuf,
    asks: mpsc::Receiver<Ask>,
    watched: Watched,
    /// The last look, by both clocks.
    looked: (OffsetDateTime, Instant),
    reminded: Instant,
    line: String,
    /// When files that could not be used are tried again: what was in the way may have gone without a
    /// trace on them.
    retry: Option<Instant>,
    /// The same of who joined and who is out.
    retry_enrolled: Option<Instant>,
    /// A reading that was given up.
    reading: Option<AbortHandle>,
    /// The same of what the enrolment service published.
    reading_enrolled: Option<AbortHandle>,
    /// What is wrong with each since it was last read, if anything: a list that is taken meanwhile does not
    /// mend the configuration.
    unmended: BTreeMap<Extent, String>,
}

impl Warden {
    /// Watches over what was loaded from `config`; [`Self::watch`] does it.
    pub fn new(house: Arc<House>, config: PathBuf, asks: mpsc::Receiver<Ask>) -> Self {
        let watched = Watched::new(&house.snapshot().credentials);
        let looked = (OffsetDateTime::now_utc(), Instant::now());
        let mut warden = Self {
            house,
            config,
            asks,
            watched,
            looked,
            reminded: looked.1,
            line: String::new(),
            retry: None,
            retry_enrolled: None,
            reading: None,
            reading_enrolled: None,
            unmended: BTreeMap::new(),
        };
        // the start may have taken a while: what ended in it would never be seen to end
        warden.judge_anew(looked.0);
        warden.line = Status::of(&warden.house).line();
        warden
    }

    /// The line for people, as it is now.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Looks and reads until `stop` turns true.
    pub async fn watch(mut self, mut stop: watch::Receiver<bool>) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = async { drop(stop.wait_for(|stop| *stop).await) } => return,
                _ = looks.tick() => self.look().await,
                Some(ask) = self.asks.recv() => {
                    // a storm is one reload: what was asked before it began is answered by it
                    let mut asks = vec![ask];
                    while let Ok(ask) = self.asks.try_recv() {
                        asks.push(ask);
                    }
                    let outcome = self.reload(Extent::Everything).await;
                    for ask in asks.into_iter().flatten() {
                        let _ = ask.send(outcome.clone());
                    }
                }
            }
        }
    }

    async fn look(&mut self) {
        let now = (OffsetDateTime::now_utc(), Instant::now());
        let (before, then) = std::mem::replace(&mut self.looked, now);
        let snapshot = self.house.snapshot();
        let ended = snapshot.credentials.endings().into_iter();
        let ended: Vec<_> = ended.filter(|end| before <= end.at && end.at < now.0).collect();
        let jumped = (now.0 - before - (now.1 - then)).abs() > JUMP;
        if jumped {
            tracing::warn!(from = %day(before), to = %day(now.0), "the clock was set");
        }
        for end in &ended {
            tracing::error!(kind = end.kind.name(), name = end.name, at = %day(end.at), "has run out");
        }
        if jumped || !ended.is_empty() {
            self.judge_anew(now.0);
        }
        if self.credentials_changed().await || self.retry.is_some_and(|retry| now.1 >= retry) {
            // whoever replaced the file learns of a fault from log, status and metrics
            let outcome = self.reload(Extent::Credentials).await;
            if outcome.is_err() {
                self.retry = Some(Instant::now() + RETRY);
            }
        }
        self.look_at_enrolled(now.1).await;
        if now.1 - self.reminded >= REMINDER {
            self.reminded = now.1;
            let snapshot = self.house.snapshot();
            let credentials = &snapshot.credentials;
            let odd = credentials.trouble(now.0).into_iter().chain(credentials.warnings(now.0));
            let enrolled = snapshot.enrolled.iter().flat_map(|enrolled| enrolled.trouble());
            for odd in odd.chain(enrolled) {
                tracing::warn!("{odd}");
            }
        }
        let line = Status::of(&self.house).line();
        if line != self.line {
            systemd::status(&line);
            self.line = line;
        }
    }

    /// Whether a file of the credentials was replaced.
    async fn credentials_changed(&mut self) -> bool {
        let files = self.watched.files();
        match self.in_time(Whose::Ours, LOOKING, move || Ok(watched::prints(&files))).await {
            Ok(prints) => self.watched.changed(prints),
            // it hangs: said once, and then each time it is tried again
            Err(_) => self.retry.is_none(),
        }
    }

    /// Reads who joined and who is out where that has changed since it was last read.
    async fn look_at_enrolled(&mut self, now: Instant) {
        let snapshot = self.house.snapshot();
        let Some(enrolled) = &snapshot.enrolled else { return };
        let folder = enrolled.folder().to_owned();
        let changed =
            match self.in_time(Whose::Theirs, LOOKING, move || Ok(Prints::of(&folder))).await {
                Ok(prints) => prints != *enrolled.prints(),
                // it hangs: said once, and then each time it is tried again
                Err(_) => self.retry_enrolled.is_none(),
            };
        if changed || self.retry_enrolled.is_some_and(|retry| now >= retry) {
            let outcome = self.reload(Extent::Enrolled).await;
            self.retry_enrolled = outcome.is_err().then(|| Instant::now() + RETRY);
        }
    }

    /// Reads, checks, swaps; or keeps what there was.
    async fn reload(&mut self, extent: Extent) -> Result<(), String> {
        systemd::reloading();
        let (config, current) = (self.config.clone(), self.house.snapshot());
        let house = Arc::clone(&self.house);
        let read = move || match extent {
            Extent::Everything => anew::everything(&config, &current, &house),
            Extent::Credentials => anew::certificates(&current, &house),
            Extent::Enrolled => anew::enrolled(&current, &house),
        };
        let mut not_read = None;
        let reading = if extent == Extent::Enrolled { Whose::Theirs } else { Whose::Ours };
        let outcome = self.in_time(reading, READING, read).await;
        let what = extent.name();
        let outcome = match outcome {
            Ok(Anew { snapshot, warnings, fault }) => {
                for warning in warnings {
                    tracing::warn!("{warning}");
                }
                if extent == Extent::Enrolled {
                    self.publish(snapshot);
                } else {
                    self.watched = Watched::new(&snapshot.credentials);
                    let again = |again: bool| again.then(|| Instant::now() + RETRY);
                    self.retry = again(snapshot.credentials.is_to_be_tried_again());
                    let enrolled = snapshot.enrolled.as_ref();
                    let fault = enrolled.and_then(|enrolled| enrolled.fault().map(escape));
                    self.retry_enrolled = again(fault.is_some());
                    not_read = fault;
                    self.publish(snapshot);
                    // the gate's own session was got under what there was before: the next request gets another
                    self.house.api.forget_idle();
                    session::give_up(&self.house).await;
                }
                match fault {
                    None => {
                        tracing::info!(what, "read anew");
                        Ok(())
                    }
                    Some(fault) => {
                        tracing::error!(what, %fault, "who was denied stays so, and nobody new is taken");
                        Err(fault)
                    }
                }
            }
            Err(fault) => {
                tracing::error!(what, %fault, "reload failed: going on with what there was");
                Err(fault)
            }
        };
        self.record(extent, &outcome);
        // the rest counts; that part is tried again
        if let Some(fault) = not_read {
            self.unmended.insert(Extent::Enrolled, fault);
        }
        self.line = Status::of(&self.house).line();
        systemd::ready(&self.line);
        outcome
    }

    /// Reads or looks on a thread of its own: it may take a while, and no connection waits for it. A file system that
    /// hangs must not keep us from looking at dates.
    async fn in_time<T: Send + 'static>(
        &mut self,
        whose: Whose,
        within: Duration,
        read: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let reading = match whose {
            Whose::Ours => &mut self.reading,
            Whose::Theirs => &mut self.reading_enrolled,
        };
        if reading.as_ref().is_some_and(|reading| !reading.is_finished()) {
            return Err("the reading before this one still hangs".into());
        }
        let mut task = tokio::task::spawn_blocking(read);
        match timeout(within, &mut task).await {
            Ok(Ok(read)) => read,
            Ok(Err(_)) => Err("a part of it panicked; please report it".into()),
            Err(_) => {
                *reading = Some(task.abort_handle());
                Err("reading took too long; is a file on a file system that hangs?".into())
            }
        }
    }

    /// The same credentials as of `now`.
    fn judge_anew(&self, now: OffsetDateTime) {
        let snapshot = self.house.snapshot();
        let credentials = snapshot.credentials.at(now);
        self.publish(Snapshot { credentials, ..Snapshot::clone(&snapshot) });
    }

    fn publish(&self, snapshot: Snapshot) {
        self.house.snapshot.send_replace(Arc::new(snapshot));
    }

    fn record(&mut self, extent: Extent, outcome: &Result<(), String>) {
        let record = match outcome {
            Ok(()) => Record::new("reload", Outcome::Success),
            Err(fault) => Record::new("reload", Outcome::Failure).text("error.message", fault),
        };
        self.house.audit.note(record.text("tsmgate.reload.extent", extent.name()));
        self.house.metrics.reloaded(outcome.is_ok());
        let at = day(OffsetDateTime::now_utc());
        let fault = outcome.as_ref().err().map(escape);
        match &fault {
            Some(fault) => drop(self.unmended.insert(extent, fault.clone())),
            None if extent == Extent::Everything => self.unmended.clear(),
            None => drop(self.unmended.remove(&extent)),
        }
        let fault = fault.or_else(|| self.unmended.values().next().cloned());
        self.house.reloads.add(LastReload { at, fault });
    }
}
