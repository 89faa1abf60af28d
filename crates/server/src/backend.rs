//! TSM's login socket: one connection per call, our own 18 bytes out, one whole reply in.
//!
//! Nothing reaches it without a [`Permit`]. Before each call the path is looked at, and after
//! connecting the process that answers is: whoever could put a socket of his own there would learn
//! nothing, but could hand out cookies of his choice.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tsmgate_gate::clock::Clock;
use tsmgate_gate::permit::Permit;
use tsmgate_gate::rate::{Bucket, Rate};
use tsmgate_gate::reason::Reason;
use tsmgate_text::escape;
use tsmgate_wire::{Answer, Login, REPLY_LIMIT, decode_reply, encode_call};
use zeroize::Zeroizing;

use crate::config::Tsm;

/// How long TSM may take to accept.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);
/// How long a call waits for one of the connections at once that the configuration allows.
const TURN_DEADLINE: Duration = Duration::from_secs(1);
/// While TSM does not answer, no more attempts than this reach it.
const ATTEMPTS_WHILE_DOWN: (u32, u32) = (600, 10);
/// Our calls are one to a connection, so that their number is always the same.
const SEQUENCE: i32 = 1;

/// TSM as the login lane sees it.
#[derive(Debug)]
pub struct Backend {
    tsm: Tsm,
    call_deadline: Duration,
    turns: Semaphore,
    down: std::sync::atomic::AtomicBool,
    attempts_while_down: Bucket,
}

impl Backend {
    /// Connects to nothing yet. `call_deadline` is for one whole login.
    pub fn new(tsm: Tsm, call_deadline: Duration, clock: &Clock) -> Self {
        let (per_minute, burst) = ATTEMPTS_WHILE_DOWN;
        let rate = Rate::new(per_minute, burst).expect("constants above, not zero");
        Self {
            turns: Semaphore::new(tsm.connections),
            tsm,
            call_deadline,
            down: false.into(),
            attempts_while_down: Bucket::new(rate, clock),
        }
    }

    /// One login at TSM, for which the permit is used up: the caller's place for a call under way is
    /// free when TSM has answered.
    ///
    /// # Errors
    /// A reason of party TSM or operator: busy, unreachable, not trusted, too slow, garbage, an error of
    /// its own, or that it does not accept the gate's user.
    pub async fn login(&self, permit: Permit) -> Result<Login, Reason> {
        tracing::debug!(permission = %permit.permission(), role = permit.role(), "asking TSM");
        let turn = timeout(TURN_DEADLINE, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| Reason::BackendBusy)?.map_err(|_| Reason::BackendBusy)?;
        let deadline = Instant::now() + self.call_deadline;
        let connect = timeout_at(deadline, self.connect());
        let mut stream = connect.await.map_err(|_| Reason::BackendUnreachable)??;
        timeout_at(deadline, converse(&mut stream)).await.map_err(|_| Reason::BackendTimeout)?
    }

    async fn connect(&self) -> Result<UnixStream, Reason> {
        use std::sync::atomic::Ordering::Relaxed;
        if self.down.load(Relaxed) && self.attempts_while_down.take().is_err() {
            return Err(Reason::BackendUnreachable);
        }
        let connected = self.connect_and_check().await;
        self.down.store(matches!(connected, Err(Reason::BackendUnreachable)), Relaxed);
        connected
    }

    async fn connect_and_check(&self) -> Result<UnixStream, Reason> {
        trusted_path(&self.tsm)?;
        let connect = UnixStream::connect(&self.tsm.login_socket);
        let stream = match timeout(CONNECT_DEADLINE, connect).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::warn!(%error, "TSM's login socket does not accept");
                return Err(Reason::BackendUnreachable);
            }
            Err(_) => return Err(Reason::BackendUnreachable),
        };
        match stream.peer_cred() {
            Ok(peer) if self.tsm.owners.contains(&peer.uid()) => Ok(stream),
            Ok(peer) => {
                let uid = peer.uid();
                tracing::error!(uid, "a process of this user answers at TSM's login socket");
                Err(Reason::BackendUntrusted)
            }
            Err(_) => Err(Reason::BackendUntrusted),
        }
    }
}

/// The whole conversation.
async fn converse(stream: &mut UnixStream) -> Result<Login, Reason> {
    let gone = |_: io::Error| Reason::BackendGarbage;
    stream.write_all(&encode_call(SEQUENCE)).await.map_err(gone)?;
    // of the full size at once: a vector that grows leaves unwiped copies behind
    let mut bytes = Zeroizing::new(vec![0; REPLY_LIMIT]);
    let mut length = 0;
    loop {
        let room = bytes.get_mut(length..).filter(|room| !room.is_empty());
        let count = stream.read(room.ok_or(Reason::BackendGarbage)?).await.map_err(gone)?;
        if count == 0 {
            tracing::warn!(bytes = length, "TSM ended the conversation without a whole reply");
            return Err(Reason::BackendGarbage);
        }
        length += count;
        let received = bytes.get(..length).unwrap_or_default();
        match decode_reply(received, SEQUENCE) {
            Ok(None) => {}
            Ok(Some(answer)) => return judge(answer),
            Err(fault) => {
                tracing::warn!(%fault, "TSM's answer is not a reply to a login");
                return Err(Reason::BackendGarbage);
            }
        }
    }
}

fn judge(answer: Answer) -> Result<Login, Reason> {
    match answer {
        Answer::Granted(login) => Ok(login),
        Answer::NotAuthorized => Err(Reason::BackendDeniedGate),
        Answer::Error => Err(Reason::BackendError),
        Answer::Exception(exception) => {
            let message = escape(&exception.message);
            tracing::warn!(kind = ?exception.kind, message, "TSM answered with an exception");
            Err(Reason::BackendError)
        }
    }
}

/// The last component is a socket itself, in a folder that only root or TSM's users may write.
///
/// # Errors
/// [`Reason::BackendUnreachable`] where there is none, [`Reason::BackendUntrusted`] where others could
/// have put it there.
pub fn trusted_path(tsm: &Tsm) -> Result<(), Reason> {
    const OTHERS: u32 = 0o002;
    let missing = |_| Reason::BackendUnreachable;
    let socket = std::fs::symlink_metadata(&tsm.login_socket).map_err(missing)?;
    if !socket.file_type().is_socket() {
        tracing::error!(path = %tsm.login_socket.display(), "this is not a socket");
        return Err(Reason::BackendUntrusted);
    }
    let folder = tsm.login_socket.parent().unwrap_or(std::path::Path::new("/"));
    let folder = std::fs::metadata(folder).map_err(missing)?;
    let owned = folder.uid() == 0 || tsm.owners.contains(&folder.uid());
    let others = folder.mode() & OTHERS != 0;
    let foreign_group = folder.mode() & 0o020 != 0
        && folder.gid() != 0
        && !tsm.owner_groups.contains(&folder.gid());
    if !owned || others || foreign_group {
        tracing::error!(
            path = %tsm.login_socket.display(),
            "others than root and tsm.socket_owners may write the folder of TSM's login socket"
        );
        return Err(Reason::BackendUntrusted);
    }
    Ok(())
}
