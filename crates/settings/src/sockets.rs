//! Unix sockets of our own: a place that is free, in a folder that nobody else may write.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{Mode, fchmod};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::net::{bind, connect, listen, socket_with};

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

/// Listens on a new socket at `path`, without waiting in `accept`. From its first moment on nobody may connect
/// whom `mode` does not let.
///
/// # Errors
/// Something stands there already (see [`free`]), or the system refuses.
pub fn listen_at(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let listener = listen_for_us(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(mode))?;
    Ok(listener)
}

/// As [`listen_at`], with a socket that our user alone may connect to.
///
/// # Errors
/// As there.
pub fn listen_for_us(path: &Path) -> io::Result<UnixListener> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // Linux gives the file the mode of the socket that is bound to it. The file mask would do as well, but is
    // the whole process's: two threads that set it for a moment may leave it set for ever.
    fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    // as many as the system allows
    listen(&socket, -1)?;
    Ok(socket.into())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_socket_is_ours_alone_until_it_is_given_a_mode() {
        let folder = tempfile::tempdir().unwrap();
        let [closed, open] = ["closed", "open"].map(|name| folder.path().join(name));
        let _listener = listen_for_us(&closed).unwrap();
        let _other = listen_at(&open, 0o666).unwrap();
        assert_eq!((mode(&closed), mode(&open)), (0o600, 0o666));
        // what stands there is not replaced
        let again = listen_for_us(&closed).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
    }
}
