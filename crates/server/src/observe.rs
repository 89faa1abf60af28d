//! The little HTTP server for who watches the gate: metrics on one door, status and reload on another.
//!
//! It answers a handful of fixed paths, one request a connection, and reads no body. It has no way to
//! the gate's work but through [`Observed`], and nothing here reaches TSM.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use tsmgate_text::escape;

use crate::drain::farewell;
use crate::metrics::Metrics;
use crate::status::Status;
use answer::Desk;

mod answer;

/// Connections at once; further ones are closed unread.
pub const CONNECTIONS: usize = 16;
/// The longest header of a request, in bytes.
pub const HEADER_LIMIT: usize = 8 * 1024;
/// How long a request's header may take.
pub const HEADER_TIME: Duration = Duration::from_secs(5);
/// How long a reload is waited for; it goes on beyond that.
pub const RELOAD_TIME: Duration = Duration::from_secs(60);
/// How long a connection that cannot reload may last.
const LIFE: Duration = Duration::from_secs(60);
/// How long one may last that can: header, reload, and a little for the answer.
const LIFE_WITH_RELOAD: Duration = Duration::from_secs(75);
/// After the system could not accept; also how often that is said.
const PAUSE: Duration = Duration::from_secs(1);
/// The most words of a sentence that are shown.
const WORDS: usize = 400;

/// What may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// `/metrics`, `/healthz` and `/readyz`, `/status`, and `POST /reload`. For root and our own user
    /// alone; nobody else is answered.
    Status,
    /// `/metrics`, `/healthz` and `/readyz`, for whoever comes through. Over TCP only under a name of
    /// this host, so that no web page can have a browser look.
    Metrics,
}

/// Who is asked.
pub trait Observed: Send + Sync + 'static {
    /// The picture of this moment.
    fn status(&self) -> Status;
    /// The counts.
    fn metrics(&self) -> &Metrics;
    /// Reads everything anew. A door asks for one at a time.
    ///
    /// # Errors
    /// What is wrong, for a person; what was there before is still in force.
    fn reload(&self) -> impl Future<Output = Result<(), String>> + Send;
}

/// Where a door is.
#[derive(Debug)]
pub enum Listener {
    /// A Unix socket. Who may connect to it is its file's business.
    Unix(UnixListener),
    /// A loopback port; never for [`Door::Status`], where nobody would be answered.
    Tcp(TcpListener),
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Listener {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Unix(listener) => Ok(Stream::Unix(listener.accept().await?.0)),
            Self::Tcp(listener) => Ok(Stream::Tcp(listener.accept().await?.0)),
        }
    }
}

/// Answers until dropped; its connections end with it, but not a reload that has begun.
pub async fn serve<O: Observed>(listener: Listener, door: Door, observed: Arc<O>) {
    let desk = Arc::new(Desk { door, observed, reloaded: Arc::default() });
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        // some may have ended between that select and this line
        while connections.try_join_next().is_some() {}
        match accepted {
            Err(error) => {
                tracing::error!(%error, ?door, "cannot accept who wants to look; trying again");
                sleep(PAUSE).await;
            }
            // dropped: that closes it
            Ok(_) if connections.len() >= CONNECTIONS => {}
            Ok(stream) if door == Door::Status && !is_ours(&stream) => drop(stream),
            Ok(Stream::Unix(stream)) => {
                connections.spawn(converse(stream, Arc::clone(&desk), false));
            }
            Ok(Stream::Tcp(stream)) => {
                connections.spawn(converse(stream, Arc::clone(&desk), true));
            }
        }
    }
}

/// Whether root or our own user is at the other end, as the kernel says.
fn is_ours(stream: &Stream) -> bool {
    let Stream::Unix(stream) = stream else { return false };
    let ours = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == 0 || peer.uid() == ours)
}

/// One request and its answer.
async fn converse<S, O>(mut stream: S, desk: Arc<Desk<O>>, over_tcp: bool)
where
    S: AsyncRead + AsyncWrite + Unpin,
    O: Observed,
{
    let life = if desk.door == Door::Status { LIFE_WITH_RELOAD } else { LIFE };
    let _ = timeout(life, async {
        let desk = &desk;
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .max_header_size(HEADER_LIMIT)
            .max_buf_size(HEADER_LIMIT)
            .keep_alive(false)
            // who says that he has no more to say waits for the answer all the same
            .half_close(true)
            .serve_connection(
                TokioIo::new(&mut stream),
                service_fn(|request| async move {
                    Ok::<_, Infallible>(desk.answer(&request, over_tcp).await)
                }),
            )
            .await;
        // what is wrong with a request was said to who sent it
        drop(served);
        // a body that nobody read would take the answer with it
        farewell(&mut stream, true).await;
    })
    .await;
}

/// A sentence of any sensible length as visible text: each word of it as [`escape`] shows it.
pub(crate) fn visible(sentence: &str) -> String {
    sentence.split_inclusive(' ').take(WORDS).map(escape).collect()
}
