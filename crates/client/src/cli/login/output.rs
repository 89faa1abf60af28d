//! `--output FILE`: a file that only its owner can read, there whole or not at all.
//!
//! The text is written under a random name in the same folder and moved into place; moving never
//! follows a link. What is there and is no regular file (a link, a device, a folder) is refused: a
//! link may lead to where others read, and a device must not be replaced by a file.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use tsmgate_pki::kind_text;

use crate::cli::complaint::Complaint;

/// A place where the session can be written.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
    folder: PathBuf,
}

impl Target {
    /// Checks, before a login is made, that the file can be written.
    pub(super) fn prepare(path: &Path) -> Result<Self, Complaint> {
        let hint = "give --output a plain file; links and devices are not written through";
        let folder = match (path.file_name(), path.parent()) {
            (Some(_), Some(folder)) if folder.as_os_str().is_empty() => Path::new("."),
            (Some(_), Some(folder)) => folder,
            _ => return Err(Complaint::output(path, "not a path of a file", hint)),
        };
        match path.symlink_metadata() {
            Ok(there) if there.is_file() => {}
            Ok(_) => return Err(Complaint::output(path, "not a regular file", hint)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(path, &error)),
        }
        access(folder, Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| failed(path, &error.into()))?;
        Ok(Self { path: path.to_owned(), folder: folder.to_owned() })
    }

    /// Writes the whole text, with mode 0600 whatever the umask.
    pub(super) fn write(&self, text: &str) -> Result<(), Complaint> {
        let write = || {
            let owner_only = Permissions::from_mode(0o600);
            let mut file = tempfile::Builder::new()
                .prefix(".tsmgate-")
                .permissions(owner_only.clone())
                .tempfile_in(&self.folder)?;
            // said again, on the open file: the umask has a say in the mode at creation
            file.as_file().set_permissions(owner_only)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&self.path).map_err(|error| error.error)
        };
        write().map(drop).map_err(|error| failed(&self.path, &error))
    }
}

fn failed(path: &Path, error: &io::Error) -> Complaint {
    Complaint::output(
        path,
        kind_text(error.kind()),
        "check that its folder exists, is yours, and has room",
    )
}
