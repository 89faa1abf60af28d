//! The body of an answer: whole, in pieces, without end, or broken off.
//!
//! It makes long bodies as they are read and never holds them.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Blanks: after a JSON value they change nothing.
static FILLER: [u8; 64 * 1024] = [b' '; 64 * 1024];

/// A part of a body.
#[derive(Debug)]
pub(super) enum Part {
    /// A chunk of its own.
    Piece(Bytes),
    /// So many blanks; without a number, for ever.
    Filler(Option<u64>),
}

pub(super) struct Content {
    parts: VecDeque<Part>,
    /// Told to the reader beforehand, if at all.
    length: Option<u64>,
    pause: Option<Duration>,
    resting: Option<Pin<Box<Sleep>>>,
    breaks: bool,
    yielded: bool,
}

impl Content {
    pub(super) fn whole(bytes: Bytes) -> Self {
        let length = Some(bytes.len() as u64);
        Self { length, ..Self::parts([Part::Piece(bytes)]) }
    }

    /// One part after the other, their length not told.
    pub(super) fn parts(parts: impl IntoIterator<Item = Part>) -> Self {
        Self {
            parts: parts.into_iter().collect(),
            length: None,
            pause: None,
            resting: None,
            breaks: false,
            yielded: false,
        }
    }

    /// So many bytes, their number told beforehand.
    pub(super) fn huge(bytes: u64) -> Self {
        Self { length: Some(bytes), ..Self::parts([Part::Filler(Some(bytes))]) }
    }

    /// Chunk after chunk, for ever.
    pub(super) fn endless() -> Self {
        Self::parts([Part::Filler(None)])
    }

    /// With so long a pause before each piece.
    pub(super) fn slowly(self, pause: Duration) -> Self {
        Self { pause: Some(pause), resting: Some(Box::pin(sleep(pause))), ..self }
    }

    /// Breaks off where it should end.
    pub(super) fn broken(self) -> Self {
        Self { breaks: true, length: None, ..self }
    }

    fn next_piece(&mut self) -> Option<Bytes> {
        let whole = FILLER.len() as u64;
        match self.parts.pop_front()? {
            Part::Piece(piece) => Some(piece),
            Part::Filler(left) => {
                let length = left.map_or(whole, |left| left.min(whole));
                let left = left.map(|left| left - length);
                if left != Some(0) {
                    self.parts.push_front(Part::Filler(left));
                }
                let length = usize::try_from(length).unwrap_or(FILLER.len());
                FILLER.get(..length).map(Bytes::from_static)
            }
        }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(resting) = &mut self.resting {
            ready!(resting.as_mut().poll(context));
            self.resting = None;
        }
        if let Some(piece) = self.next_piece() {
            self.resting = self.pause.map(|pause| Box::pin(sleep(pause)));
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if !self.breaks {
            return Poll::Ready(None);
        }
        if !self.yielded {
            // what was given so far leaves first
            self.yielded = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
