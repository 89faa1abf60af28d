//! What the service manager is told: ready, reloading, stopping, a line for people, and that the accept
//! loop still turns.
//!
//! Without systemd (no `NOTIFY_SOCKET`) all of it says nothing. A message that cannot be sent is logged
//! and changes nothing else.

use std::future::pending;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Everything is loaded, checked and listening; `line` is for people.
pub fn ready(line: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(line)]);
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
    send(&[NotifyState::Status(line)]);
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd cannot be told");
    }
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
