//! A request's body, read whole: with its length known or in chunks, within a size and a pace.
//!
//! It is read before TSM is asked, so that nothing of a request that turns out to be wrong has reached it,
//! and so that a request can be repeated when the session had ended.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

use super::head::Framing;

/// The slowest pace that is waited for, in bytes a second.
const PACE: usize = 1024;
/// All that may stand behind the sizes of a body's chunks, in bytes.
const EXTENSIONS_LIMIT: usize = 256;
/// The longest line that says a chunk's size, in bytes.
const SIZE_LINE_LIMIT: usize = 16 + EXTENSIONS_LIMIT;
/// The most hexadecimal digits of a chunk's size.
const SIZE_DIGITS: usize = 8;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFault {
    /// More than the limit.
    TooLarge,
    /// Slower than [`PACE`], with `patience` for the beginning.
    TooSlow,
    /// The peer went away.
    Gone,
    /// Chunks that are none; what is wrong.
    Bad(&'static str),
}

/// Reads bytes of a peer's that come behind its header.
pub(super) struct Reader<'a, S> {
    pub(super) stream: &'a mut S,
    /// What was read and belongs to nobody yet.
    pub(super) buffer: &'a mut BytesMut,
    pub(super) limit: usize,
    /// How long the first byte may take.
    pub(super) patience: Duration,
    begun: Instant,
    received: usize,
}

impl<'a, S: AsyncRead + Unpin> Reader<'a, S> {
    pub(super) fn new(
        stream: &'a mut S,
        buffer: &'a mut BytesMut,
        limit: usize,
        patience: Duration,
    ) -> Self {
        Self { stream, buffer, limit, patience, begun: Instant::now(), received: 0 }
    }

    /// The whole body.
    pub(super) async fn read(mut self, framing: Framing) -> Result<Vec<u8>, BodyFault> {
        match framing {
            Framing::None => Ok(Vec::new()),
            Framing::Length(length) => {
                let length = usize::try_from(length).ok().filter(|length| *length <= self.limit);
                let length = length.ok_or(BodyFault::TooLarge)?;
                // of the full size at once: a vector that grows leaves unwiped copies behind
                let mut body = Vec::with_capacity(length);
                self.take(length, &mut body).await?;
                Ok(body)
            }
            Framing::Chunked => self.chunks().await,
        }
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, BodyFault> {
        let mut body = Vec::new();
        let mut extensions = 0;
        loop {
            let (size, extension) = self.size().await?;
            extensions += extension;
            if extensions > EXTENSIONS_LIMIT {
                return Err(BodyFault::Bad("too much behind the sizes of chunks"));
            }
            if size > self.limit.saturating_sub(body.len()) {
                return Err(BodyFault::TooLarge);
            }
            if size > 0 {
                self.take(size, &mut body).await?;
            }
            let mut end = Vec::with_capacity(2);
            self.take(2, &mut end).await?;
            match (end.as_slice(), size) {
                (b"\r\n", 0) => return Ok(body),
                (b"\r\n", _) => {}
                (_, 0) => return Err(BodyFault::Bad("fields behind the last chunk")),
                _ => return Err(BodyFault::Bad("a chunk does not end where it said")),
            }
        }
    }

    /// A line that says a chunk's size: the size, and how much else there was in it.
    async fn size(&mut self) -> Result<(usize, usize), BodyFault> {
        const BAD: BodyFault = BodyFault::Bad("a chunk without a size");
        let line = loop {
            let seen =
                self.buffer.get(..SIZE_LINE_LIMIT.min(self.buffer.len())).unwrap_or_default();
            match memchr::memchr(b'\n', seen) {
                Some(at) => break self.buffer.split_to(at + 1),
                None if seen.len() == SIZE_LINE_LIMIT => return Err(BAD),
                None => self.more().await?,
            }
        };
        let line = line.strip_suffix(b"\r\n").ok_or(BAD)?;
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (size, extension) = line.split_at_checked(digits).ok_or(BAD)?;
        let visible = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t');
        let other = !extension.is_empty() && extension.first() != Some(&b';');
        if !(1..=SIZE_DIGITS).contains(&digits) || other || !extension.iter().all(visible) {
            return Err(BAD);
        }
        let size =
            std::str::from_utf8(size).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        Ok((size.ok_or(BAD)?, extension.len()))
    }

    /// So many bytes, no more.
    async fn take(&mut self, mut count: usize, into: &mut Vec<u8>) -> Result<(), BodyFault> {
        loop {
            let here = count.min(self.buffer.len());
            into.extend_from_slice(self.buffer.get(..here).unwrap_or_default());
            self.buffer.advance(here);
            count -= here;
            if count == 0 {
                return Ok(());
            }
            self.more().await?;
        }
    }

    /// Waits for more, but no longer than the pace allows: who sends a byte a second is too slow too.
    async fn more(&mut self) -> Result<(), BodyFault> {
        let seconds = u64::try_from(self.received / PACE).unwrap_or(u64::MAX);
        let deadline = self.begun + self.patience + Duration::from_secs(seconds);
        match timeout_at(deadline, self.stream.read_buf(self.buffer)).await {
            Err(_) => Err(BodyFault::TooSlow),
            Ok(Err(_) | Ok(0)) => Err(BodyFault::Gone),
            Ok(Ok(count)) => {
                self.received += count;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
