//! A file that is being written, under a name of its own, until it is whole and gets its place.
//!
//! Whoever is killed in between leaves it behind, and it may hold a secret: the next one to write into the
//! folder removes it. A file that is still being written is locked, and left alone.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use rustix::process::geteuid;
use tempfile::NamedTempFile;

/// How such a name begins: nothing that anybody would give a file of his own, for it is swept away.
const PREFIX: &str = ".tsmgate-staged-";
/// The mode of one that is not whole: it may hold a secret.
const OWN: u32 = 0o600;
/// Names of a folder that are looked at.
const MOST: usize = 4096;

/// A whole file of this mode under a name of its own; its owner's alone until it has all its bytes.
///
/// # Errors
/// The system's own answer; nothing is left behind then.
pub fn staged(folder: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    sweep(folder);
    let mut file = locked(folder)?;
    file.write_all(bytes)?;
    // on the open file: the umask has a say in the mode at creation
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// An empty file that nobody sweeps away.
fn locked(folder: &Path) -> io::Result<NamedTempFile> {
    loop {
        let file = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(OWN))
            .tempfile_in(folder)?;
        // where another was faster, it found the file before it was locked, and removed it; where there are no
        // locks, nobody takes one, and nobody sweeps
        let locked = flock(file.as_file(), FlockOperation::NonBlockingLockExclusive);
        if locked != Err(Errno::WOULDBLOCK) && file.as_file().metadata()?.nlink() > 0 {
            return Ok(file);
        }
    }
}

/// Removes what was left behind by those who are gone, as far as that can be done.
fn sweep(folder: &Path) {
    for entry in folder.read_dir().into_iter().flatten().take(MOST).flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes())
            && open_own(&entry.path())
                .is_some_and(|file| flock(file, FlockOperation::NonBlockingLockExclusive).is_ok())
        {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// A plain file of our own.
fn open_own(path: &Path) -> Option<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).ok()?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let metadata = file.metadata().ok()?;
    (metadata.is_file() && metadata.uid() == geteuid().as_raw()).then_some(file)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    /// R39: what a process that was killed left behind goes with the next write, what one writes just now stays,
    /// and so does what is not ours to name
    #[test]
    fn what_was_left_behind_is_removed_and_what_is_being_written_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let left = folder.join(".tsmgate-staged-Ab12Cd");
        let other = folder.join("notes");
        std::fs::write(&left, "AUTH_COOKIE=half").unwrap();
        std::fs::write(&other, "kept").unwrap();
        std::os::unix::fs::symlink(&other, folder.join(".tsmgate-staged-link")).unwrap();
        let first = staged(folder, b"first", OWN).unwrap();
        assert!(
            !left.exists() && other.exists() && folder.join(".tsmgate-staged-link").is_symlink()
        );
        let second = staged(folder, b"second", OWN).unwrap();
        assert_eq!(std::fs::read(first.path()).unwrap(), b"first");
        second.persist(folder.join("place")).unwrap();
        drop(first);
        assert_eq!(std::fs::read(folder.join("place")).unwrap(), b"second");
        let names = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(names, 3, "notes, the link and the place");
    }
}
