//! The socket: one that systemd hands over, or one of our own, which only who may ask can reach.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use tsmgate_settings::sockets;

use crate::config::Config;

/// A socket that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {place}: {cause}")]
pub struct ListenFault {
    place: String,
    cause: io::Error,
}

/// Takes the socket that systemd hands over, or opens the configured one.
///
/// # Errors
/// It cannot be opened, what was handed over is not one listening Unix socket, or others could replace ours.
pub fn open(config: &Config) -> Result<UnixListener, ListenFault> {
    match passed()? {
        Some(listener) => Ok(listener),
        None => bind(config),
    }
}

fn passed() -> Result<Option<UnixListener>, ListenFault> {
    let place = || "the socket that systemd handed over".to_owned();
    let fault = |cause| ListenFault { place: place(), cause };
    let wrong = |what: String| fault(io::Error::new(io::ErrorKind::InvalidInput, what));
    let mut passed = ListenFd::from_env();
    // whoever came to another one would wait for ever
    if passed.len() > 1 {
        let what = format!("there are {}; the socket unit needs one ListenStream=", passed.len());
        return Err(wrong(what));
    }
    let Some(listener) = passed.take_unix_listener(0).map_err(fault)? else { return Ok(None) };
    if !socket_acceptconn(&listener).map_err(|errno| fault(errno.into()))? {
        return Err(wrong("it does not listen; the socket unit needs Accept=no".to_owned()));
    }
    listener.set_nonblocking(true).map_err(fault)?;
    Ok(Some(listener))
}

/// Ours is for our user alone from its first moment on, for the process has that mask. Where the users who may ask
/// have a group and we may give it away, the group gets in as well; who it is is asked all the same.
fn bind(config: &Config) -> Result<UnixListener, ListenFault> {
    let path = &config.socket;
    let fault = |cause| ListenFault { place: path.display().to_string(), cause };
    sockets::check_folder(path).map_err(fault)?;
    sockets::free(path).map_err(fault)?;
    let listener = UnixListener::bind(path).map_err(fault)?;
    listener.set_nonblocking(true).map_err(fault)?;
    let given = config.users_group.is_some_and(|group| chown(path, None, Some(group)).is_ok());
    let mode = if given { 0o660 } else { 0o600 };
    std::fs::set_permissions(path, Permissions::from_mode(mode)).map_err(fault)?;
    Ok(listener)
}
