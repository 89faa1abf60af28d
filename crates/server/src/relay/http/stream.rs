//! Passing TSM's answer on as it comes, without the session in it.
//!
//! Little is held at a time: what TSM sent and the caller has not fetched stays with TSM. An answer that
//! breaks off breaks off for the caller too, visibly: it is never ended as if it were whole.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Duration, Instant, timeout, timeout_at};
use tsmgate_catalogue::api::find::Match;
use tsmgate_gate::permit::Caller;
use tsmgate_gate::reason::Reason;

use super::answer::{self, End as Told};
use super::api::{Stream, is_allowed_still};
use super::fields;
use super::head::Head;
use super::withhold::{Painter, complain};
use super::{Asked, Conversation, End};
use crate::audit::record::Record;
use crate::connection::past_last_call;
use crate::house::{House, Snapshot};

/// What is gathered before it is written, in bytes, as long as more is there at once.
const GATHERED: usize = 64 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<'_, S> {
    /// Passes an answer on, as far as it gets.
    pub(super) async fn pass(
        &mut self,
        asked: &Asked,
        stream: Stream<'_>,
        head: &Head,
        keep_alive: bool,
    ) -> Result<(), End> {
        let house = self.house;
        // filed as broken off, whatever ends this, unless it comes to its end
        let mut passing = Passing::begin(house, &asked.about);
        let lifetime = house.snapshot().config.http.lifetime;
        let (caller, matched) = (self.party.caller, stream.matched.clone());
        let mut changes = house.snapshot.subscribe();
        let mut stop = self.stop.clone();
        passing.ended = tokio::select! {
            biased;
            // a stream is cut when the daemon stops, a short answer is through by then
            () = past_last_call(&mut stop) => Err(Reason::GateStopping),
            reason = no_longer(&mut changes, caller, &matched) => Err(reason),
            passed = timeout_at(Instant::now() + lifetime, self.parts(asked, stream, head, keep_alive)) => {
                passed.unwrap_or(Err(Reason::AnswerCut))
            }
        };
        passing.ended.map_err(|_| End::Broken)
    }

    async fn parts(
        &mut self,
        asked: &Asked,
        stream: Stream<'_>,
        head: &Head,
        keep_alive: bool,
    ) -> Result<(), Reason> {
        let Stream { mut answered, begin, held, permit, .. } = stream;
        let limits = self.house.snapshot().config.http;
        let end = match (answered.length(), answered.status) {
            (_, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => Told::Bodiless,
            (Some(length), _) => Told::Length(length),
            (None, _) if head.old => Told::Close,
            (None, _) => Told::Chunked,
        };
        let fields = fields::down(&answered.fields, &held.withhold);
        let mut out = answer::head(answered.status, &asked.id, fields, end, keep_alive);
        let mut painter = Painter::new(&held.withhold);
        frame(&mut out, &painter.pass(begin.into()), end);
        loop {
            let part = match timeout(Duration::ZERO, answered.part(limits.call)).await {
                Ok(part) => part,
                Err(_) => {
                    // nothing more for the moment: what is here may go
                    self.flush(&mut out).await?;
                    answered.part(limits.call).await
                }
            };
            let Some(part) = part.map_err(|_| Reason::AnswerCut)? else { break };
            frame(&mut out, &painter.pass(part), end);
            if out.len() >= GATHERED {
                self.flush(&mut out).await?;
            }
        }
        frame(&mut out, &painter.rest(), end);
        if end == Told::Chunked {
            out.put_slice(b"0\r\n\r\n");
        }
        if painter.found {
            complain();
        }
        answered.keep().await;
        // the caller's place is free before it can know that it has its answer
        drop(permit);
        self.flush(&mut out).await
    }

    pub(super) async fn flush(&mut self, out: &mut BytesMut) -> Result<(), Reason> {
        let bytes = out.split().freeze();
        self.put(bytes).await.map_err(|_| Reason::PeerGone)
    }
}

/// An answer on its way, which leaves a record if it does not arrive.
pub(super) struct Passing<'a> {
    house: &'a House,
    about: &'a Record,
    pub(super) ended: Result<(), Reason>,
}

impl<'a> Passing<'a> {
    /// It counts as broken off until something else is said.
    pub(super) fn begin(house: &'a House, about: &'a Record) -> Self {
        Self { house, about, ended: Err(Reason::CallAborted) }
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        if let Err(reason) = self.ended {
            self.house.metrics.refused(reason);
            let record = Record::refusal("request", reason).text("tsmgate.phase", "cut");
            self.house.audit.note(record.append(self.about));
        }
    }
}

/// Waits until an answer may not go on as it began: the caller lost the permission, or that to see secrets.
async fn no_longer(
    changes: &mut watch::Receiver<Arc<Snapshot>>,
    caller: &Caller,
    matched: &Match,
) -> Reason {
    loop {
        // the first time too: it may have changed since it was last asked
        let snapshot = Arc::clone(&changes.borrow_and_update());
        match is_allowed_still(caller, &snapshot, matched) {
            Ok(false) => {}
            Ok(true) => return Reason::AnswerWithheld,
            Err(refusal) => return refusal.reason,
        }
        if changes.changed().await.is_err() {
            return Reason::GateStopping;
        }
    }
}

/// A part, as the caller has been told that parts come.
pub(super) fn frame(out: &mut BytesMut, part: &[u8], end: Told) {
    match end {
        Told::Bodiless => {}
        Told::Length(_) | Told::Close => out.put_slice(part),
        Told::Chunked if part.is_empty() => {}
        Told::Chunked => {
            out.put_slice(format!("{:x}\r\n", part.len()).as_bytes());
            out.put_slice(part);
            out.put_slice(b"\r\n");
        }
    }
}
