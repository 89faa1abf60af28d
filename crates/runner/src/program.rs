//! Whether the `tsm` program is one that nobody but its owners could have written. Asked before every start,
//! not once: an upgrade of TSM replaces it.
//!
//! Whoever may write the file, or any folder on the way to it or to a symlink on the way, decides what runs as
//! us.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, accessat, fstat, open};
use tsmgate_settings::files::{FileFault, Owners};

/// A program that may be started, by the path to which its name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(PathBuf);

/// Why a program is not started.
#[derive(Debug, thiserror::Error)]
pub enum Distrust {
    /// It is missing, or cannot be looked at.
    #[error("cannot look at {path}: {cause}")]
    Unreachable {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It is a folder, a device, a socket.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// We may not execute it.
    #[error("{0} cannot be executed")]
    NotExecutable(PathBuf),
    /// It, or a folder above it, belongs to somebody who must not decide.
    #[error("{path} belongs to uid {uid}, who is none of `tsm.program_owners`")]
    ForeignOwner {
        /// Which file or folder.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// Others could have written it, or led its name elsewhere.
    #[error(transparent)]
    Foreign(FileFault),
}

impl From<FileFault> for Distrust {
    fn from(fault: FileFault) -> Self {
        match fault {
            FileFault::Unreadable { path, cause } => Self::Unreachable { path, cause },
            FileFault::ForeignOwner { path, uid, .. } => Self::ForeignOwner { path, uid },
            fault => Self::Foreign(fault),
        }
    }
}

impl Program {
    /// Follows `path` and judges all that it leads over. Its owners are root and `owners`.
    ///
    /// # Errors
    /// The first thing on the way that is missing, or that somebody else could change.
    pub fn trusted(path: &Path, owners: &[u32]) -> Result<Self, Distrust> {
        let owners = Owners(owners);
        let target = owners.led_to(path)?;
        owners.folders(target.parent().unwrap_or(Path::new("/")))?;
        let unreachable = |cause| Distrust::Unreachable { path: target.clone(), cause };
        // without reading it: a program need not be readable. What was a file just now may be no link
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = open(&target, flags, Mode::empty()).map_err(|e| unreachable(e.into()))?;
        let found = fstat(&opened).map_err(|errno| unreachable(errno.into()))?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(Distrust::NotAFile(target));
        }
        owners.trusted(&target, found.st_uid, found.st_mode)?;
        match accessat(CWD, &target, Access::EXEC_OK, AtFlags::EACCESS) {
            Ok(()) => Ok(Self(target)),
            Err(_) => Err(Distrust::NotExecutable(target)),
        }
    }

    /// Where it is, without symlinks: what is to be started.
    pub fn path(&self) -> &Path {
        &self.0
    }
}
