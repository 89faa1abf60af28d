//! Putting a full file aside, under a name that says with which record it ends.
//!
//! Renames and nothing else: no file is overwritten, none is ever deleted. When old records may go is
//! for others to decide.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// What a file is called once it is put aside: its name and the number of its last record, with zeros
/// in front so that names sort as records do.
pub(super) fn aside(path: &Path, last: u64) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{last:012}"));
    PathBuf::from(name)
}

/// Renames, unless there is something of the new name.
///
/// # Errors
/// There is, or as the system's.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // a file system that cannot; nobody but us and root may write the folder
        Err(Errno::INVAL | Errno::NOSYS) => match std::fs::symlink_metadata(to) {
            Err(error) if error.kind() == ErrorKind::NotFound => std::fs::rename(from, to),
            Err(error) => Err(error),
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
        },
        renamed => Ok(renamed?),
    }
}
