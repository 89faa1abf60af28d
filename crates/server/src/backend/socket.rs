//! Connecting to a socket of this host, with a look at the path before and at the process behind it after.
//!
//! Whoever could put a socket of his own there would learn nothing, but could answer as he likes.

use std::fmt::Display;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::config::LocalSocket;

/// How long whoever listens may take to accept.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// Why there is no connection; each with what the log learns.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Nobody is there.
    Unreachable(String),
    /// Somebody else is, or could be.
    Untrusted(String),
}

/// Which of the socket's users answers there; the connection is closed again, and nothing said.
pub(crate) async fn look(socket: &LocalSocket) -> Result<u32, Refused> {
    connect_seen(socket).await.map(|(_, user)| user)
}

/// A connection to one of the socket's users.
pub(super) async fn connect(socket: &LocalSocket) -> Result<UnixStream, Refused> {
    connect_seen(socket).await.map(|(stream, _)| stream)
}

async fn connect_seen(socket: &LocalSocket) -> Result<(UnixStream, u32), Refused> {
    trusted_path(socket).map_err(|distrust| match distrust {
        Distrust::Missing(..) => Refused::Unreachable(distrust.to_string()),
        Distrust::NotASocket(_) | Distrust::Folder { .. } => {
            Refused::Untrusted(distrust.to_string())
        }
    })?;
    let unreachable = |cause: &dyn Display| Refused::Unreachable(format!("connecting: {cause}"));
    let stream = match timeout(CONNECT_DEADLINE, UnixStream::connect(&socket.path)).await {
        Ok(stream) => stream.map_err(|error| unreachable(&error))?,
        Err(late) => return Err(unreachable(&late)),
    };
    match stream.peer_cred() {
        Ok(peer) if socket.owners.contains(&peer.uid()) => Ok((stream, peer.uid())),
        Ok(peer) => {
            Err(Refused::Untrusted(format!("a process of uid {} answers there", peer.uid())))
        }
        Err(error) => Err(Refused::Untrusted(error.to_string())),
    }
}

/// Why a socket is not asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// There is none, or it cannot be looked at.
    #[error("{0}: {1}")]
    Missing(PathBuf, String),
    /// Something else stands there.
    #[error("{0} is not a socket (a link to one does not count)")]
    NotASocket(PathBuf),
    /// Others than root and its users could have put it there.
    #[error(
        "{folder} belongs to uid {uid}, gid {gid}, mode {mode:04o}: others than root and \
         its owners may write it"
    )]
    Folder {
        /// Where the socket is.
        folder: PathBuf,
        /// Whose it is.
        uid: u32,
        /// Its group.
        gid: u32,
        /// Its permission bits.
        mode: u32,
    },
}

/// The last component is a socket itself, in a folder that only root or its users may write.
///
/// # Errors
/// There is none, or others could have put it there.
pub fn trusted_path(socket: &LocalSocket) -> Result<(), Distrust> {
    let path = &socket.path;
    let missing = |error: io::Error| Distrust::Missing(path.clone(), error.to_string());
    let it = std::fs::symlink_metadata(path).map_err(missing)?;
    if !it.file_type().is_socket() {
        return Err(Distrust::NotASocket(path.clone()));
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let metadata = std::fs::metadata(folder).map_err(missing)?;
    let (uid, gid, mode) = (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777);
    let owned = uid == 0 || socket.owners.contains(&uid);
    let by_others = mode & 0o002 != 0;
    let by_foreign_group = mode & 0o020 != 0 && gid != 0 && !socket.owner_groups.contains(&gid);
    if !owned || by_others || by_foreign_group {
        return Err(Distrust::Folder { folder: folder.to_owned(), uid, gid, mode });
    }
    Ok(())
}
