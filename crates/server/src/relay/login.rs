//! The login lane: whole calls in, whole replies out, one at a time.
//!
//! Nothing a caller sent is copied to TSM and nothing unparsed to the caller. Each call is authorized
//! by itself, its intent is on record before TSM is asked, its outcome before the cookie leaves.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tsmgate_gate::permission::Permission;
use tsmgate_gate::permit::{self, Caller, Permit};
use tsmgate_gate::reason::Reason;
use tsmgate_wire::{
    Answer, CALL_LIMIT, Call, CallFault, ExceptionKind, Login, METHOD, decode_call,
    encode_exception, encode_reply,
};

use crate::audit::record::Record;
use crate::audit::{Proof, RefusalOrigin};
use crate::config::Config;
use crate::connection::past_last_call;
use crate::drain;
use crate::house::House;
use crate::metrics::Side;
use crate::relay::Party;
use crate::relay::entry::{Call as Kind, Entry};
use crate::relay::opening::Opening;
use crate::relay::shared::Shared;
use crate::relay::told::{stays, told};

/// How long a peer may take to fetch an answer.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);

/// One caller's connection, past the handshake.
#[derive(Debug)]
pub struct Conversation<'a, S> {
    house: &'a Arc<House>,
    stream: Shared<S>,
    caller: &'a Caller,
    /// The connection's fields, which each of its records carries.
    about: &'a Record,
    opening: &'a Opening<'a>,
    begun: Instant,
    /// What was read and is not answered yet: at most [`CALL_LIMIT`] bytes.
    buffer: BytesMut,
}

/// Why a conversation ended without a call that was refused.
enum End {
    /// The peer closed, was idle, or reached a limit of the connection: nobody's fault.
    Quiet,
    /// The peer did what it must not, and is told so where that is possible.
    Fault(Reason, Option<Vec<u8>>),
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Conversation<'a, S> {
    /// A conversation that began with `begun`, and of which `buffer` was read already.
    pub fn new(
        house: &'a Arc<House>,
        stream: Shared<S>,
        Party { caller, about, opening, .. }: Party<'a>,
        (begun, buffer): (Instant, BytesMut),
    ) -> Self {
        Self { house, stream, caller, about, opening, begun, buffer }
    }

    /// Serves calls until the caller closes, a limit is reached or the daemon stops.
    pub async fn serve(mut self, stop: &mut watch::Receiver<bool>) {
        let end = self.calls(stop).await;
        if let End::Fault(reason, exception) = &end {
            self.refused(*reason);
            if let Some(exception) = exception {
                let _ = send(&mut self.stream, exception).await;
            }
        }
        let last_words = matches!(end, End::Fault(..));
        drain::farewell(&mut self.stream, last_words).await;
    }

    /// The calls one after the other; what ended them.
    async fn calls(&mut self, stop: &mut watch::Receiver<bool>) -> End {
        let mut number = 0;
        while number < self.house.snapshot().config.login.per_connection {
            let call = match self.call_unless_stopped(number == 0, stop).await {
                Err(end) => return end,
                Ok(call) => call,
            };
            match self.answer(call, stop).await {
                Err(end) => return end,
                Ok(When::Stopping) => return self.stopping().await,
                Ok(When::Running) => {}
            }
            number += 1;
        }
        End::Quiet
    }

    /// The next call. When the daemon stops meanwhile, a connection that was just made may still become
    /// a call, and of an idle one what is here already is still answered: a restart loses no call.
    async fn call_unless_stopped(
        &mut self,
        first: bool,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Call, End> {
        let stopped = async {
            match first {
                true => past_last_call(stop).await,
                false => drop(stop.wait_for(|stop| *stop).await),
            }
        };
        tokio::select! {
            biased;
            () = stopped => {}
            call = self.next_call(first) => return call,
        }
        timeout(Duration::ZERO, self.next_call(first)).await.unwrap_or(Err(End::Quiet))
    }

    /// The daemon stops: a call that was sent behind the last one is told so, and does not take it for
    /// a refusal.
    async fn stopping(&mut self) -> End {
        match timeout(Duration::ZERO, self.next_call(false)).await {
            Ok(Ok(call)) => {
                let kind = ExceptionKind::InternalError;
                let told = in_words(Reason::GateStopping);
                let exception = encode_exception(METHOD, call.sequence, kind, &told);
                End::Fault(Reason::GateStopping, Some(exception))
            }
            _ => End::Quiet,
        }
    }

    /// Reads one whole call. Before its first byte the peer may be idle; from then on, and for the
    /// first call from the handshake on, it must be whole within `first_byte`, however its bytes
    /// trickle in.
    async fn next_call(&mut self, first: bool) -> Result<Call, End> {
        let limits = self.house.snapshot().config.login;
        let end_of_life = self.begun + limits.lifetime;
        if Instant::now() >= end_of_life {
            return Err(End::Quiet);
        }
        let mut deadline = match (first, self.buffer.is_empty()) {
            (true, _) => self.begun + limits.first_byte,
            (false, true) => (Instant::now() + limits.idle).min(end_of_life),
            (false, false) => Instant::now() + limits.first_byte,
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
            // a legal message fits: the codec refuses whatever reaches the limit without an end
            let room = (CALL_LIMIT - before) as u64;
            let mut stream = (&mut self.stream).take(room);
            match timeout_at(deadline, stream.read_buf(&mut self.buffer)).await {
                Ok(Ok(1..)) => {}
                Ok(_) if before == 0 => return Err(End::Quiet),
                Ok(_) => return Err(End::Fault(Reason::PeerGone, None)),
                Err(_) if before == 0 && !first => return Err(End::Quiet),
                Err(_) => return Err(End::Fault(Reason::CallTooSlow, None)),
            }
            if before == 0 && !first {
                deadline = Instant::now() + limits.first_byte;
            }
        }
    }

    /// authorize → record → ask TSM → record → answer; when that left. `Err` ends the connection.
    async fn answer(&mut self, call: Call, stop: &watch::Receiver<bool>) -> Result<When, End> {
        let snapshot = self.house.snapshot();
        let House { ledger, audit, .. } = self.house.as_ref();
        let permission = Permission::login();
        let permit = match permit::authorize(&snapshot.policy, ledger, self.caller, permission) {
            Ok(permit) => permit,
            Err(reason) => {
                Kind::Login.count(self.house, &self.caller.client().name, Err(reason));
                self.refused(reason);
                return self.refuse(call, reason, stop).await;
            }
        };
        let (house, client) = (Arc::clone(self.house), &self.caller.client().name);
        let records = (self.about, self.opening.take());
        let entry = Entry::new(Arc::clone(&house), client, Kind::Login, records, &permit);
        let entry = Open(Arc::new(entry));
        let granted = Granted {
            house,
            client: client.clone(),
            entry: Arc::clone(&entry.0),
            config: Arc::clone(&snapshot.config),
            sequence: call.sequence,
            stream: self.stream.clone(),
            stop: stop.clone(),
        };
        let served = match audit.beside(granted.serve(permit)).await {
            Ok(served) => served,
            // given up because the disk hangs: what became of the call is filed when it goes on
            Err(_) => {
                entry.0.abort();
                if entry.0.is_closed() {
                    // too late: its answer is on its way, and nothing comes behind it
                    return Err(End::Quiet);
                }
                Err(NotLoggedIn::Unrecorded(Reason::AuditUnavailable))
            }
        };
        match served {
            Ok(sent) => self.taken(sent),
            Err(NotLoggedIn::Recorded(reason)) => self.refuse(call, reason, stop).await,
            Err(NotLoggedIn::Unrecorded(reason)) => {
                self.refused(reason);
                self.refuse(call, reason, stop).await
            }
        }
    }

    /// Answers a call that did not get what it asked for. The connection goes on.
    async fn refuse(
        &mut self,
        call: Call,
        reason: Reason,
        stop: &watch::Receiver<bool>,
    ) -> Result<When, End> {
        let reply = match reason {
            Reason::PermissionMissing => encode_reply(call.sequence, &Answer::NotAuthorized),
            _ => {
                let message = in_words(reason);
                let kind = ExceptionKind::InternalError;
                encode_exception(METHOD, call.sequence, kind, &message).into()
            }
        };
        let sent = send_answer(&mut self.stream, &reply, stop).await;
        let when = self.taken(sent)?;
        if stays(reason) { Ok(when) } else { Err(End::Quiet) }
    }

    fn taken(&self, sent: Result<When, NotTaken>) -> Result<When, End> {
        sent.map_err(|NotTaken| {
            tracing::debug!(client = self.caller.client().name, "the answer was not taken");
            End::Fault(Reason::PeerGone, None)
        })
    }

    fn refused(&self, reason: Reason) {
        self.opening.note();
        let origin = RefusalOrigin::Client(self.caller.client().name.clone());
        self.house.refuse(origin, reason, Proof::Key, || self.about.clone());
    }
}

/// When an answer left: what comes behind it was sent on an idle connection, or to a daemon that stops.
enum When {
    Running,
    Stopping,
}

/// The peer did not fetch its answer, or not in time.
struct NotTaken;

/// Sends the answer to a call.
async fn send_answer(
    stream: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    stop: &watch::Receiver<bool>,
) -> Result<When, NotTaken> {
    let when = if *stop.borrow() { When::Stopping } else { When::Running };
    send(stream, bytes).await.map(|()| when)
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), NotTaken> {
    let sent = timeout(WRITE_DEADLINE, async {
        stream.write_all(bytes).await?;
        stream.flush().await
    });
    sent.await.map_err(|_| NotTaken)?.map_err(|_| NotTaken)
}

/// Why there is no session to hand out.
enum NotLoggedIn {
    /// The call's two records say so.
    Recorded(Reason),
    /// There was no call.
    Unrecorded(Reason),
}

/// The records of a call, for who waits for it: where he stops waiting, that is how the call ended.
struct Open(Arc<Entry<Arc<House>>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A call that is permitted, with all that it needs where it runs: beside the audit.
struct Granted<S> {
    house: Arc<House>,
    /// Whose it is.
    client: String,
    entry: Arc<Entry<Arc<House>>>,
    config: Arc<Config>,
    sequence: i32,
    /// Where its answer goes: from there, for no thread has to be woken first.
    stream: Shared<S>,
    stop: watch::Receiver<bool>,
}

impl<S: AsyncWrite + Unpin> Granted<S> {
    /// record → ask TSM → record → answer.
    async fn serve(self, permit: Permit) -> Result<Result<When, NotTaken>, NotLoggedIn> {
        let Self { house, client, entry, config, sequence, mut stream, stop } = self;
        entry.begin().await.map_err(|reason| {
            Kind::Login.count(&house, &client, Err(reason));
            NotLoggedIn::Unrecorded(reason)
        })?;
        let asked = Instant::now();
        let answer = house.backend.login(&config.tsm, config.login.call, permit).await;
        let outcome = answer.as_ref().map(|_| ()).map_err(|reason| *reason);
        house.metrics.asked_tsm(Side::Login, asked.elapsed(), outcome);
        let more = answer.as_ref().map_or_else(|_| Record::empty(), |login| more(&house, login));
        let login = entry.close(outcome, &more).await.and(answer).map_err(NotLoggedIn::Recorded)?;
        let reply = encode_reply(sequence, &Answer::Granted(login));
        Ok(send_answer(&mut stream, &reply, &stop).await)
    }
}

/// What else the record of a login says.
fn more(house: &House, Login { username, cookie }: &Login) -> Record {
    Record::empty()
        .text("tsmgate.tsm.username", username)
        .text("tsmgate.cookie.fingerprint", &house.audit.fingerprint(cookie.value()))
        .number("tsmgate.cookie.max_age", cookie.max_age().into())
}

/// What a caller is told: the stable code, and for a limit when to come again.
fn in_words(reason: Reason) -> String {
    match (told(reason).code, told(reason).retry) {
        (code @ "over_limit", Some(seconds)) => format!("{code}; retry in {seconds} s"),
        (code, _) => code.to_owned(),
    }
}

/// The answer to bytes that are not a call, where Thrift has one.
fn misunderstood(fault: &CallFault) -> End {
    let (reason, exception) = match fault {
        CallFault::UnknownMethod { name, sequence } => (
            Reason::UnknownMethod,
            Some(encode_exception(
                name,
                *sequence,
                ExceptionKind::UnknownMethod,
                "unknown_method: this gate knows login",
            )),
        ),
        CallFault::HasArguments { sequence } => (
            Reason::NotTheConversation,
            Some(encode_exception(
                METHOD,
                *sequence,
                ExceptionKind::ProtocolError,
                "not_the_conversation: login takes no arguments",
            )),
        ),
        CallFault::NotACall { sequence } => (
            Reason::NotTheConversation,
            Some(encode_exception(
                METHOD,
                *sequence,
                ExceptionKind::InvalidMessageType,
                "not_the_conversation: only calls are answered",
            )),
        ),
        CallFault::NotStrictBinary | CallFault::TooLong => (Reason::NotTheConversation, None),
    };
    End::Fault(reason, exception)
}
