//! TSM's login socket: one connection per call, our own 18 bytes out, one whole reply in. Its HTTPS
//! controller is [`api`]'s, its `tsm` program [`runner`]'s.
//!
//! Nothing reaches it without a [`Permit`]. Before each call the path is looked at, and after
//! connecting the process that answers is: whoever could put a socket of his own there would learn
//! nothing, but could hand out cookies of his choice.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};
use tsmgate_gate::clock::Clock;
use tsmgate_gate::permit::Permit;
use tsmgate_gate::reason::Reason;
use tsmgate_text::escape;
use tsmgate_wire::{Answer, Login, REPLY_LIMIT, decode_reply, encode_call};
use zeroize::Zeroize;

use crate::config::{LocalSocket, Tsm};

pub mod api;
mod attempts;
pub mod runner;
mod socket;
mod trouble;
mod wire;

pub use socket::{Distrust, trusted_path};
pub(crate) use socket::{Refused, look};

use attempts::Attempts;
use trouble::Trouble;

/// How long a call waits for one of the connections at once that the configuration allows.
const TURN_DEADLINE: Duration = Duration::from_secs(1);
/// Our calls are one to a connection, so that their number is always the same.
const SEQUENCE: i32 = 1;

/// TSM as the login lane sees it.
#[derive(Debug)]
pub struct Backend {
    turns: Arc<Semaphore>,
    attempts: Attempts,
    trouble: Trouble,
}

impl Backend {
    /// Connects to nothing yet; each call takes one of `turns`, which are those of all lanes.
    pub fn new(turns: Arc<Semaphore>, clock: &Clock) -> Self {
        Self { turns, attempts: Attempts::new(clock), trouble: Trouble::default() }
    }

    /// One login at TSM within `deadline`, for which the permit is used up: the caller's place for a
    /// call under way is free when TSM has answered.
    ///
    /// # Errors
    /// A reason of party TSM or operator: busy, unreachable, not trusted, too slow, garbage, an error of
    /// its own, or that it does not accept the gate's user.
    pub async fn login(
        &self,
        tsm: &Tsm,
        deadline: Duration,
        permit: Permit,
    ) -> Result<Login, Reason> {
        self.session(tsm, deadline, &permit).await
    }

    /// The same for the gate's own session, which a caller's permit is the occasion of and not used up by.
    ///
    /// # Errors
    /// As [`Backend::login`].
    pub async fn session(
        &self,
        tsm: &Tsm,
        deadline: Duration,
        permit: &Permit,
    ) -> Result<Login, Reason> {
        tracing::debug!(permission = %permit.permission(), role = permit.role(), "asking TSM");
        let answer = self.ask(tsm, deadline).await;
        self.trouble.tell(answer.as_ref().err());
        answer.map_err(|failure| failure.reason)
    }

    async fn ask(&self, tsm: &Tsm, deadline: Duration) -> Result<Login, Failure> {
        let _turn = turn(&self.turns).await?;
        let deadline = Instant::now() + deadline;
        let connect = timeout_at(deadline, self.connect(tsm));
        let mut stream = connect.await.map_err(|_| Failure::from(Reason::BackendUnreachable))??;
        let answer = timeout_at(deadline, converse(&mut stream)).await;
        answer.map_err(|_| Failure::from(Reason::BackendTimeout))?
    }

    async fn connect(&self, tsm: &Tsm) -> Result<UnixStream, Failure> {
        if !self.attempts.may_try() {
            return Err(Reason::BackendUnreachable.into());
        }
        let connected = connect(&tsm.login).await;
        let unreachable = |failure: &Failure| failure.reason == Reason::BackendUnreachable;
        self.attempts.tried(connected.as_ref().err().is_some_and(unreachable));
        connected
    }
}

/// One of so many, for which a call waits a moment and no longer.
async fn turn(turns: &Semaphore) -> Result<SemaphorePermit<'_>, Reason> {
    match timeout(TURN_DEADLINE, turns.acquire()).await {
        Ok(Ok(turn)) => Ok(turn),
        _ => Err(Reason::BackendBusy),
    }
}

/// The login socket, with one of TSM's users behind it.
async fn connect(socket: &LocalSocket) -> Result<UnixStream, Failure> {
    socket::connect(socket).await.map_err(|refused| match refused {
        Refused::Unreachable(detail) => Failure { reason: Reason::BackendUnreachable, detail },
        Refused::Untrusted(detail) => Failure { reason: Reason::BackendUntrusted, detail },
    })
}

/// Why a login failed: what the caller and the record learn, and what only the log does.
#[derive(Debug)]
struct Failure {
    reason: Reason,
    detail: String,
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self { reason, detail: String::new() }
    }
}

/// The whole conversation.
async fn converse(stream: &mut UnixStream) -> Result<Login, Failure> {
    let garbage = |detail: &dyn Display| Failure {
        reason: Reason::BackendGarbage,
        detail: detail.to_string(),
    };
    stream.write_all(&encode_call(SEQUENCE)).await.map_err(|error| garbage(&error))?;
    let mut reply = Reply::default();
    loop {
        let room = reply.bytes.get_mut(reply.length..).filter(|room| !room.is_empty());
        let room = room.ok_or_else(|| garbage(&"an answer without an end"))?;
        let count = stream.read(room).await.map_err(|error| garbage(&error))?;
        if count == 0 {
            let length = reply.length;
            return Err(garbage(&format!("it ended after {length} bytes of an answer")));
        }
        reply.length += count;
        let received = reply.bytes.get(..reply.length).unwrap_or_default();
        match decode_reply(received, SEQUENCE) {
            Ok(None) => {}
            Ok(Some(answer)) => return judge(answer),
            Err(fault) => return Err(garbage(&fault)),
        }
    }
}

/// What TSM has answered so far. Of the full size at once, since a vector that grows leaves unwiped copies
/// behind; wiped is what was written into it, which is a twentieth of that.
struct Reply {
    bytes: Vec<u8>,
    length: usize,
}

impl Default for Reply {
    fn default() -> Self {
        Self { bytes: vec![0; REPLY_LIMIT], length: 0 }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.bytes.get_mut(..self.length).unwrap_or_default().zeroize();
    }
}

fn judge(answer: Answer) -> Result<Login, Failure> {
    match answer {
        Answer::Granted(login) => Ok(login),
        Answer::NotAuthorized => Err(Reason::BackendDeniedGate.into()),
        Answer::Error => Err(Reason::BackendError.into()),
        Answer::Exception(exception) => Err(Failure {
            reason: Reason::BackendError,
            detail: format!("exception {:?}: {}", exception.kind, escape(&exception.message)),
        }),
    }
}
