//! What systemd is told of a service of ours, where it is one.

use std::io;

use sd_notify::NotifyState;

/// It serves; `status` is the line that `systemctl status` shows.
pub(crate) fn ready(status: &str) -> io::Result<()> {
    sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(status)])
}

/// It is about to end.
pub(crate) fn stopping() -> io::Result<()> {
    sd_notify::notify(&[NotifyState::Stopping])
}
