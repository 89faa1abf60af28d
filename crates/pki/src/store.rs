//! Files, written so that a crash, a second command or a hostile link leaves either the old file or
//! the new one. Every file is made under a random name with O_EXCL and its final mode, flushed, and
//! then moved into place; moving does not follow a link and, unless told, does not replace.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::{Errno, retry_on_intr};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::error::PkiError;
use crate::staged::staged;

/// The largest file that is read, in bytes: a revocation list of some 400 000 entries.
pub(crate) const FILE_MOST: u64 = 16 * 1024 * 1024;
const FOLDER_MODE: u32 = 0o700;
const PUBLIC_FOLDER_MODE: u32 = 0o755;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Its owner only, 0600.
    Secret,
    /// Everyone who may enter its folder, 0644.
    Public,
}

impl Access {
    fn mode(self) -> u32 {
        match self {
            Access::Secret => 0o600,
            Access::Public => 0o644,
        }
    }
}

/// What may be at the path already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing, not even a dangling link.
    Empty,
    /// Anything; it is replaced. A link is replaced itself, not what it points to.
    Any,
}

impl Place {
    /// `Any` when the operator asked to replace.
    pub(crate) fn replacing(asked: bool) -> Place {
        if asked { Place::Any } else { Place::Empty }
    }
}

/// A file whose content is on the disk and whose name is not; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Staged {
    file: NamedTempFile,
    path: PathBuf,
    folder: PathBuf,
}

/// Writes a whole file in one step and makes it durable.
pub(crate) fn write(
    path: &Path,
    contents: &[u8],
    access: Access,
    place: Place,
) -> Result<(), PkiError> {
    stage(path, contents, access)?.place(place)
}

/// Does all of a write that a full disk can stop.
pub(crate) fn stage(path: &Path, contents: &[u8], access: Access) -> Result<Staged, PkiError> {
    let failed = |error: io::Error| PkiError::file("write", path, &error);
    let folder = folder_of(path);
    let file = staged(&folder, contents, access.mode()).map_err(failed)?;
    Ok(Staged { file, path: path.to_owned(), folder })
}

impl Staged {
    /// Gives the file its name.
    pub(crate) fn place(self, place: Place) -> Result<(), PkiError> {
        let Staged { file, path, folder } = self;
        let failed = |error: &io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => PkiError::Exists(path.clone()),
            _ => PkiError::file("write", &path, error),
        };
        match place {
            Place::Any => file.persist(&path).map_err(|e| failed(&e.error))?,
            Place::Empty => file.persist_noclobber(&path).map_err(|e| failed(&e.error))?,
        };
        sync_folder(&folder)
    }
}

/// Refuses when anything, a dangling link included, is at the path.
pub(crate) fn must_be_empty(path: &Path) -> Result<(), PkiError> {
    match path.symlink_metadata() {
        Ok(_) => Err(PkiError::Exists(path.to_owned())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(PkiError::file("read", path, &e)),
    }
}

/// Reads a file whose content is no secret.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, PkiError> {
    let file = File::open(path).map_err(|e| PkiError::file("read", path, &e))?;
    read_all(&file, path)
}

/// Reads a file of the authority's folder. It may be another user's, so that a pipe there would keep us for ever.
pub(crate) fn read_own(path: &Path) -> Result<Vec<u8>, PkiError> {
    read_all(&open_own(path)?, path)
}

/// The same of one that holds a secret; refuses one that others may read or write.
pub(crate) fn read_own_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, PkiError> {
    read_closed(&open_own(path)?, path)
}

/// Opens a regular file and nothing else, without waiting.
fn open_own(path: &Path) -> Result<File, PkiError> {
    let failed = |e: io::Error| PkiError::file("read", path, &e);
    let no_wait = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = File::options().read(true).custom_flags(no_wait).open(path).map_err(failed)?;
    match file.metadata().map_err(failed)?.is_file() {
        true => Ok(file),
        false => Err(failed(io::ErrorKind::InvalidInput.into())),
    }
}

/// Reads a file that holds a secret; refuses one that others may read or write. Pipes are taken:
/// they have no name that others could open.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, PkiError> {
    let file = File::open(path).map_err(|e| PkiError::file("read", path, &e))?;
    read_closed(&file, path)
}

fn read_closed(file: &File, path: &Path) -> Result<Zeroizing<Vec<u8>>, PkiError> {
    // On the open file, so that what was judged is what is read.
    let meta = file.metadata().map_err(|e| PkiError::file("read", path, &e))?;
    if meta.is_file() && meta.mode() & 0o077 != 0 {
        return Err(PkiError::SecretTooOpen(path.to_owned()));
    }
    read_all(file, path).map(Zeroizing::new)
}

fn read_all(file: &File, path: &Path) -> Result<Vec<u8>, PkiError> {
    // Room at once where the size is known: a growing buffer leaves copies of a secret behind.
    let expected = file.metadata().map_or(0, |meta| meta.len()).min(FILE_MOST);
    let mut contents = Vec::with_capacity(usize::try_from(expected).unwrap_or(0) + 1);
    file.take(FILE_MOST + 1)
        .read_to_end(&mut contents)
        .map_err(|e| PkiError::file("read", path, &e))?;
    if u64::try_from(contents.len()).is_ok_and(|read| read <= FILE_MOST) {
        Ok(contents)
    } else {
        Err(PkiError::File {
            doing: "read",
            path: path.to_owned(),
            kind: io::ErrorKind::FileTooLarge,
        })
    }
}

/// Makes a folder 0700, or takes the one that is there: a real folder that nobody else may enter.
/// An empty folder of looser mode is tightened, one with files in it is refused.
pub(crate) fn private_folder(path: &Path) -> Result<(), PkiError> {
    let failed = |e: io::Error| PkiError::file("make the folder", path, &e);
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Ok(()) => {
            std::fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE)).map_err(failed)?;
            return sync_folder(&folder_of(path));
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(failed(e)),
    }
    let meta = path.symlink_metadata().map_err(failed)?;
    if !meta.is_dir() {
        return Err(PkiError::Malformed { path: path.to_owned(), expected: "a folder" });
    }
    if meta.mode() & 0o077 == 0 {
        return Ok(());
    }
    if path.read_dir().map_err(failed)?.next().is_some() {
        return Err(PkiError::FolderTooOpen(path.to_owned()));
    }
    std::fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE)).map_err(failed)
}

/// Makes a folder that everybody may read and its owner alone may write, 0755, or takes the one that is there:
/// a real folder that nobody else may write.
pub(crate) fn public_folder(path: &Path) -> Result<(), PkiError> {
    let failed = |e: io::Error| PkiError::file("make the folder", path, &e);
    match DirBuilder::new().mode(PUBLIC_FOLDER_MODE).create(path) {
        Ok(()) => {
            let mode = Permissions::from_mode(PUBLIC_FOLDER_MODE);
            std::fs::set_permissions(path, mode).map_err(failed)?;
            return sync_folder(&folder_of(path));
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(failed(e)),
    }
    let meta = path.symlink_metadata().map_err(failed)?;
    if !meta.is_dir() {
        return Err(PkiError::Malformed { path: path.to_owned(), expected: "a folder" });
    }
    if meta.mode() & 0o022 != 0 {
        return Err(PkiError::FolderTooOpen(path.to_owned()));
    }
    Ok(())
}

/// Removes a file for good; `false` where there is none.
pub(crate) fn remove(path: &Path) -> Result<bool, PkiError> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_folder(&folder_of(path)).map(|()| true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(PkiError::file("remove", path, &e)),
    }
}

/// A folder held against other commands until this is dropped.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _folder: File,
}

/// How long a folder is waited for that somebody else holds.
const LOCK_TIME: Duration = Duration::from_secs(10);
/// Between two tries.
const LOCK_EVERY: Duration = Duration::from_millis(5);

/// Waits for the folder and holds it; not for ever, for whoever has it may have been stopped.
pub(crate) fn lock(folder: &Path) -> Result<FolderLock, PkiError> {
    let failed = |e: io::Error| PkiError::file("lock", folder, &e);
    let file = File::open(folder).map_err(failed)?;
    let end = Instant::now() + LOCK_TIME;
    loop {
        match retry_on_intr(|| flock(&file, FlockOperation::NonBlockingLockExclusive)) {
            Ok(()) => return Ok(FolderLock { _folder: file }),
            Err(Errno::WOULDBLOCK) if Instant::now() < end => std::thread::sleep(LOCK_EVERY),
            Err(Errno::WOULDBLOCK) => return Err(failed(io::ErrorKind::TimedOut.into())),
            Err(errno) => return Err(failed(errno.into())),
        }
    }
}

fn sync_folder(folder: &Path) -> Result<(), PkiError> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(|e| PkiError::file("write", folder, &e))
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests;
