//! The login server behind all targets: constant bytes, as fast as can be. Its cost is nobody's.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tsmgate_wire::{Answer, Cookie, Login, Secret, encode_reply};

/// The sequence number of every call, the clients' and `tsmgated`'s own.
pub const SEQUENCE: i32 = 1;
/// The length of a call, in bytes.
pub const CALL: usize = 18;
/// The cookie's length, in bytes: the whole reply is then as long as a real one.
const COOKIE: usize = 600;

/// The one cookie's value: as a real one it has no pattern.
pub fn cookie() -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = |seed: &u32| Some(seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let numbers = std::iter::successors(Some(1_u32), next);
    numbers.map(|number| char::from(letters[(number >> 26) as usize])).take(COOKIE).collect()
}

/// The one reply there is.
pub fn reply() -> anyhow::Result<Vec<u8>> {
    let cookie = Cookie::new("AUTH_COOKIE".to_owned(), Secret::new(cookie()), 7200)?;
    let answer = Answer::Granted(Login { username: "tsmsvc".to_owned(), cookie });
    Ok(encode_reply(SEQUENCE, &answer).to_vec())
}

/// Serves on this socket until the program ends; counts the calls it answered.
pub fn start(socket: &Path, reply: Vec<u8>) -> io::Result<Arc<AtomicU64>> {
    let listener = UnixListener::bind(socket)?;
    let answered = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&answered);
    let reply: Arc<[u8]> = reply.into();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (reply, count) = (Arc::clone(&reply), Arc::clone(&count));
            // a proxy may be slow to close one connection, and must not wait with its next one
            std::thread::spawn(move || converse(stream, &reply, &count));
        }
    });
    Ok(answered)
}

/// Answers calls until the other side closes or goes away.
fn converse(mut stream: UnixStream, reply: &[u8], answered: &AtomicU64) {
    let mut call = [0; CALL];
    while stream.read_exact(&mut call).is_ok() && stream.write_all(reply).is_ok() {
        answered.fetch_add(1, Ordering::Relaxed);
    }
}
