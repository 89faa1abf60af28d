//! Modes of files: for their owner alone, or for everybody to read.

use std::fs::{DirBuilder, File, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::fs::{Access, access};
use tsmgate_pki::staged::staged;

/// What group and others may do, as mode bits.
pub(crate) const NOT_THE_OWNER: u32 = 0o077;

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner: what holds a secret, or decides.
    Owner,
    /// Everybody.
    Everybody,
}

impl Readers {
    fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Everybody => 0o644,
        }
    }
}

/// Whether group or others may do anything with it.
pub(crate) fn is_open_to_others(file: &Metadata) -> bool {
    file.mode() & NOT_THE_OWNER != 0
}

/// Whether it is a socket, or cannot be looked at.
pub(crate) fn may_be_socket(path: &Path) -> bool {
    path.metadata().map_or(true, |there| there.file_type().is_socket())
}

/// Whether files can be made in a folder.
///
/// # Errors
/// They cannot: the system's own answer.
pub(crate) fn may_write(folder: &Path) -> io::Result<()> {
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Makes a folder, and those above it, for its owner alone; what is there stays as it is.
///
/// # Errors
/// The system's own answer.
pub(crate) fn make_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Puts a file into a folder, whole or not at all, in the place of what is at `path`: under another name first,
/// which its owner alone can read, whatever the umask. A link at `path` is replaced and not followed.
///
/// # Errors
/// The system's own answer; nothing is left behind then.
pub(crate) fn write_whole(
    folder: &Path,
    path: &Path,
    bytes: &[u8],
    readers: Readers,
) -> io::Result<File> {
    staged(folder, bytes, readers.mode())?.persist(path).map_err(|error| error.error)
}

/// The same for its owner alone, and only where nothing is at `path`, not even a dangling link. The name outlives a
/// crash too.
///
/// # Errors
/// `AlreadyExists`, or the system's own answer; nothing is left behind then.
pub(crate) fn write_new(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = staged(folder, bytes, Readers::Owner.mode())?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}
