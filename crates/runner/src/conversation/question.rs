//! Reading one question: a line of JSON, limited in size and time. It may hold secrets and keys: what it was read
//! into is wiped.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tsmgate_catalogue::runner::{ASK_LIMIT, Ask, Refused};
use zeroize::Zeroizing;

use super::bad;

/// How long the whole question may take.
const READ: Duration = Duration::from_secs(30);
/// A question without large files fits into this, in bytes.
const SMALL: usize = 256 * 1024;
/// Larger ones are read by so many conversations at once.
const LARGE_AT_ONCE: usize = 2;

/// What limits the questions of all conversations together.
#[derive(Debug)]
pub struct Questions {
    large: Semaphore,
}

impl Default for Questions {
    fn default() -> Self {
        Self { large: Semaphore::new(LARGE_AT_ONCE) }
    }
}

impl Questions {
    /// Reads a question.
    ///
    /// # Errors
    /// The answer to what is none; nothing where nobody waits for one.
    pub async fn read(&self, from: &mut (impl AsyncRead + Unpin)) -> Result<Ask, Option<Refused>> {
        let line = match timeout(READ, self.whole(from)).await {
            Ok(Ok(line)) => line,
            Ok(Err(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Err(Some(bad("the question is too large")));
            }
            Ok(Err(_)) => return Err(None),
            Err(_) => return Err(Some(bad("the question took too long"))),
        };
        serde_json::from_slice(&line).map_err(|error| {
            // never the fault's own words: they have pieces of the question
            Some(bad(&format!("the question is none, at its byte {}", error.column())))
        })
    }

    async fn whole(&self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut line = Zeroizing::new(Vec::with_capacity(4096));
        if read_line(from, &mut line, SMALL).await? {
            return Ok(line);
        }
        let _turn = self.large.acquire().await.map_err(io::Error::other)?;
        match read_line(from, &mut line, ASK_LIMIT).await? {
            true => Ok(line),
            false => Err(io::ErrorKind::FileTooLarge.into()),
        }
    }
}

/// Reads a line of at most `limit` bytes, without its end.
///
/// # Errors
/// There is none, or it is longer.
pub(super) async fn line(
    from: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(limit));
    match read_line(from, &mut line, limit).await? {
        true => Ok(line),
        false => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

/// Goes on with a line; whether it is complete, or `limit` bytes are there without an end. Nothing may follow a
/// line: the peer speaks when it is its turn.
async fn read_line(
    from: &mut (impl AsyncRead + Unpin),
    line: &mut Zeroizing<Vec<u8>>,
    limit: usize,
) -> io::Result<bool> {
    let mut part = Zeroizing::new([0; 16 * 1024]);
    while line.len() < limit {
        let most = part.len().min(limit - line.len());
        let count = from.read(part.get_mut(..most).unwrap_or_default()).await?;
        let read = part.get(..count).unwrap_or_default();
        if read.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (text, end) = match read.iter().position(|byte| *byte == b'\n') {
            Some(end) if end + 1 < read.len() => return Err(io::ErrorKind::InvalidData.into()),
            Some(end) => (read.get(..end).unwrap_or_default(), true),
            None => (read, false),
        };
        grow(line, text.len());
        line.extend_from_slice(text);
        if end {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A vector that grows by itself leaves its old content behind.
fn grow(line: &mut Zeroizing<Vec<u8>>, by: usize) {
    if line.capacity() - line.len() < by {
        let mut larger = Zeroizing::new(Vec::with_capacity((line.len() + by) * 2));
        larger.extend_from_slice(line);
        *line = larger;
    }
}
