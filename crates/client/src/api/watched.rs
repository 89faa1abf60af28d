//! The bytes under HTTP, watched: whether the peer said anything, and what TLS had to say of its end.
//!
//! The HTTP library keeps neither, and a refusal by TLS 1.3 shows only here: as the error of a read.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What was seen of a stream.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Bytes that came.
    pub(super) received: u64,
    /// The first error, if there was one.
    pub(super) error: Option<io::Error>,
}

/// What was seen of a stream, while the stream belongs to somebody else.
#[derive(Debug, Clone, Default)]
pub(super) struct Witness(Arc<Mutex<Seen>>);

impl Witness {
    /// Bytes that came so far.
    pub(super) fn received(&self) -> u64 {
        self.seen().received
    }

    /// The first error, once; the next caller gets none.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.seen().error.take()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that is watched.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    witness: Witness,
    write_failed: bool,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S) -> (Self, Witness) {
        let witness = Witness::default();
        (Self { stream, witness: witness.clone(), write_failed: false }, witness)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        let mut seen = self.witness.seen();
        let came = buffer.filled().len().saturating_sub(before);
        seen.received = seen.received.saturating_add(u64::try_from(came).unwrap_or(u64::MAX));
        match read {
            Ok(()) => Poll::Ready(Ok(())),
            Err(error) => {
                // the library gets the kind, the witness keeps the cause
                let kind = error.kind();
                seen.error.get_or_insert(error);
                Poll::Ready(Err(kind.into()))
            }
        }
    }
}

/// A peer that refuses us may be gone before our request is: what it said is still there to be read. So
/// a write that fails is passed over, and the read that follows says what happened.
impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.write_failed {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        Poll::Ready(Ok(written.unwrap_or_else(|_| {
            self.write_failed = true;
            bytes.len()
        })))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.write_failed {
            self.write_failed = ready!(Pin::new(&mut self.stream).poll_flush(context)).is_err();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
