//! One question to the status socket, in HTTP/1.1, and its answer: bounded in size and time.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

/// The longest answer, in bytes.
const LIMIT: usize = 1024 * 1024;

/// What the gate answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// The code of HTTP.
    pub(super) code: u16,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// Nobody listens, or who does cannot be reached.
    Unreachable(io::Error),
    /// Closed before a word: that is how the gate treats who may not ask.
    Closed,
    /// Not in time.
    Late,
    /// Something else answers.
    Strange,
}

impl fmt::Display for Silence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(formatter, "no gate answers: {error}"),
            Self::Closed => formatter.write_str("closed without an answer"),
            Self::Late => formatter.write_str("no answer in time"),
            Self::Strange => formatter.write_str("what answers there is not this gate"),
        }
    }
}

impl Silence {
    pub(super) fn hint(&self) -> &'static str {
        let denied = |error: &io::Error| matches!(error.kind(), io::ErrorKind::PermissionDenied);
        match self {
            Self::Unreachable(error) if denied(error) => ONLY_OURS,
            Self::Closed => ONLY_OURS,
            Self::Unreachable(_) => {
                "does it run? Under systemd: systemctl status tsmgated; otherwise --socket says where it is"
            }
            Self::Late => "is it stuck? journalctl -u tsmgated has its log",
            Self::Strange => "do this program and the running gate have the same version?",
        }
    }
}

const ONLY_OURS: &str = "only root and the gate's own user may ask: sudo tsmgated …";

/// Asks and waits for the whole answer.
pub(super) fn ask(
    path: &Path,
    method: &str,
    target: &str,
    time: Duration,
) -> Result<Reply, Silence> {
    let end = Instant::now() + time;
    let mut stream = connected(path, time).map_err(silence)?;
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    // where the gate closed at once there may still be nothing to read, which says the same
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Silence::Late);
        }
        stream.set_read_timeout(Some(left)).map_err(Silence::Unreachable)?;
        let count = match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
            Err(error) => return Err(silence(error)),
        };
        answer.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if answer.len() > LIMIT {
            return Err(Silence::Strange);
        }
    }
    if answer.is_empty() {
        return Err(Silence::Closed);
    }
    parsed(&answer).ok_or(Silence::Strange)
}

/// A connection; where the other side's queue is full, that is waited for no longer than this.
fn connected(path: &Path, time: Duration) -> io::Result<UnixStream> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_timeout(&socket, Timeout::Send, Some(time))?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(UnixStream::from(socket))
}

fn silence(error: io::Error) -> Silence {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Silence::Late,
        _ => Silence::Unreachable(error),
    }
}

/// The code and the body of an answer that has its length in its header, as this gate's do.
fn parsed(answer: &[u8]) -> Option<Reply> {
    let split = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let (head, body) = answer.split_at_checked(split)?;
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let (version, rest) = lines.next()?.split_once(' ')?;
    let code = rest.get(..3)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    let body = body.get(4..)?;
    (version == "HTTP/1.1" && body.len() == length).then(|| Reply { code, body: body.to_vec() })
}
