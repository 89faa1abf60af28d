//! One local connection: whole calls in, whole replies out, one at a time, each within its deadlines.
//!
//! Nothing that a caller sent is copied to the gate, and nothing unparsed to the caller. Calls that are sent
//! ahead wait, and a caller that has closed its half still gets its answer.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tsmgate_wire::{
    Answer, CALL_LIMIT, Call, CallFault, ExceptionKind, METHOD, decode_call, encode_exception,
    encode_reply,
};

use super::slots::Slot;
use super::{Event, Forward};

/// From the connection to its first whole call, and from a call's first byte to its last.
pub(super) const WHOLE_CALL: Duration = Duration::from_secs(5);
/// Between an answer and the next call.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// A connection takes no further call after this time.
pub(super) const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How long a caller may take to fetch an answer.
const FETCH: Duration = Duration::from_secs(5);
/// How long a caller that was told something last may take to close.
const FAREWELL: Duration = Duration::from_secs(1);
/// No more than this is read for the sake of manners, in bytes.
const MANNERS: u64 = 64 * 1024;

/// One caller's connection.
pub(super) struct Conversation<'a, S> {
    forward: &'a Forward,
    stream: S,
    slot: &'a Slot,
    begun: Instant,
    /// What was read and is not answered yet: at most [`CALL_LIMIT`] bytes.
    buffer: BytesMut,
}

/// Why a conversation ended.
enum End {
    /// The caller closed or was idle, a limit was reached, or we stop: nobody's fault.
    Quiet,
    /// The caller did what it must not, and is told so where Thrift has words for it.
    Fault(&'static str, Option<Vec<u8>>),
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Conversation<'a, S> {
    pub(super) fn new(forward: &'a Forward, stream: S, slot: &'a Slot) -> Self {
        Self { forward, stream, slot, begun: Instant::now(), buffer: BytesMut::new() }
    }

    /// Serves calls until the caller closes, a limit is reached or we stop.
    pub(super) async fn serve(mut self, stopped: &mut watch::Receiver<bool>) {
        if let End::Fault(what, exception) = self.calls(stopped).await {
            self.forward.tell(Event::NoCall { uid: self.slot.uid(), what });
            if let Some(exception) = exception
                && self.send(&exception).await
            {
                self.farewell().await;
            }
        }
    }

    /// The calls one after the other; what ended them.
    async fn calls(&mut self, stopped: &mut watch::Receiver<bool>) -> End {
        let mut first = true;
        loop {
            let call = match self.call_unless_stopped(first, stopped).await {
                Ok(call) => call,
                Err(end) => return end,
            };
            if !self.answer(call).await {
                return End::Quiet;
            }
            first = false;
        }
    }

    /// The next call. When we stop, one that is here already is still answered.
    async fn call_unless_stopped(
        &mut self,
        first: bool,
        stopped: &mut watch::Receiver<bool>,
    ) -> Result<Call, End> {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => {}
            call = self.next_call(first) => return call,
        }
        timeout(Duration::ZERO, self.next_call(first)).await.unwrap_or(Err(End::Quiet))
    }

    /// Reads one whole call, however its bytes trickle in.
    async fn next_call(&mut self, first: bool) -> Result<Call, End> {
        let end_of_life = self.begun + LIFETIME;
        if Instant::now() >= end_of_life {
            return Err(End::Quiet);
        }
        let mut deadline = match (first, self.buffer.is_empty()) {
            (true, _) => self.begun + WHOLE_CALL,
            (false, true) => (Instant::now() + IDLE).min(end_of_life),
            (false, false) => Instant::now() + WHOLE_CALL,
        };
        loop {
            match decode_call(&self.buffer) {
                Ok(None) => {}
                Ok(Some(call)) => {
                    self.buffer.advance(call.length);
                    return Ok(call);
                }
                Err(fault) => return Err(misunderstood(&fault)),
            }
            let before = self.buffer.len();
            // a legal call fits: the codec refuses whatever reaches the limit without an end
            let mut stream = (&mut self.stream).take((CALL_LIMIT - before) as u64);
            match timeout_at(deadline, stream.read_buf(&mut self.buffer)).await {
                Ok(Ok(1..)) => {}
                Ok(_) if before == 0 => return Err(End::Quiet),
                Ok(_) => return Err(End::Fault("the call ended in the middle", None)),
                Err(_) if before == 0 && !first => return Err(End::Quiet),
                Err(_) => return Err(End::Fault("no whole call in time", None)),
            }
            if before == 0 && !first {
                deadline = Instant::now() + WHOLE_CALL;
            }
        }
    }

    /// Asks the gate for the caller, and answers. Whether the connection goes on.
    async fn answer(&mut self, call: Call) -> bool {
        let asked = Instant::now();
        let (caller, login) = self.forward.login(self.slot).await;
        let answer = match &login {
            Ok(login) => {
                let (username, cookie) = (login.username.clone(), login.cookie.clone());
                Answer::Granted(tsmgate_wire::Login { username, cookie })
            }
            Err(denial) => denial.answer(),
        };
        let (granted, outcome) = match login {
            Ok(login) => (Some(login), Ok(())),
            Err(denial) => (None, Err(denial)),
        };
        let took = asked.elapsed();
        self.forward.tell(Event::Call { caller: caller.clone(), outcome, took });
        let fetched = self.send(&encode_reply(call.sequence, &answer)).await;
        if let Some(login) = granted.filter(|_| !fetched) {
            let ended = self.forward.source.end(&login).await;
            self.forward.tell(Event::NotFetched { caller, ended });
        }
        fetched
    }

    /// Whether the caller took it.
    async fn send(&mut self, bytes: &[u8]) -> bool {
        let stream = &mut self.stream;
        let sent = timeout(FETCH, async {
            stream.write_all(bytes).await?;
            stream.flush().await
        });
        matches!(sent.await, Ok(Ok(())))
    }

    /// Reads what nobody wants, for a while: a caller that writes a call in pieces would otherwise fail at the
    /// next piece, and not read what it was told.
    async fn farewell(&mut self) {
        let _ = timeout(FAREWELL, async {
            self.stream.shutdown().await?;
            let mut rest = (&mut self.stream).take(MANNERS);
            tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
        })
        .await;
    }
}

/// The end that bytes deserve which are not a call; the words are those of a Thrift server.
fn misunderstood(fault: &CallFault) -> End {
    match fault {
        CallFault::UnknownMethod { name, sequence } => {
            let words = format!("unknown method {name}");
            let kind = ExceptionKind::UnknownMethod;
            let exception = encode_exception(name, *sequence, kind, &words);
            End::Fault("a call of an unknown method", Some(exception))
        }
        CallFault::HasArguments { sequence } => {
            let words = "login takes no arguments";
            let kind = ExceptionKind::ProtocolError;
            End::Fault(
                "a login with arguments",
                Some(encode_exception(METHOD, *sequence, kind, words)),
            )
        }
        CallFault::NotACall { sequence } => {
            let words = "only calls are answered";
            let kind = ExceptionKind::InvalidMessageType;
            End::Fault(
                "a message that is no call",
                Some(encode_exception(METHOD, *sequence, kind, words)),
            )
        }
        CallFault::NotStrictBinary => End::Fault("not strict binary Thrift", None),
        CallFault::TooLong => End::Fault("a call without an end", None),
    }
}
