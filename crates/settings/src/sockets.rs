//! Unix sockets of our own: a place that is free, in a folder that nobody else may write.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use crate::files;

/// Removes the socket that an earlier life left at `path`; what another process listens on is not removed.
///
/// # Errors
/// Another process listens there, or it cannot be removed.
pub fn free(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
    match is_socket && is_listened_on(path)? {
        true => Err(io::ErrorKind::AddrInUse.into()),
        false if is_socket => std::fs::remove_file(path),
        false => Ok(()),
    }
}

/// Whoever may write the folder could put a socket of his own in the place of ours.
///
/// # Errors
/// Others than root and our user may.
pub fn check_folder(path: &Path) -> io::Result<()> {
    let folder =
        files::led_to(path.parent().unwrap_or(Path::new("/"))).map_err(io::Error::other)?;
    files::folders(&folder).map_err(io::Error::other)
}

/// Whether another process listens there. Asked without waiting: one that accepts nobody would keep us
/// once its queue is full.
fn is_listened_on(path: &Path) -> io::Result<bool> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let probe = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match connect(&probe, &SocketAddrUnix::new(path)?) {
        Ok(()) | Err(Errno::AGAIN) => Ok(true),
        Err(Errno::CONNREFUSED) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}
