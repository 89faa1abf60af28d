//! Files that a setup writes: whole, on the disk, with owner and mode before they have their name, and never in the
//! place of another, unless that is known byte for byte. Only in folders that nobody but root can change.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::unistd::{Gid, Uid};
use tsmgate_settings::files;

use super::step::Trouble;

/// No file that is compared is longer, in bytes.
const FILE_MOST: u64 = 1024 * 1024;

/// Whose a file is, and who may read it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Access {
    pub(super) user: Uid,
    pub(super) group: Gid,
    pub(super) mode: u32,
}

impl Access {
    /// Root's, for everybody who may enter the folder.
    pub(super) fn open() -> Self {
        Self { user: Uid::from_raw(0), group: Gid::from_raw(0), mode: 0o644 }
    }
}

/// What is there; `None` where nothing is.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, Trouble> {
    let failed = |error: io::Error| Trouble::file("read", path, &error);
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(there) if there.is_file() && there.len() <= FILE_MOST => {}
        // a link is followed, for an administrator's may lead elsewhere
        Ok(there) if there.is_symlink() => {}
        Ok(_) => return Err(failed(io::ErrorKind::InvalidInput.into())),
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    io::Read::read_to_end(&mut io::Read::take(file, FILE_MOST), &mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

/// Writes a file where none is; in the place of one that has exactly these bytes, `instead` of it.
pub(super) fn put(
    path: &Path,
    contents: &[u8],
    access: Access,
    instead: Option<&[u8]>,
) -> Result<(), Trouble> {
    let failed = |error: io::Error| Trouble::file("write", path, &error);
    let folder = path.parent().unwrap_or(Path::new("/"));
    files::folders(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.setup"));
    // of a setup that was killed: the folder is root's, and one setup runs at a time
    if let Err(error) = fs::remove_file(&beside)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(failed(error));
    }
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(contents)?;
        file.set_permissions(Permissions::from_mode(access.mode))?;
        fchown(&file, Some(access.user.as_raw()), Some(access.group.as_raw()))?;
        file.sync_all()
    };
    let known = instead.is_some() && read(path)?.as_deref() == instead;
    let placed = write().and_then(|()| match known {
        true => fs::rename(&beside, path),
        false => place(&beside, path),
    });
    let _ = fs::remove_file(&beside);
    placed.and_then(|()| File::open(folder)?.sync_all()).map_err(failed)
}

/// Gives what is made its name: in one step, and nothing is replaced. A kill leaves no second name of a key.
///
/// # Errors
/// `AlreadyExists`, or the system's own answer.
pub(super) fn place(made: &Path, path: &Path) -> io::Result<()> {
    renameat2(AT_FDCWD, made, AT_FDCWD, path, RenameFlags::RENAME_NOREPLACE)
        .map_err(io::Error::from)
}
