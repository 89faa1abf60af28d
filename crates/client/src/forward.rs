//! TSM's login socket on a host where TSM is not: each call goes through a gate and is answered in the
//! socket's own words, so that programs made for the socket need not know of gates.
//!
//! It is no relay of bytes. It has the login conversation with whoever connects, one call at a time, and
//! asks the gate anew for each: nothing is kept, and each call is a record in the gate's audit. Whoever
//! connects is judged by the kernel's word for who it is. It refuses to wait for anybody without a deadline.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::failure::LoginFailure;
use crate::gate::TIMEOUT_MOST;
use crate::system::peer;
use crate::system::socket::{LocalListener, LocalStream, tokio_listener};
use crate::{Login, Source};

mod conversation;
mod judge;
mod slots;
mod told;

use conversation::Conversation;
use judge::Judge;
use slots::{Slot, Slots};

/// Connections at once, of all users.
pub const CONNECTIONS: usize = 256;
/// Connections at once of one user, so that no one user takes all of them.
pub const CONNECTIONS_PER_USER: usize = 32;
/// Calls at the gate at once: as many as it usually takes of one client. Others wait for their turn, at most as
/// long as a call may take.
pub const CALLS: usize = 4;
/// How long after the stop calls may still ask the gate. Those that did are waited for as long as a call may take,
/// for TSM may grant them a session, and then for [`LAST`].
pub const GRACE: Duration = Duration::from_secs(5);
/// To hand over what the last calls got, or to end it.
pub const LAST: Duration = Duration::from_secs(10);

/// After a connection that could not be taken: whatever the system lacks, it lacks it for a while.
const BACKOFF: Duration = Duration::from_millis(100);

/// Who gets an answer other than `PLL_NOT_AUTHORIZED`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callers {
    /// Users, by number.
    pub users: BTreeSet<u32>,
    /// Groups, by name: who is a member says the host's user database, asked for each call.
    pub groups: Vec<String>,
}

impl Callers {
    /// The user that this process runs as, and nobody else: not root either.
    pub fn ourselves() -> Self {
        Self { users: [peer::our_user()].into(), groups: Vec::new() }
    }
}

/// A local user who called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user's number, by the kernel's word.
    pub uid: u32,
    /// What the user is called, where the host knows; to be escaped where it is shown.
    pub name: Option<String>,
}

/// Why a call got no session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// The caller is none of [`Callers`].
    NotListed,
    /// Whether it is cannot be told: the user database does not answer.
    NotJudged,
    /// Others' calls took all the time that this one had.
    NoTurn,
    /// The gate gave none.
    Failed(LoginFailure),
}

/// What happened, for a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A call was answered.
    Call {
        /// Whose.
        caller: Caller,
        /// What it got.
        outcome: Result<(), Denial>,
        /// How long that took.
        took: Duration,
    },
    /// An answer with a session was not fetched: nobody has that session.
    NotFetched {
        /// Whose it would be.
        caller: Caller,
        /// The gate has ended it; else TSM honours it until its time is over.
        ended: bool,
    },
    /// Somebody sent what is not the conversation, or not in time.
    NoCall {
        /// Whose connection, by the user's number.
        uid: u32,
        /// What was wrong.
        what: &'static str,
    },
    /// A connection was closed unheard: this user, or all together, have as many as there may be.
    TurnedAway(u32),
    /// A connection could not be taken.
    NotAccepted(io::ErrorKind),
    /// So many events before this one found no room.
    Missed(u64),
}

/// The socket's side of the gate.
#[derive(Debug)]
pub struct Forward {
    source: Source,
    judge: Judge,
    slots: Slots,
    turns: Semaphore,
    events: mpsc::Sender<Event>,
    missed: AtomicU64,
}

impl Forward {
    /// One that asks `source` for whom `callers` has, and says what happens as long as `events` has room:
    /// it does not wait for its listener.
    pub fn new(source: Source, callers: Callers, events: mpsc::Sender<Event>) -> Self {
        let slots = Slots::new(CONNECTIONS, CONNECTIONS_PER_USER);
        let (turns, missed) = (Semaphore::new(CALLS), AtomicU64::new(0));
        let judge = Judge::new(callers);
        Self { source, judge, slots, turns, events, missed }
    }

    /// Serves whoever connects until `stop` is done; then takes nobody new, and lets calls that are under
    /// way finish: within [`GRACE`], or where they are at the gate by then within the source's timeout and
    /// [`LAST`]. `listener` must not block.
    ///
    /// # Errors
    /// The socket cannot be used.
    pub async fn serve(
        self,
        listener: LocalListener,
        stop: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let listener = tokio_listener(listener)?;
        let forward = Arc::new(self);
        let (stopping, stopped) = watch::channel(false);
        let mut conversations = JoinSet::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(_) = conversations.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => forward.take(stream, &stopped, &mut conversations),
                    Err(error) => {
                        forward.tell(Event::NotAccepted(error.kind()));
                        sleep(BACKOFF).await;
                    }
                },
            }
        }
        drop(listener);
        stopping.send_replace(true);
        let mut last = async || while conversations.join_next().await.is_some() {};
        if timeout(GRACE, last()).await.is_err() {
            // whoever waits for a turn now gets none
            forward.turns.close();
            let _ = timeout(forward.time_of_a_call() + LAST, last()).await;
        }
        conversations.shutdown().await;
        Ok(())
    }

    /// Begins a conversation, where its user still has room for one.
    fn take(
        self: &Arc<Self>,
        stream: LocalStream,
        stopped: &watch::Receiver<bool>,
        conversations: &mut JoinSet<()>,
    ) {
        let uid = match stream.peer_cred() {
            Ok(peer) => peer.uid(),
            Err(error) => return self.tell(Event::NotAccepted(error.kind())),
        };
        let Some(slot) = self.slots.take(uid) else { return self.tell(Event::TurnedAway(uid)) };
        let (forward, mut stopped) = (Arc::clone(self), stopped.clone());
        conversations.spawn(async move {
            Conversation::new(&forward, stream, &slot).serve(&mut stopped).await;
        });
    }

    /// Judges the caller, and asks the gate when it is this call's turn.
    async fn login(&self, slot: &Slot) -> (Caller, Result<Login, Denial>) {
        let deadline = Instant::now() + self.time_of_a_call();
        let uid = slot.uid();
        // behind the user's own calls first: of each user one is judged, or waits for a turn
        let Ok(Ok(first)) = timeout_at(deadline, slot.line().acquire()).await else {
            return (Caller { uid, name: None }, Err(Denial::NoTurn));
        };
        let (verdict, name) = self.judge.judge(uid).await;
        let login = match verdict {
            Err(denial) => Err(denial),
            Ok(()) => match timeout_at(deadline, self.turns.acquire()).await {
                Ok(Ok(_turn)) => {
                    drop(first);
                    self.source.login().await.map_err(Denial::Failed)
                }
                _ => Err(Denial::NoTurn),
            },
        };
        (Caller { uid, name: name.known().await }, login)
    }

    fn time_of_a_call(&self) -> Duration {
        self.source.timeout().min(TIMEOUT_MOST)
    }

    /// Says what happened, or counts it where nobody listens in time.
    fn tell(&self, event: Event) {
        let missed = self.missed.swap(0, Ordering::Relaxed);
        let mut untold = missed;
        if missed > 0 && self.events.try_send(Event::Missed(missed)).is_ok() {
            untold = 0;
        }
        if self.events.try_send(event).is_err() {
            untold += 1;
        }
        self.missed.fetch_add(untold, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
