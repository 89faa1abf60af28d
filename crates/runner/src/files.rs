//! The private folder of one command: the files that go along with it, and those that it writes to be sent back.
//! It is gone when the command is, whatever became of it.
//!
//! No name in it is the caller's: `tsmgate-catalogue` makes them of the option's own.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tsmgate_catalogue::runner::{FETCHED_LIMIT, Id};

/// A private folder, removed when it is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    group: Option<u32>,
}

/// Why a file does not come back.
#[derive(Debug, thiserror::Error)]
pub enum FetchFault {
    /// There is none.
    #[error("the command wrote no file")]
    Missing,
    /// It is a folder, a device, a link.
    #[error("what the command wrote is not a regular file")]
    NotAFile,
    /// Larger than [`FETCHED_LIMIT`].
    #[error("the file is larger than {FETCHED_LIMIT} bytes")]
    TooLarge,
    /// It cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(io::Error),
}

impl Folder {
    /// Makes it in `work`; `group` may look into it.
    ///
    /// # Errors
    /// As the system's; there is one already.
    pub fn make(work: &Path, id: &Id, group: Option<u32>) -> io::Result<Self> {
        let path = work.join(id.as_str());
        DirBuilder::new().mode(0o700).create(&path)?;
        let folder = Self { path, group };
        if let Some(group) = group {
            share(&File::open(&folder.path)?, group, 0o750)?;
        }
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file that goes along. Nobody can read it before it has its owner and mode.
    ///
    /// # Errors
    /// As the system's; there is one of that name already, or the name is none of a file in this folder.
    pub fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.place(name)?;
        let no_follow = flags(OFlags::NOFOLLOW);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).custom_flags(no_follow);
        let mut file = options.open(path)?;
        file.write_all(bytes)?;
        match self.group {
            Some(group) => share(&file, group, 0o640),
            None => Ok(()),
        }
    }

    /// Where a file of that name is.
    ///
    /// # Errors
    /// It is not the name of a file in this folder.
    pub fn place(&self, name: &str) -> io::Result<PathBuf> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        match !name.starts_with('.') && !name.is_empty() && name.bytes().all(plain) {
            true => Ok(self.path.join(name)),
            false => Err(io::ErrorKind::InvalidFilename.into()),
        }
    }

    /// The file that the command wrote.
    ///
    /// # Errors
    /// There is none, or it is too large or no file at all.
    pub fn fetched(&self, name: &str) -> Result<Vec<u8>, FetchFault> {
        let path = self.place(name).map_err(FetchFault::Unreadable)?;
        // a link could lead to any file of ours, and a pipe would keep us
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK));
        let file = options.open(path).map_err(|error| match error.raw_os_error() {
            Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => FetchFault::NotAFile,
            _ if error.kind() == io::ErrorKind::NotFound => FetchFault::Missing,
            _ => FetchFault::Unreadable(error),
        })?;
        if !file.metadata().map_err(FetchFault::Unreadable)?.is_file() {
            return Err(FetchFault::NotAFile);
        }
        let mut bytes = Vec::new();
        let most = FETCHED_LIMIT as u64 + 1;
        file.take(most).read_to_end(&mut bytes).map_err(FetchFault::Unreadable)?;
        match bytes.len() > FETCHED_LIMIT {
            true => Err(FetchFault::TooLarge),
            false => Ok(bytes),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            tracing::error!(folder = %self.path.display(), %error, "a private folder stays behind");
        }
    }
}

/// Removes a folder with all that is in it, also where a command has locked it for us.
fn remove(folder: &Path) -> io::Result<()> {
    if std::fs::remove_dir_all(folder).is_ok() {
        return Ok(());
    }
    let mut ahead = vec![folder.to_owned()];
    while let Some(folder) = ahead.pop() {
        // no link is among them: what is looked at is what stands there
        let _ = std::fs::set_permissions(&folder, Permissions::from_mode(0o700));
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                ahead.push(entry.path());
            }
        }
    }
    std::fs::remove_dir_all(folder)
}

fn flags(flags: OFlags) -> i32 {
    i32::try_from(flags.bits()).unwrap_or_default()
}

fn share(file: &File, group: u32, mode: u32) -> io::Result<()> {
    fchown(file, None, Some(group))?;
    file.set_permissions(Permissions::from_mode(mode))
}

/// Empties the folder of all private folders: what is there is an earlier life's. Where a group may read files
/// that go along, it may pass through the two folders above them.
///
/// # Errors
/// As the system's.
pub fn wipe(state: &Path, work: &Path, group: Option<u32>) -> io::Result<()> {
    for entry in std::fs::read_dir(work)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => remove(&entry.path())?,
            false => std::fs::remove_file(entry.path())?,
        }
    }
    let Some(group) = group else { return Ok(()) };
    share(&File::open(work)?, group, 0o710)?;
    let state = File::open(state)?;
    // everybody may pass where the unit says so
    match state.metadata()?.mode() & 0o001 {
        0 => share(&state, group, 0o710),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
