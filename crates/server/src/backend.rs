//! TSM's login socket: one connection per call, our own 18 bytes out, one whole reply in. Its HTTPS
//! controller is [`api`]'s.
//!
//! Nothing reaches it without a [`Permit`]. Before each call the path is looked at, and after
//! connecting the process that answers is: whoever could put a socket of his own there would learn
//! nothing, but could hand out cookies of his choice.

use std::fmt::Display;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
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
use zeroize::Zeroizing;

use crate::config::Tsm;

pub mod api;
mod attempts;
mod trouble;
mod wire;

use attempts::Attempts;
use trouble::Trouble;

/// How long TSM may take to accept.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);
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
        let connected = connect_and_check(tsm).await;
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

async fn connect_and_check(tsm: &Tsm) -> Result<UnixStream, Failure> {
    trusted_path(tsm).map_err(|distrust| Failure {
        reason: Reason::from(&distrust),
        detail: distrust.to_string(),
    })?;
    let connect = UnixStream::connect(&tsm.login_socket);
    let unreachable = |detail: &dyn Display| Failure {
        reason: Reason::BackendUnreachable,
        detail: format!("connecting: {detail}"),
    };
    let stream = match timeout(CONNECT_DEADLINE, connect).await {
        Ok(stream) => stream.map_err(|error| unreachable(&error))?,
        Err(late) => return Err(unreachable(&late)),
    };
    let untrusted = |detail| Failure { reason: Reason::BackendUntrusted, detail };
    match stream.peer_cred() {
        Ok(peer) if tsm.owners.contains(&peer.uid()) => Ok(stream),
        Ok(peer) => Err(untrusted(format!("a process of uid {} answers there", peer.uid()))),
        Err(error) => Err(untrusted(error.to_string())),
    }
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
    // of the full size at once: a vector that grows leaves unwiped copies behind
    let mut bytes = Zeroizing::new(vec![0; REPLY_LIMIT]);
    let mut length = 0;
    loop {
        let room = bytes.get_mut(length..).filter(|room| !room.is_empty());
        let room = room.ok_or_else(|| garbage(&"an answer without an end"))?;
        let count = stream.read(room).await.map_err(|error| garbage(&error))?;
        if count == 0 {
            return Err(garbage(&format!("it ended after {length} bytes of an answer")));
        }
        length += count;
        let received = bytes.get(..length).unwrap_or_default();
        match decode_reply(received, SEQUENCE) {
            Ok(None) => {}
            Ok(Some(answer)) => return judge(answer),
            Err(fault) => return Err(garbage(&fault)),
        }
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

/// Why TSM's socket is not asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// There is none, or it cannot be looked at.
    #[error("{0}: {1}")]
    Missing(PathBuf, String),
    /// Something else stands there.
    #[error("{0} is not a socket (a link to one does not count)")]
    NotASocket(PathBuf),
    /// Others than root and TSM's users could have put it there.
    #[error(
        "{folder} belongs to uid {uid}, gid {gid}, mode {mode:04o}: others than root and \
         tsm.socket_owners may write it"
    )]
    Folder {
        /// Where the socket is.
        folder: PathBuf,
        /// Whose it is.
        uid: u32,
        /// Its group.
        gid: u32,
        /// Its permission bits.
        mode: u32,
    },
}

impl From<&Distrust> for Reason {
    fn from(distrust: &Distrust) -> Self {
        match distrust {
            Distrust::Missing(..) => Self::BackendUnreachable,
            Distrust::NotASocket(_) | Distrust::Folder { .. } => Self::BackendUntrusted,
        }
    }
}

/// The last component is a socket itself, in a folder that only root or TSM's users may write.
///
/// # Errors
/// There is none, or others could have put it there.
pub fn trusted_path(tsm: &Tsm) -> Result<(), Distrust> {
    let path = &tsm.login_socket;
    let missing = |error: io::Error| Distrust::Missing(path.clone(), error.to_string());
    let socket = std::fs::symlink_metadata(path).map_err(missing)?;
    if !socket.file_type().is_socket() {
        return Err(Distrust::NotASocket(path.clone()));
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let metadata = std::fs::metadata(folder).map_err(missing)?;
    let (uid, gid, mode) = (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777);
    let owned = uid == 0 || tsm.owners.contains(&uid);
    let by_others = mode & 0o002 != 0;
    let by_foreign_group = mode & 0o020 != 0 && gid != 0 && !tsm.owner_groups.contains(&gid);
    if !owned || by_others || by_foreign_group {
        return Err(Distrust::Folder { folder: folder.to_owned(), uid, gid, mode });
    }
    Ok(())
}
