//! Passing TSM's answer on as it comes, without the session in it.
//!
//! Little is held at a time: what TSM sent and the caller has not fetched stays with TSM. An answer that
//! breaks off breaks off for the caller too, visibly: it is never ended as if it were whole.

use bytes::{BufMut, Bytes, BytesMut};
use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Duration, Instant, timeout, timeout_at};
use tsmgate_gate::reason::Reason;

use super::answer::{self, End as Told};
use super::api::{Stream, fields_down};
use super::head::Head;
use super::withhold::Painter;
use super::{Asked, Conversation, End};
use crate::audit::{Proof, RefusalOrigin};
use crate::connection::past_last_call;

/// What is gathered before it is written, in bytes, as long as more is there at once.
const GATHERED: usize = 64 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<'_, S> {
    /// Passes an answer on.
    pub(super) async fn pass(
        &mut self,
        asked: &Asked,
        stream: Stream<'_>,
        head: &Head,
    ) -> Result<(), End> {
        let lifetime = self.house.snapshot().config.http.lifetime;
        let mut stop = self.stop.clone();
        let passed = tokio::select! {
            biased;
            // a stream is cut when the daemon stops, a short answer is through by then
            () = past_last_call(&mut stop) => Err(Broken::Stopping),
            passed = timeout_at(Instant::now() + lifetime, self.parts(asked, stream, head)) => {
                passed.unwrap_or(Err(Broken::Tsm))
            }
        };
        let reason = match passed {
            Ok(()) => return Ok(()),
            Err(Broken::Peer) => return Err(End::Quiet),
            Err(Broken::Stopping) => Reason::GateStopping,
            Err(Broken::Tsm) => Reason::AnswerCut,
        };
        let origin = RefusalOrigin::Requests(self.party.caller.client().name.clone());
        self.house.refuse(origin, reason, Proof::Key, || asked.about.clone());
        Err(End::Broken)
    }

    async fn parts(
        &mut self,
        asked: &Asked,
        stream: Stream<'_>,
        head: &Head,
    ) -> Result<(), Broken> {
        let Stream { mut answered, held, permit } = stream;
        let limits = self.house.snapshot().config.http;
        let end = match (answered.length(), answered.status) {
            (_, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => Told::Bodiless,
            (Some(length), _) => Told::Length(length),
            (None, _) if head.old => Told::Close,
            (None, _) => Told::Chunked,
        };
        let keep_alive = head.keep_alive && !self.unread && !*self.stop.borrow();
        let fields = fields_down(&answered.fields, &held);
        let mut out = answer::head(answered.status, &asked.id, fields, end, keep_alive);
        let mut painter = Painter::new(&held.withhold);
        loop {
            let part = match timeout(Duration::ZERO, answered.part(limits.call)).await {
                Ok(part) => part,
                Err(_) => {
                    // nothing more for the moment: what is here may go
                    self.flush(&mut out).await?;
                    answered.part(limits.call).await
                }
            };
            let Some(part) = part.map_err(|_| Broken::Tsm)? else { break };
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
            tracing::error!(
                request = asked.id,
                "TSM repeated the gate's session in an answer; it was painted over"
            );
        }
        answered.keep().await;
        // the caller's place is free before it can know that it has its answer
        drop(permit);
        self.flush(&mut out).await
    }

    async fn flush(&mut self, out: &mut BytesMut) -> Result<(), Broken> {
        let bytes = out.split().freeze();
        self.put(bytes).await.map_err(|_| Broken::Peer)
    }
}

/// Why an answer was not passed on to its end.
enum Broken {
    /// The caller does not take it.
    Peer,
    /// TSM does not go on.
    Tsm,
    /// The daemon stops.
    Stopping,
}

/// A part, as the caller has been told that parts come.
fn frame(out: &mut BytesMut, part: &Bytes, end: Told) {
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
