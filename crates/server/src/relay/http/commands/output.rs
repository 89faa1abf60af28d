//! Passing a command's output on, an event a line, for as long as it takes.
//!
//! A stream that is cut is not ended: the caller comes again, with the number of the next event. An empty line
//! now and then says that all is well while there is nothing to say.

use std::sync::Arc;

use bytes::BufMut;
use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Duration, Instant, timeout, timeout_at};
use tsmgate_catalogue::runner::{Event, Task, What};
use tsmgate_gate::permission::Permission;
use tsmgate_gate::permit::Caller;
use tsmgate_gate::reason::Reason;

use super::seen::OUTPUT;
use crate::audit::record::Record;
use crate::backend::runner::Output;
use crate::connection::past_last_call;
use crate::house::Snapshot;
use crate::relay::http::answer::{self, End as Told};
use crate::relay::http::head::Head;
use crate::relay::http::stream::{self, frame};
use crate::relay::http::{Asked, Conversation, End};

/// How long nothing is said while there is nothing to say: shorter than what forgets idle connections.
const QUIET: Duration = Duration::from_secs(15);
/// What is gathered before it is written, in bytes, as long as more is there at once.
const GATHERED: usize = 64 * 1024;

/// An output that is to be passed on.
#[derive(Debug)]
pub(in crate::relay::http) struct Passing {
    pub(super) output: Output,
    pub(super) task: Task,
    /// By which the caller sees it.
    pub(super) permission: Permission,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<'_, S> {
    /// Passes an output on, until it ends or must not go on.
    pub(in crate::relay::http) async fn pass_output(
        &mut self,
        asked: &Asked,
        passing: Passing,
        head: &Head,
        keep_alive: bool,
    ) -> Result<(), End> {
        let Passing { mut output, task, permission } = passing;
        let house = self.house;
        let about = Record::empty()
            .text("tsmgate.operation", OUTPUT)
            .text("tsmgate.command.id", task.id.as_str())
            .append(&asked.about);
        // filed as broken off, whatever ends this, unless it comes to its end
        let mut on_its_way = stream::Passing::begin(house, &about);
        let until = Instant::now() + house.snapshot().config.http.lifetime;
        let caller = self.party.caller;
        let mut changes = house.snapshot.subscribe();
        let mut stop = self.stop.clone();
        on_its_way.ended = tokio::select! {
            biased;
            () = past_last_call(&mut stop) => Err(Reason::GateStopping),
            reason = no_longer(&mut changes, caller, &permission) => Err(reason),
            passed = timeout_at(until, self.events(asked, &mut output, head, keep_alive)) => {
                passed.unwrap_or(Err(Reason::AnswerCut))
            }
        };
        on_its_way.ended.map_err(|_| End::Broken)
    }

    async fn events(
        &mut self,
        asked: &Asked,
        output: &mut Output,
        head: &Head,
        keep_alive: bool,
    ) -> Result<(), Reason> {
        let end = if head.old { Told::Close } else { Told::Chunked };
        let fields = [("content-type", "application/x-ndjson")];
        let mut out = answer::head(StatusCode::OK, &asked.id, fields, end, keep_alive);
        if self.head_alone {
            return self.flush(&mut out).await;
        }
        loop {
            let event = match timeout(Duration::ZERO, output.event()).await {
                Ok(event) => event,
                Err(_) => {
                    self.flush(&mut out).await?;
                    match timeout(QUIET, output.event()).await {
                        Ok(event) => event,
                        Err(_) => {
                            frame(&mut out, b"\n", end);
                            continue;
                        }
                    }
                }
            };
            let event = match event {
                Ok(event) => event,
                Err(reason) => {
                    // what was good before it arrives
                    self.flush(&mut out).await?;
                    return Err(reason);
                }
            };
            let last = matches!(event.what, What::End(_));
            frame(&mut out, &line(&event), end);
            if last {
                break;
            }
            if out.len() >= GATHERED {
                self.flush(&mut out).await?;
            }
        }
        if end == Told::Chunked {
            out.put_slice(b"0\r\n\r\n");
        }
        self.flush(&mut out).await
    }
}

fn line(event: &Event) -> Vec<u8> {
    // of our own types, which have nothing that could not be written
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Waits until the caller may not see it any more.
async fn no_longer(
    changes: &mut watch::Receiver<Arc<Snapshot>>,
    caller: &Caller,
    permission: &Permission,
) -> Reason {
    loop {
        let snapshot = Arc::clone(&changes.borrow_and_update());
        match caller.entry(&snapshot.policy) {
            Ok(entry) if entry.role_giving(permission).is_some() => {}
            Ok(_) => return Reason::PermissionMissing,
            Err(reason) => return reason,
        }
        if changes.changed().await.is_err() {
            return Reason::GateStopping;
        }
    }
}
