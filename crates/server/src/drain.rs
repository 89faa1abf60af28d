//! Reading what nobody wants, so that the last thing we said arrives.
//!
//! A socket that is closed with unread bytes resets the connection, and the peer may lose the answer
//! that was on its way.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How long the end of a connection may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// No more than this is read for the sake of manners, in bytes.
const MANNERS: usize = 64 * 1024;

/// Ends a connection from our side; where the peer was told something last, waits up to a second for it
/// to close too.
pub async fn farewell(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), last_words: bool) {
    let _ = timeout(FAREWELL, async {
        stream.shutdown().await?;
        if last_words { discard(stream).await } else { Ok(()) }
    })
    .await;
}

/// Reads and forgets until the peer closes or has sent more than is polite.
async fn discard(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut bin = [0; 1024];
    let mut seen = 0;
    while seen < MANNERS {
        match stream.read(&mut bin).await? {
            0 => break,
            count => seen += count,
        }
    }
    Ok(())
}
