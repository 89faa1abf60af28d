//! A folder that is its owner's alone, and the files in it. All of them are reached through the folder that was
//! judged, never by path again, and none of them through a link.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::mode::NOT_THE_OWNER;
use super::peer::our_user;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, Stat, fchmod, flock, fstat, mkdir,
    openat, renameat, stat, unlinkat,
};
use tsmgate_pki::kind_text;
use zeroize::Zeroizing;

/// A folder of ours.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

/// What is wrong with a folder or a file that should be ours alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Amiss {
    /// Another kind of thing, or a link.
    #[error("a link, or of another kind")]
    Kind,
    /// Another user's, by the number.
    #[error("of another user, {0}")]
    Foreign(u32),
    /// Group or others may do something.
    #[error("accessible to group or others")]
    TooOpen,
    /// The system's answer.
    #[error("{}", kind_text(*.0))]
    System(io::ErrorKind),
}

impl From<rustix::io::Errno> for Amiss {
    fn from(error: rustix::io::Errno) -> Self {
        match error {
            rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR => Self::Kind,
            other => Self::System(io::Error::from(other).kind()),
        }
    }
}

/// Whether a folder is there and ours, whoever may look at it.
pub(crate) fn is_ours(path: &Path) -> bool {
    stat(path).is_ok_and(|there| there.st_uid == our_user() && kind(&there) == FileType::Directory)
}

impl Folder {
    /// Opens it, and makes it where there is none; the folder above has to be there.
    pub(crate) fn open(path: &Path) -> Result<Self, Amiss> {
        let is_new = match mkdir(path, Mode::RWXU) {
            Ok(()) => true,
            Err(rustix::io::Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let folder = openat(CWD, path, flags, Mode::empty())?;
        if is_new {
            // whatever the umask says, and whatever stands at that path by now
            fchmod(&folder, Mode::RWXU)?;
        }
        judge(&fstat(&folder)?, FileType::Directory)?;
        Ok(Self(folder))
    }

    /// The bytes of a file, at most `most` of them; `None` where it is not there.
    pub(crate) fn read(
        &self,
        name: &str,
        most: usize,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Amiss> {
        // a pipe in its place must not hold us up
        let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY | OFlags::NONBLOCK;
        let file = match openat(&self.0, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        judge(&fstat(&file)?, FileType::RegularFile)?;
        // the full size from the start: a buffer that grows leaves copies behind
        let mut bytes = Zeroizing::new(Vec::with_capacity(most.saturating_add(1)));
        File::from(file)
            .take(u64::try_from(most).unwrap_or(u64::MAX))
            .read_to_end(&mut bytes)
            .map_err(|error| Amiss::System(error.kind()))?;
        Ok(Some(bytes))
    }

    /// Writes a whole file, with mode 0600 whatever the umask, and puts it in the place of what is there. One
    /// process at a time, for each name.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = new_name(name);
        // what a process left that was ended in the middle
        self.remove(&new)?;
        let mut file = File::from(self.create(&new, OFlags::EXCL | OFlags::WRONLY)?);
        let moved =
            file.write_all(bytes).and_then(|()| Ok(renameat(&self.0, &new, &self.0, name)?));
        if moved.is_err() {
            // half a secret is one
            let _ = self.remove(&new);
        }
        moved
    }

    /// Removes a file, where there is one, and what a process left of it that was ended in the middle.
    pub(crate) fn discard(&self, name: &str) -> io::Result<()> {
        self.remove(&new_name(name))?;
        self.remove(name)
    }

    /// The names of what is there, of at most so many files; of more, some.
    pub(crate) fn names(&self, most: usize) -> Vec<String> {
        let Ok(entries) = Dir::read_from(&self.0) else { return Vec::new() };
        let names = entries.filter_map(Result::ok).take(most);
        names.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned)).collect()
    }

    /// Removes a file, where there is one.
    fn remove(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Locks a file, which is made where there is none; `None` where another has the lock.
    pub(crate) fn lock(&self, name: &str) -> Result<Option<Lock>, Amiss> {
        let file = self.create(name, OFlags::RDWR)?;
        judge(&fstat(&file)?, FileType::RegularFile)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn create(&self, name: &str, how: OFlags) -> Result<OwnedFd, rustix::io::Errno> {
        let flags = how | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?;
        // on the open file: the umask has a say in the mode at creation
        fchmod(&file, Mode::RUSR | Mode::WUSR)?;
        Ok(file)
    }
}

/// Locks a folder itself, whoever's it is; `None` where another has the lock.
pub(crate) fn lock_folder(path: &Path) -> io::Result<Option<Lock>> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
    let folder = openat(CWD, path, flags, Mode::empty())?;
    match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(Lock { _file: folder })),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A lock, held as long as this is there.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: OwnedFd,
}

/// Where the system keeps a user's folder as long as the user is logged in, or lingers.
pub(crate) fn users_folder() -> PathBuf {
    PathBuf::from(format!("/run/user/{}", our_user()))
}

/// What a file is called until it is whole.
fn new_name(name: &str) -> String {
    format!("{name}.new")
}

fn judge(there: &Stat, wanted: FileType) -> Result<(), Amiss> {
    if kind(there) != wanted {
        return Err(Amiss::Kind);
    }
    if there.st_uid != our_user() {
        return Err(Amiss::Foreign(there.st_uid));
    }
    if there.st_mode & NOT_THE_OWNER != 0 {
        return Err(Amiss::TooOpen);
    }
    Ok(())
}

fn kind(there: &Stat) -> FileType {
    FileType::from_raw_mode(there.st_mode)
}
