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
/// The same of a client in the middle of a body, in bytes: there are many that write all of it before they
/// look for an answer.
const BODY: usize = 16 * 1024 * 1024;

/// Ends a connection from our side; where the peer was told something last, waits up to a second for it
/// to close too.
pub async fn farewell(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), last_words: bool) {
    end(stream, if last_words { MANNERS } else { 0 }).await;
}

/// The same after an answer to a request of a known client, of whose body not all was read.
pub async fn farewell_in_body(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    end(stream, BODY).await;
}

async fn end(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), most: usize) {
    let _ = timeout(FAREWELL, async {
        stream.shutdown().await?;
        discard(stream, most).await
    })
    .await;
}

/// Reads and forgets until the peer closes or has sent so much.
async fn discard(stream: &mut (impl AsyncRead + Unpin), most: usize) -> io::Result<()> {
    // on the heap: every connection could come to this, and few are there at a time
    let mut bin = vec![0; 1024];
    let mut seen = 0;
    while seen < most {
        match stream.read(&mut bin).await? {
            0 => break,
            count => seen += count,
        }
    }
    Ok(())
}
