//! One source each: ask within the batch's deadline, and give points, with what went wrong beside them.
//!
//! A source that fails says so in its points, and the others go on.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tsmgate_catalogue::api::operation::Operation;
use tsmgate_catalogue::api::refusal::Refusal;

use super::gateway::{Gateway, GatewayFailure};
use super::measurements::{self, GateReading};
use super::pending::Pending;
use super::point::Point;
use super::{RARELY, Trouble};
use crate::api::failure::Breach;
use crate::api::{Api, ApiFailure, Document, Own, Peer};
use crate::tsm::{ClusterStatus, JobList, JobStatus, Unreadable};

/// The longest version that is passed on, in characters.
const VERSION_MOST: usize = 64;

/// What a source brought: points, and for each thing that was asked how it went.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) points: Vec<Point>,
    pub(super) outcomes: Vec<(&'static str, Option<Trouble>)>,
}

impl Reading {
    fn note<T>(&mut self, what: &'static str, outcome: Result<T, ApiFailure>) -> Option<T> {
        let (value, trouble) = match outcome {
            Ok(value) => (Some(value), None),
            Err(failure) => {
                (None, Some(Trouble { what: failure.to_string(), hint: failure.hint() }))
            }
        };
        self.outcomes.push((what, trouble));
        value
    }
}

/// TSM's own status.
pub(super) async fn tsm(api: &mut Api, deadline: Instant) -> Reading {
    let mut reading = Reading::default();
    let begun = Instant::now();
    let answer = operation(api, "status", deadline).await;
    let elapsed = begun.elapsed();
    let cluster = answer.and_then(|answer| {
        ClusterStatus::read(answer.bytes()).map_err(|cause| misread(api, cause))
    });
    reading.points = match reading.note("TSM's status", cluster) {
        Some(cluster) => measurements::of_tsm(&cluster, elapsed),
        None => vec![measurements::tsm_unavailable()],
    };
    reading
}

/// `systeminfo.xml`.
pub(super) async fn systeminfo(gateway: &Gateway, deadline: Instant) -> Reading {
    let begun = Instant::now();
    // closing the connection must not take longer either
    let asked = timeout_at(deadline, gateway.ask(deadline)).await;
    let (points, trouble) = match asked.unwrap_or(Err(GatewayFailure::TimedOut)) {
        Ok(document) => (measurements::of_systeminfo(&document, begun.elapsed()), None),
        Err(failure) => {
            let what = format!("{}: {failure}", gateway.name());
            let trouble = Trouble { what, hint: failure.hint() };
            (vec![measurements::systeminfo_unavailable()], Some(trouble))
        }
    };
    Reading { points, outcomes: vec![("systeminfo.xml", trouble)] }
}

/// What is asked of a gate, and what is asked of it rarely.
#[derive(Debug)]
pub(super) struct GateWatch {
    api: Api,
    version: Rarely<String>,
    /// Where the command `pending-changes list` is to be run now and then.
    pending: Option<Rarely<Pending>>,
    running: Option<JoinHandle<Result<Pending, ApiFailure>>>,
}

/// The last answer to what is asked rarely.
#[derive(Debug)]
struct Rarely<T> {
    asked: Option<Instant>,
    answer: Option<T>,
}

impl<T> Rarely<T> {
    const NEVER: Self = Self { asked: None, answer: None };

    /// Whether it is time, which it is not again for a while then.
    fn is_due(&mut self) -> bool {
        let is_due = self.asked.is_none_or(|asked| asked.elapsed() >= RARELY);
        if is_due {
            self.asked = Some(Instant::now());
        }
        is_due
    }
}

impl GateWatch {
    pub(super) fn new(peer: Peer, pending_changes: bool) -> Self {
        let pending = pending_changes.then_some(Rarely::NEVER);
        Self { api: Api::new(peer), version: Rarely::NEVER, pending, running: None }
    }

    /// Who we are there, TSM's jobs, its version, and what waits to be applied.
    pub(super) async fn look(&mut self, deadline: Instant, is_last: impl Fn() -> bool) -> Reading {
        let mut reading = Reading::default();
        let mut known = GateReading::default();
        let name = self.api.peer().name();
        self.begin_pending();
        let begun = Instant::now();
        let asked = in_time(&mut self.api, deadline, async |api| api.ask_gate(Own::WhoAmI).await);
        let who = asked.await.and_then(|answer| member(&self.api, answer, "client"));
        if let Some(who) = reading.note("the gate", who) {
            known.elapsed = Some(begun.elapsed());
            known.certificate_days_left = days_left(&who);
            let jobs = operation(&mut self.api, "jobs", deadline).await.and_then(|answer| {
                JobList::read(answer.bytes()).map_err(|cause| misread(&self.api, cause))
            });
            known.jobs = reading.note("TSM's jobs", jobs).map(|list| counts(&list));
            known.server_version = self.version(deadline).await;
            known.pending = self.end_pending(deadline, is_last, &mut reading).await;
        }
        reading.points.push(measurements::of_gate(&name, &known));
        reading
    }

    /// That a server does not say is no trouble.
    async fn version(&mut self, deadline: Instant) -> Option<String> {
        if self.version.is_due() {
            let answer = operation(&mut self.api, "server-info", deadline).await.ok();
            self.version.answer = answer.and_then(|answer| version(answer.json()));
        }
        self.version.answer.clone()
    }

    /// The command has a connection of its own, and may take longer than a batch.
    fn begin_pending(&mut self) {
        let Some(pending) = &mut self.pending else { return };
        if self.running.is_none() && pending.is_due() {
            let mut api = Api::new(self.api.peer().clone());
            self.running = Some(tokio::spawn(async move {
                let answer = Pending::ask(&mut api).await;
                api.end().await;
                answer
            }));
        }
    }

    /// Nobody waits for the command but the last batch, which has no other after it.
    async fn end_pending(
        &mut self,
        deadline: Instant,
        is_last: impl Fn() -> bool,
        reading: &mut Reading,
    ) -> Option<Pending> {
        let pending = self.pending.as_mut()?;
        if let Some(running) = &mut self.running
            && (running.is_finished() || is_last())
            && let Ok(ended) = timeout_at(deadline, running).await
        {
            self.running = None;
            // a task that was lost has said so already
            pending.answer = ended.ok().and_then(|answer| reading.note("pending changes", answer));
        }
        pending.answer
    }

    /// Ends the connections. A command that runs goes on to its end, for it only reads.
    pub(super) async fn end(self) {
        if let Some(running) = self.running {
            running.abort();
        }
        self.api.end().await;
    }
}

/// An operation without values, by its name in the catalogue.
async fn operation(
    api: &mut Api,
    name: &'static str,
    deadline: Instant,
) -> Result<Document, ApiFailure> {
    let made = Operation::named(name).ok_or(Refusal::UnknownOperation);
    let made = made.and_then(|operation| operation.request(&[], &[]));
    let request = made.map_err(|cause| ApiFailure::Unlisted { asked: name.to_owned(), cause })?;
    in_time(api, deadline, async |api| api.ask(&request).await).await
}

/// An answer in time. What comes later is not waited for, and the connection is not used again.
async fn in_time(
    api: &mut Api,
    deadline: Instant,
    ask: impl AsyncFnOnce(&mut Api) -> Result<Document, ApiFailure>,
) -> Result<Document, ApiFailure> {
    match timeout_at(deadline, ask(api)).await {
        Ok(answer) => answer,
        Err(_) => {
            api.give_up();
            Err(ApiFailure::TimedOut { peer: api.peer().name(), changing: false })
        }
    }
}

fn member(api: &Api, answer: Document, name: &'static str) -> Result<Value, ApiFailure> {
    let answer = answer.into_json();
    if answer.get(name).is_some() {
        return Ok(answer);
    }
    Err(ApiFailure::Protocol { peer: api.peer().name(), breach: Breach::Lacks(name) })
}

fn misread(api: &Api, cause: Unreadable) -> ApiFailure {
    ApiFailure::Protocol { peer: api.peer().name(), breach: cause.into() }
}

fn days_left(who: &Value) -> Option<i64> {
    let end = who.get("certificate")?.get("not_after")?.as_str()?;
    let left = OffsetDateTime::parse(end, &Rfc3339).ok()? - OffsetDateTime::now_utc();
    Some(left.whole_seconds().div_euclid(24 * 60 * 60))
}

/// Jobs that run and jobs that wait. A word that nobody knows is neither.
fn counts(list: &JobList) -> (usize, usize) {
    let open = || list.jobs.iter().filter(|job| !job.is_over());
    let waits = |status: &JobStatus| matches!(status, JobStatus::Created | JobStatus::Queued);
    let running = open().filter(|job| job.status == JobStatus::Running).count();
    (running, open().filter(|job| waits(&job.status)).count())
}

/// The field's name is that which clients read, in either spelling.
fn version(answer: &Value) -> Option<String> {
    let server = answer.get("serverInfo").or_else(|| answer.get("serverinfo"))?;
    let version = server.get("version")?.as_str()?;
    Some(version.chars().take(VERSION_MOST).collect())
}

/// What the sources are given, from now on.
pub(super) fn deadline(timeout: Duration) -> Instant {
    Instant::now() + timeout
}
