//! Whether the `tsm` program is one that nobody but its owners could have written. Asked before every start,
//! not once: an upgrade of TSM replaces it.
//!
//! Whoever may write the file, or any folder on the way to it or to a symlink on the way, decides what runs as
//! us.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, accessat, fstat, open};

/// No path leads over more symlinks; the kernel's own limit (path_resolution(7)).
const LINKS_LIMIT: usize = 40;

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
    /// It, or a folder above it, can be written by others than its owner.
    #[error("{path} can be written by others than its owner (mode {mode:04o})")]
    ForeignWritable {
        /// Which file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl Program {
    /// Follows `path` and judges all that it leads over. Its owners are root and `owners`.
    ///
    /// # Errors
    /// The first thing on the way that is missing, or that somebody else could change.
    pub fn trusted(path: &Path, owners: &[u32]) -> Result<Self, Distrust> {
        let judge = Judge { owners };
        let target = judge.led_to(path)?;
        judge.folders(target.parent().unwrap_or(Path::new("/")))?;
        let unreachable = |cause| Distrust::Unreachable { path: target.clone(), cause };
        // without reading it: a program need not be readable. What was a file just now may be no link
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = open(&target, flags, Mode::empty()).map_err(|e| unreachable(e.into()))?;
        let found = fstat(&opened).map_err(|errno| unreachable(errno.into()))?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(Distrust::NotAFile(target));
        }
        judge.trusted(&target, found.st_uid, found.st_mode)?;
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

/// Who may have written what a path leads over.
struct Judge<'a> {
    owners: &'a [u32],
}

impl Judge<'_> {
    /// Where a path leads, without symlinks; the folders of every symlink are judged on the way.
    fn led_to(&self, path: &Path) -> Result<PathBuf, Distrust> {
        let unreachable = |cause| Distrust::Unreachable { path: path.to_owned(), cause };
        let steps = |path: &Path| -> Vec<OsString> {
            path.components().rev().map(|step| step.as_os_str().to_owned()).collect()
        };
        let mut ahead = steps(path);
        let mut here = PathBuf::from("/");
        let mut links = 0;
        while let Some(step) = ahead.pop() {
            if step == "." {
                continue;
            }
            if step == ".." {
                here.pop();
                continue;
            }
            let next = here.join(&step);
            match std::fs::read_link(&next) {
                Ok(_) if links == LINKS_LIMIT => {
                    return Err(unreachable(rustix::io::Errno::LOOP.into()));
                }
                Ok(target) => {
                    links += 1;
                    self.folders(&here)?;
                    ahead.extend(steps(&target));
                }
                // what is no symlink has no target
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => here = next,
                Err(error) => return Err(unreachable(error)),
            }
        }
        Ok(here)
    }

    /// A folder and all above it. A sticky one, such as `/tmp`, may be writable by others: they cannot replace
    /// there what is not theirs. The innermost may not.
    fn folders(&self, innermost: &Path) -> Result<(), Distrust> {
        const STICKY: u32 = 0o1000;
        for (depth, folder) in innermost.ancestors().enumerate() {
            let found = folder
                .metadata()
                .map_err(|cause| Distrust::Unreachable { path: folder.to_owned(), cause })?;
            if depth > 0 && found.mode() & STICKY != 0 && found.uid() == 0 {
                continue;
            }
            self.trusted(folder, found.uid(), found.mode())?;
        }
        Ok(())
    }

    fn trusted(&self, path: &Path, uid: u32, mode: u32) -> Result<(), Distrust> {
        if uid != 0 && !self.owners.contains(&uid) {
            return Err(Distrust::ForeignOwner { path: path.to_owned(), uid });
        }
        if mode & 0o022 != 0 {
            return Err(Distrust::ForeignWritable { path: path.to_owned(), mode: mode & 0o7777 });
        }
        Ok(())
    }
}
