//! The bytes under HTTP: keeps what a peer sent, and spoils how answers leave.
//!
//! It sees plaintext, between TLS and the HTTP code, and knows nothing of either. What it is told to
//! spoil holds from the next byte that is written until the connection ends.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::record::Line;

/// How bytes leave.
#[derive(Debug, Default)]
pub(super) struct Spoil {
    /// One byte at a time, with so long a pause after each.
    pub(super) pace: Option<Duration>,
    /// So many bytes more, then the end without a farewell.
    pub(super) cut_after: Option<usize>,
    /// These bytes instead of whatever is written, then an orderly end.
    pub(super) instead: Option<Bytes>,
}

/// How bytes leave, as the HTTP side may change it.
#[derive(Clone, Debug, Default)]
pub(super) struct Spoiler(Arc<Mutex<Spoil>>);

impl Spoiler {
    pub(super) fn set(&self, spoil: Spoil) {
        *self.get() = spoil;
    }

    fn get(&self) -> MutexGuard<'_, Spoil> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Wire<S> {
    stream: S,
    line: Arc<Line>,
    spoiler: Spoiler,
    resting: Option<Pin<Box<Sleep>>>,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, line: Arc<Line>, spoiler: Spoiler) -> Self {
        Self { stream, line, spoiler, resting: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.line.received(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    /// Writes the other bytes; always ends in an error, so that the connection ends.
    fn poll_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            let mut spoil = self.spoiler.get();
            let Some(bytes) = spoil.instead.as_mut().filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
            bytes.advance(written);
        }
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if let Some(resting) = &mut this.resting {
            ready!(resting.as_mut().poll(context));
            this.resting = None;
        }
        let (pace, cut_after) = {
            let spoil = this.spoiler.get();
            if spoil.instead.is_some() {
                drop(spoil);
                return this.poll_instead(context);
            }
            (spoil.pace, spoil.cut_after)
        };
        if cut_after == Some(0) {
            ready!(Pin::new(&mut this.stream).poll_flush(context))?;
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let most = if pace.is_some() { 1 } else { cut_after.unwrap_or(usize::MAX) };
        let bytes = bytes.get(..most.min(bytes.len())).unwrap_or_default();
        let written = ready!(Pin::new(&mut this.stream).poll_write(context, bytes))?;
        this.resting = pace.map(|pace| Box::pin(sleep(pace)));
        if let Some(left) = &mut this.spoiler.get().cut_after {
            *left = left.saturating_sub(written);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
