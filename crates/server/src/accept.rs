//! The accept loop: a slot first, then a connection, then a task for it.
//!
//! Errors are told apart by who caused them. Out of descriptors or memory the loop waits, longer each
//! time, says so once a second, and goes on by itself when it can.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep};

use crate::systemd::Watchdog;

/// First pause after the system had nothing left; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often the operator is told of an error that goes on.
const COMPLAINT: Duration = Duration::from_secs(1);

/// A connection the listener accepted.
#[derive(Debug)]
pub struct Arrival<S = TcpStream, P = SocketAddr> {
    /// The socket.
    pub(crate) stream: S,
    /// The other end.
    pub(crate) peer: P,
    /// When it was accepted: the handshake's deadline counts from here.
    pub(crate) at: Instant,
    /// Its number at this listener in this life of the daemon.
    pub(crate) number: u64,
}

impl<S, P> Arrival<S, P> {
    /// All that is known of it: the socket, the other end, when it was accepted, its number.
    pub fn into_parts(self) -> (S, P, Instant, u64) {
        (self.stream, self.peer, self.at, self.number)
    }
}

impl Arrival {
    /// The socket alone, for who needs no more than that.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }
}

/// What connections come to.
pub trait Listener {
    /// A connection.
    type Stream;
    /// What is known of its other end.
    type Peer;

    /// Takes the next one.
    ///
    /// # Errors
    /// As the system's.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Stream, Self::Peer)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    type Peer = SocketAddr;

    async fn next(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept().await
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;
    /// Its address says nothing: who it is, the stream is asked.
    type Peer = ();

    async fn next(&self) -> io::Result<(UnixStream, ())> {
        self.accept().await.map(|(stream, _)| (stream, ()))
    }
}

/// Accepts until `stop` turns true; at most `slots` connections exist at once. Each runs as its own
/// task, so that a panic ends one connection and nothing else. The watchdog is fed by this loop and by
/// nothing else: it starves when the loop is stuck.
pub async fn accept<L, F, T>(
    listener: L,
    slots: usize,
    mut watchdog: Watchdog,
    mut stop: watch::Receiver<bool>,
    connection: F,
) -> JoinSet<()>
where
    L: Listener,
    F: Fn(Arrival<L::Stream, L::Peer>) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(slots));
    let mut connections = JoinSet::new();
    let mut backoff = Backoff::default();
    let mut number = 0;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return connections,
            () = watchdog.fed() => continue,
            Some(ended) = connections.join_next() => {
                complain_of_panic(&ended);
                continue;
            }
            accepted = one(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((slot, stream, peer)) => {
                backoff.over();
                number += 1;
                let arrival = Arrival { stream, peer, at: Instant::now(), number };
                // in a box: a future that waits for another by value has room for it twice
                let served = Box::pin(connection(arrival));
                connections.spawn(async move {
                    served.await;
                    drop(slot);
                });
                // it is admitted before the next one comes: of a burst the runtime begins with the last, and
                // who came first would have to make room for it
                yield_now().await;
            }
            Err(error) => backoff.after(&error).await,
        }
    }
}

async fn one<L: Listener>(
    listener: &L,
    slots: &Arc<Semaphore>,
) -> io::Result<(OwnedSemaphorePermit, L::Stream, L::Peer)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.next().await?;
    Ok((slot, stream, peer))
}

/// Reports a connection that ended in a panic.
pub fn complain_of_panic(ended: &Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection ended in a panic; please report it");
    }
}

#[derive(Debug, Default)]
struct Backoff {
    pause: Option<Duration>,
    complained: Option<Instant>,
}

impl Backoff {
    /// One was accepted. What was said of the last error is remembered: at the very limit good and bad
    /// take turns, and the log would have a line for each.
    fn over(&mut self) {
        self.pause = None;
    }

    async fn after(&mut self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
            // the peer was gone before we took it: nothing of ours is wrong
            return;
        }
        let now = Instant::now();
        if self.complained.is_none_or(|last| now >= last + COMPLAINT) {
            tracing::error!(%error, "cannot accept connections; trying again");
            self.complained = Some(now);
        }
        let pause = self.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
        self.pause = Some(pause);
        sleep(pause).await;
    }
}
