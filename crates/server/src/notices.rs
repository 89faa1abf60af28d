//! What begins and ends at the runner, on record here: also what ended while no daemon ran.
//!
//! The runner keeps each notice until it is told that it is recorded, so that a restart, a full disk or a
//! lost connection on either side leaves none out. One that was recorded and not acknowledged comes again, under
//! its number: it is recorded again only where this daemon, too, is another one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tsmgate_catalogue::runner::{End, How, Life, Notice, Task};
use tsmgate_gate::reason::Reason;
use tsmgate_text::escape;

use crate::audit::record::{Outcome, Record};
use crate::backend::runner::Notices;
use crate::config::LocalSocket;
use crate::config::values::local_user;
use crate::house::{House, Snapshot};

/// What a command is counted as that the catalogue has no more.
const OTHER: &str = "other";
/// How long a runner that is not there is left alone.
const AGAIN: Duration = Duration::from_secs(2);

/// Keeps the record of commands as long as the daemon runs.
pub(crate) async fn keep(house: Arc<House>) {
    let mut changes = house.snapshot.subscribe();
    let mut last = None;
    loop {
        let socket = changes.borrow_and_update().config.tsm.runner.clone();
        let Some(socket) = socket else {
            if changes.changed().await.is_err() {
                return;
            }
            continue;
        };
        let reason = tokio::select! {
            biased;
            () = other_socket(&mut changes, &socket) => continue,
            reason = follow(&house, &socket, &mut last) => reason,
        };
        house.runner.tell(Some(reason));
        sleep(AGAIN).await;
    }
}

/// Waits until another socket is configured, or none.
async fn other_socket(changes: &mut watch::Receiver<Arc<Snapshot>>, socket: &LocalSocket) {
    let other = |snapshot: &Arc<Snapshot>| snapshot.config.tsm.runner.as_ref() != Some(socket);
    let _ = changes.wait_for(other).await;
}

/// Records what the runner tells, and says why that ended. `last` is the notice that was recorded last: where the
/// runner ended before it heard so, its successor tells it again.
async fn follow(house: &House, socket: &LocalSocket, last: &mut Option<Notice>) -> Reason {
    let mut notices = match Notices::of(socket).await {
        Ok(notices) => notices,
        Err(reason) => return reason,
    };
    loop {
        let notice = match timeout(AGAIN, notices.next()).await {
            Ok(Ok(notice)) => notice,
            Ok(Err(reason)) => return reason,
            // there is nothing to tell, and it has not closed: one that does not serve us would have
            Err(_) => {
                house.runner.tell(None);
                continue;
            }
        };
        house.runner.tell(None);
        if last.as_ref() != Some(&notice) {
            if house.audit.write(record(&notice)).await.is_err() {
                return Reason::AuditUnavailable;
            }
            count(house, &notice);
            *last = Some(notice.clone());
        }
        house.runner.waiting.begun(&notice.task.request);
        if let Err(reason) = notices.recorded(&notice).await {
            return reason;
        }
    }
}

/// Counts an end.
fn count(house: &House, notice: &Notice) {
    if let (Life::Ended, Some(end)) = (notice.what, &notice.task.end) {
        let known = house.snapshot().config.catalogue.find(&notice.task.command).is_some();
        let command = if known { notice.task.command.as_str() } else { OTHER };
        house.metrics.command_ended(command, how(end));
    }
}

fn record(notice: &Notice) -> Record {
    let Notice { n, what, at, task } = notice;
    let record = match (what, &task.end) {
        (Life::Started, _) => Record::new("command-started", Outcome::Success),
        (Life::Ended, end) => {
            Record::new("command-ended", end.as_ref().map_or(Outcome::Unknown, outcome))
        }
    };
    let record = record
        .append(&about(task))
        .number("tsmgate.command.notice", *n)
        .text("tsmgate.command.at", at);
    let times = [
        ("tsmgate.command.queued_at", Some(&task.queued_at)),
        ("tsmgate.command.started_at", task.started_at.as_ref()),
        ("tsmgate.command.ended_at", task.ended_at.as_ref()),
        ("tsmgate.command.cancelled_by", task.cancelled_by.as_ref()),
        ("tsmgate.command.job", task.job.as_ref()),
    ];
    let said = times.into_iter().filter_map(|(field, text)| Some((field, text?)));
    let mut record = said.fold(record, |record, (field, text)| record.text(field, text));
    if let (Life::Ended, Some(end)) = (what, &task.end) {
        record = record
            .text("tsmgate.command.end", how(end))
            .number("tsmgate.command.output_bytes", task.output_bytes);
        for (field, number) in
            [("process.exit_code", end.code), ("tsmgate.command.signal", end.signal)]
        {
            if let Some(number) = number {
                record = record.number(field, number.unsigned_abs().into());
            }
        }
        if let Some(detail) = &end.detail {
            record = record.text("tsmgate.detail", &escape(detail));
        }
    }
    record
}

/// What all records of a command have in common.
fn about(task: &Task) -> Record {
    Record::empty()
        .text("tsmgate.command.id", task.id.as_str())
        .text("tsmgate.command.path", &task.command)
        .text("tsmgate.permission", &task.permission)
        .text("client.user.name", &task.client)
        .append(&whence(task))
        .text("http.request.id", &task.request)
}

/// Where a command was asked for from.
fn whence(task: &Task) -> Record {
    match local_user(&task.identity) {
        Some(uid) => Record::empty().local(uid),
        None => Record::empty().text("source.ip", &task.address),
    }
}

fn outcome(end: &End) -> Outcome {
    match (end.how, end.code) {
        (How::Exited, Some(0)) => Outcome::Success,
        (How::Lost, _) => Outcome::Unknown,
        _ => Outcome::Failure,
    }
}

/// How a command ended, in records and metrics.
fn how(end: &End) -> &'static str {
    match end.how {
        How::Exited if end.code == Some(0) => "success",
        How::Exited => "failure",
        How::Cancelled => "cancelled",
        How::TimedOut => "timed_out",
        How::NotStarted => "not_started",
        How::Lost => "lost",
    }
}
