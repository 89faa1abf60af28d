//! A Unix socket to listen on: one that systemd hands over, or one of our own.
//!
//! Ours lies in a folder that nobody else may write, has its mode from its first moment on, takes no other
//! process's place, and goes when we go.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use tsmgate_pki::kind_text;
use tsmgate_settings::sockets;
use tsmgate_text::escape;

/// A socket of this host that is listened on, as it is handed over or made.
pub(crate) type LocalListener = UnixListener;

/// The same for the runtime, which makes it wait for nobody.
pub(crate) fn tokio_listener(listener: LocalListener) -> io::Result<tokio::net::UnixListener> {
    listener.set_nonblocking(true)?;
    tokio::net::UnixListener::from_std(listener)
}

/// A connection within this host.
pub(crate) type LocalStream = tokio::net::UnixStream;

/// Why there is no socket to listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ListenFault {
    /// Others could put a socket of theirs in its place.
    #[error("{0}")]
    Folder(String),
    /// Another process listens there.
    #[error("another process listens there")]
    Taken,
    /// Something else is there.
    #[error("something that is no socket is there")]
    NotASocket,
    /// It cannot be given to whom it was to be given.
    #[error("cannot give it away: {}", kind_text(*.0))]
    Owner(io::ErrorKind),
    /// Another answer of the system.
    #[error("{}", kind_text(*.0))]
    System(io::ErrorKind),
    /// What systemd handed over cannot be listened on.
    #[error("{0}")]
    Passed(String),
}

/// Who may connect to a socket of ours, by its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    /// Its permission bits.
    pub(crate) mode: u32,
    /// Whose it is to be, where not ours.
    pub(crate) user: Option<u32>,
    /// Whose group's it is to be, where not ours.
    pub(crate) group: Option<u32>,
}

/// The file of a socket of ours. Removed when this is dropped, unless another one stands in its place.
#[derive(Debug)]
pub(crate) struct OwnFile {
    path: PathBuf,
    device_and_inode: (u64, u64),
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.device_and_inode) {
            // gone already is as good as removed
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The one listening socket that systemd hands over, where it hands over any.
pub(crate) fn passed() -> Result<Option<UnixListener>, ListenFault> {
    let fault = |what: String| ListenFault::Passed(what);
    let mut passed = ListenFd::from_env();
    // whoever came to another one would wait for ever
    if passed.len() > 1 {
        let count = passed.len();
        return Err(fault(format!("there are {count}; the unit needs one ListenStream=")));
    }
    let listener = passed.take_unix_listener(0).map_err(|error| fault(error.to_string()))?;
    let Some(listener) = listener else { return Ok(None) };
    if !socket_acceptconn(&listener).map_err(|errno| fault(errno.to_string()))? {
        return Err(fault("it does not listen; the unit needs Accept=no".to_owned()));
    }
    listener.set_nonblocking(true).map_err(|error| fault(error.to_string()))?;
    Ok(Some(listener))
}

/// A socket of our own.
pub(crate) fn bind(path: &Path, access: Access) -> Result<(UnixListener, OwnFile), ListenFault> {
    let system = |error: io::Error| ListenFault::System(error.kind());
    let folder = |error: io::Error| ListenFault::Folder(escape(error.to_string().as_bytes()));
    sockets::check_folder(path).map_err(folder)?;
    sockets::free(path).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ListenFault::Taken,
        kind => ListenFault::System(kind),
    })?;
    let listener = sockets::listen_for_us(path).map_err(|error| match error.kind() {
        // what was a socket has been removed
        io::ErrorKind::AddrInUse => ListenFault::NotASocket,
        kind => ListenFault::System(kind),
    })?;
    let file = OwnFile { path: path.to_owned(), device_and_inode: identity(path).map_err(system)? };
    if access.user.is_some() || access.group.is_some() {
        let given = chown(path, access.user, access.group);
        given.map_err(|error| ListenFault::Owner(error.kind()))?;
    }
    std::fs::set_permissions(path, Permissions::from_mode(access.mode)).map_err(system)?;
    Ok((listener, file))
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}
