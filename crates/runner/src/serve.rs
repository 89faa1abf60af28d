//! Connections, and the runner's own life: who may ask, how many at once, and when it ends.
//!
//! Who asks is told by the kernel (`SO_PEERCRED`), never by what is said. Anybody else is closed without a word.

use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::conversation::{Questions, converse};
use crate::desk::{Desk, Standing};

/// Conversations at once; who comes beyond them waits in the socket's queue. More than the gate has outputs and
/// questions at once, so that outputs that are read along leave room for questions.
const CONVERSATIONS: usize = 192;
/// How long commands that are told to end may take: longer than a process is given.
const STOP: Duration = Duration::from_secs(20);
/// How long conversations may take to say the last word.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Between two looks at what is old.
const TIDY: Duration = Duration::from_secs(30);
/// After a connection that could not be taken.
const BACKOFF: Duration = Duration::from_millis(100);
/// Between two lines about the same.
const QUIET: Duration = Duration::from_secs(1);

/// The signals that the runner understands.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on none of them is the end by itself.
    ///
    /// # Errors
    /// As the system's.
    pub fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// Serves until it is told to stop, or to leave and there is nothing left to do.
///
/// # Errors
/// The socket cannot be used.
pub async fn serve(
    desk: &Arc<Desk>,
    listener: StdListener,
    mut signals: Signals,
) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    let mut door = Door::new(desk);
    let mut standing = desk.standing();
    let mut tidy = interval(TIDY);
    tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tell(&[NotifyState::Ready]);
    tell_standing(*standing.borrow_and_update());
    loop {
        if desk.may_leave() {
            tracing::info!("leaving: nothing runs and nothing waits");
            break;
        }
        tokio::select! {
            // what was told before somebody came counts before what he asks
            biased;
            _ = signals.terminate.recv() => { stop(desk).await; break }
            _ = signals.interrupt.recv() => { stop(desk).await; break }
            _ = signals.hangup.recv() => {
                tracing::info!("told to leave: no more orders are taken");
                desk.leave();
            }
            _ = standing.changed() => tell_standing(*standing.borrow_and_update()),
            _ = tidy.tick() => desk.tidy(),
            () = door.next(&listener) => {}
        }
    }
    tell(&[NotifyState::Stopping]);
    drop(listener);
    door.close().await;
    Ok(())
}

/// Ends what runs.
async fn stop(desk: &Arc<Desk>) {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping: commands are ended")]);
    tracing::info!("stopping: commands are ended");
    let mut standing = desk.standing();
    desk.stop();
    let idle = standing.wait_for(|standing| *standing == Standing::default());
    if timeout(STOP, idle).await.is_err() {
        tracing::error!("commands run on: what becomes of them is not known");
    }
}

/// Where connections come in.
struct Door {
    desk: Arc<Desk>,
    slots: Arc<Semaphore>,
    questions: Arc<Questions>,
    conversations: JoinSet<()>,
    refusals: Seldom,
    faults: Seldom,
}

impl Door {
    fn new(desk: &Arc<Desk>) -> Self {
        Self {
            desk: Arc::clone(desk),
            slots: Arc::new(Semaphore::new(CONVERSATIONS)),
            questions: Arc::default(),
            conversations: JoinSet::new(),
            refusals: Seldom::default(),
            faults: Seldom::default(),
        }
    }

    /// Takes the next connection. May be dropped at any of its waits: nothing is lost by that.
    async fn next(&mut self, listener: &UnixListener) {
        while self.conversations.try_join_next().is_some() {}
        // the place first, then the connection
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) if self.is_welcome(&stream) => {
                let (desk, questions) = (Arc::clone(&self.desk), Arc::clone(&self.questions));
                self.conversations.spawn(async move {
                    converse(&desk, stream, &questions).await;
                    drop(slot);
                });
            }
            Ok(_) => {}
            Err(error) => {
                if let Some(missed) = self.faults.now() {
                    tracing::warn!(%error, missed, "a connection cannot be taken");
                }
                sleep(BACKOFF).await;
            }
        }
    }

    fn is_welcome(&mut self, stream: &UnixStream) -> bool {
        let peer = stream.peer_cred();
        let uid = peer.as_ref().map(tokio::net::unix::UCred::uid).ok();
        let welcome = uid.is_some_and(|uid| self.desk.config().users.contains(&uid));
        if !welcome && let Some(missed) = self.refusals.now() {
            let pid = peer.ok().and_then(|peer| peer.pid());
            tracing::warn!(uid, pid, missed, "refused: none of `listen.users`");
        }
        welcome
    }

    /// Lets conversations say what there is to say, and ends those that only wait.
    async fn close(mut self) {
        let all = async { while self.conversations.join_next().await.is_some() {} };
        let _ = timeout(LAST_WORDS, all).await;
    }
}

/// Something that is told once in a while, with how often it was not.
#[derive(Debug, Default)]
struct Seldom {
    last: Option<Instant>,
    missed: u64,
}

impl Seldom {
    /// Whether it is to be told now, and how often it was not since the last time.
    fn now(&mut self) -> Option<u64> {
        if self.last.is_some_and(|last| last.elapsed() < QUIET) {
            self.missed += 1;
            return None;
        }
        self.last = Some(Instant::now());
        Some(std::mem::take(&mut self.missed))
    }
}

fn tell_standing(standing: Standing) {
    let line = match standing {
        Standing { running: 0, waiting: 0 } => "idle".to_owned(),
        Standing { running, waiting } => format!("{running} running, {waiting} waiting"),
    };
    tell(&[NotifyState::Status(&line)]);
}

/// Without systemd it says nothing.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}
