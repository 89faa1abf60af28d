//! Reading what nobody wants, so that the last thing we said arrives.
//!
//! A socket that is closed with unread bytes resets the connection, and the peer may lose the answer
//! that was on its way.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// No more than this is read for the sake of manners, in bytes.
const MANNERS: usize = 64 * 1024;

/// Reads and forgets until the peer closes or has sent more than is polite. The caller sets the
/// deadline.
///
/// # Errors
/// As the stream's.
pub async fn discard(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
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
