//! One process from its start to the last of what it started: its output is read, its time is limited, and what
//! was asked to end and does not is killed.

use std::future::Future;
use std::pin::{Pin, pin};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tsmgate_catalogue::runner::Id;
use zeroize::Zeroizing;

use crate::desk::{Desk, Wish};
use crate::family;
use crate::mask::Secrets;
use crate::output::{Lines, Stream};
use crate::process::{Pipes, Started};

/// From SIGTERM to SIGKILL; and how long a killed process may take to go.
const GRACE: Duration = Duration::from_secs(5);
/// How long the pipes of a process that is over may be held open by what it started.
const LINGER: Duration = Duration::from_secs(2);
/// How long closed pipes may take to be read to their end.
const DRAIN: Duration = Duration::from_secs(1);
/// How much is read at once, in bytes.
const PART: usize = 16 * 1024;
/// Output that is thrown away is read no faster than this many bytes…
const DISCARDED: usize = 1024 * 1024;
/// …in this time.
const PACE: Duration = Duration::from_millis(20);

/// How a process is attended.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    /// When it is ended.
    pub(crate) until: Instant,
    /// Whether it is also ended when the command is cancelled.
    pub(crate) cancels: bool,
    /// What is masked in its output.
    pub(crate) secrets: Secrets,
    /// Whether what looks secret is taken out of its output.
    pub(crate) redacts: bool,
}

/// Why a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// By itself.
    Over,
    /// It was wanted.
    Wish(Wish),
    /// It took too long.
    TooLong,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Attended {
    pub(crate) why: Why,
    /// `None`: it could not be ended.
    pub(crate) status: Option<ExitStatus>,
    /// Nothing of what it started is left.
    pub(crate) clean: bool,
}

/// Attends a process to its end.
pub(crate) async fn attend(
    desk: &Desk,
    id: &Id,
    mut started: Started,
    pipes: Pipes,
    manner: &Manner,
    wish: &mut watch::Receiver<Wish>,
) -> Attended {
    let lines = |stream| Lines::new(stream, manner.secrets.clone(), manner.redacts);
    let both = async {
        tokio::join!(
            pump(desk, id, pipes.out, lines(Stream::Out)),
            pump(desk, id, pipes.err, lines(Stream::Err)),
        );
    };
    let mut both = Beside { work: pin!(both), done: false };
    let why = both
        .until(async {
            tokio::select! {
                // an end that was there first is the end
                biased;
                () = started.over() => Why::Over,
                wish = wanted(wish, manner.cancels) => Why::Wish(wish),
                () = sleep_until(manner.until) => Why::TooLong,
            }
        })
        .await;
    if manner.cancels {
        desk.settles(id);
    }
    if why != Why::Over {
        started.signal(Signal::TERM);
        if both.until(timeout(GRACE, started.over())).await.is_err() {
            started.signal(Signal::KILL);
            let _ = both.until(timeout(GRACE, started.over())).await;
        }
    }
    // what it started may still have something to say, but not for long
    both.finish(LINGER).await;
    let status = started.reap();
    let clean = both.until(family::end_strays()).await;
    both.finish(DRAIN).await;
    if status.is_none() || !clean {
        tracing::error!(command = %id, "a process cannot be ended");
    }
    Attended { why, status, clean }
}

/// Waits until something else is wanted than to go on.
async fn wanted(wish: &mut watch::Receiver<Wish>, cancels: bool) -> Wish {
    let heard = |wish: &Wish| match wish {
        Wish::Go => false,
        Wish::Cancel => cancels,
        Wish::Stop => true,
    };
    match wish.wait_for(heard).await {
        Ok(wish) => *wish,
        // the desk outlives whatever runs
        Err(_) => Wish::Stop,
    }
}

/// Work that goes on while something else is waited for.
struct Beside<'a, W> {
    work: Pin<&'a mut W>,
    done: bool,
}

impl<W: Future<Output = ()>> Beside<'_, W> {
    async fn until<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = pin!(other);
        loop {
            tokio::select! {
                biased;
                out = &mut other => return out,
                () = self.work.as_mut(), if !self.done => self.done = true,
            }
        }
    }

    async fn finish(&mut self, most: Duration) {
        if !self.done {
            self.done = timeout(most, self.work.as_mut()).await.is_ok();
        }
    }
}

/// Reads a pipe to its end, no faster than what is read can be kept or thrown away.
async fn pump(desk: &Desk, id: &Id, mut pipe: Receiver, mut lines: Lines) {
    let mut part = Zeroizing::new([0; PART]);
    let mut discarded = 0;
    while let Ok(count @ 1..) = pipe.read(part.as_mut_slice()).await {
        let told = lines.take(part.get(..count).unwrap_or_default());
        if desk.printed(id, count, told) {
            discarded += count;
        }
        if discarded >= DISCARDED {
            discarded = 0;
            sleep(PACE).await;
        }
    }
    desk.printed(id, 0, lines.end());
}
