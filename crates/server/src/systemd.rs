//! What the service manager is told: ready, reloading, stopping, a line for people, and that the accept
//! loop still turns.
//!
//! Without systemd (no `NOTIFY_SOCKET`) all of it says nothing. A message that cannot be sent is logged
//! and changes nothing else.

use std::ffi::OsStr;
use std::future::pending;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How long a manager that is busy is waited for: nothing of ours hangs on it.
const BUSY: Duration = Duration::from_secs(1);

/// The longest line for people, in bytes.
pub const LINE_LIMIT: usize = 1024;

/// Everything is loaded, checked and listening; `line` is for people.
pub fn ready(line: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(bounded(line))]);
}

/// Everything is read anew; [`ready`] ends it. systemd 253 and later want the time in the same message.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "systemd is not told of the reload"),
    }
}

/// The end has begun.
pub fn stopping() {
    send(&[NotifyState::Stopping, NotifyState::Status("stopping: calls under way may finish")]);
}

/// A line for people, as `systemctl status` shows it.
pub fn status(line: &str) {
    send(&[NotifyState::Status(bounded(line))]);
}

/// The beginning of a line, of at most [`LINE_LIMIT`] bytes and whole characters, and no further than a
/// line feed: what follows one would be another message to the manager.
pub fn bounded(line: &str) -> &str {
    let line = line.split('\n').next().unwrap_or_default();
    let end = (0..=LINE_LIMIT.min(line.len())).rev().find(|&end| line.is_char_boundary(end));
    line.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// The way to the manager. It is kept open: a daemon that is out of descriptors could not open it again,
/// and would be taken for stuck.
static MANAGER: Mutex<Option<UnixDatagram>> = Mutex::new(None);

fn send(states: &[NotifyState<'_>]) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) else {
        return;
    };
    let message: String = states.iter().map(|state| format!("{state}\n")).collect();
    if let Err(error) = deliver(&socket, message.as_bytes()) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}

fn deliver(socket: &OsStr, message: &[u8]) -> io::Result<()> {
    let mut manager = MANAGER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(open) = manager.as_ref()
        && open.send(message).is_ok()
    {
        return Ok(());
    }
    // the first time, or the manager has made itself another socket
    let fresh = UnixDatagram::unbound()?;
    fresh.set_write_timeout(Some(BUSY))?;
    match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => fresh.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        None => fresh.connect(socket)?,
    }
    fresh.send(message)?;
    *manager = Some(fresh);
    Ok(())
}

/// The watchdog's food, to be given by the accept loop itself: a timer of its own would go on when the
/// loop is stuck.
#[derive(Debug)]
pub struct Watchdog(Option<Interval>);

impl Watchdog {
    /// As `WatchdogSec=` of the unit says; without one it never asks for food.
    pub fn from_env() -> Self {
        Self(sd_notify::watchdog_enabled().map(|most| {
            // three times in that time, so that one late turn is no death
            let mut beats = interval((most / 3).max(Duration::from_millis(1)));
            beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
            beats
        }))
    }

    /// One that never asks for food, for a loop beside the one that feeds.
    pub fn none() -> Self {
        Self(None)
    }

    /// Waits until it is due, and feeds it.
    pub async fn fed(&mut self) {
        match &mut self.0 {
            Some(beats) => {
                beats.tick().await;
                send(&[NotifyState::Watchdog]);
            }
            None => pending().await,
        }
    }
}
