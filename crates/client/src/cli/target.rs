//! A file that an answer goes to, there whole or not at all.
//!
//! It is written under a random name in the same folder and moved into place; moving never
//! follows a link. What is there and is no regular file (a link, a device, a folder) is refused: a
//! link may lead to where others read, and a device must not be replaced by a file.

use std::io;
use std::path::{Path, PathBuf};

use tsmgate_pki::kind_text;

use crate::cli::complaint::Complaint;
use crate::system::mode::{Readers, may_write, write_whole};

/// A place where a file can be written.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
    folder: PathBuf,
}

impl Target {
    /// Checks, before anything is asked for, that the file can be written. `argument` is the one that names it.
    pub(super) fn prepare(path: &Path, argument: &str) -> Result<Self, Complaint> {
        let hint =
            format!("give {argument} a plain file; links and devices are not written through");
        let folder = match (path.file_name(), path.parent()) {
            (Some(_), Some(folder)) if folder.as_os_str().is_empty() => Path::new("."),
            (Some(_), Some(folder)) => folder,
            _ => return Err(Complaint::output(path, "not a path of a file", &hint)),
        };
        match path.symlink_metadata() {
            Ok(there) if there.is_file() => {}
            Ok(_) => return Err(Complaint::output(path, "not a regular file", &hint)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(path, &error)),
        }
        may_write(folder).map_err(|error| failed(path, &error))?;
        Ok(Self { path: path.to_owned(), folder: folder.to_owned() })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the whole file, for these readers whatever the umask.
    pub(super) fn write(&self, bytes: &[u8], readers: Readers) -> Result<(), Complaint> {
        let written = write_whole(&self.folder, &self.path, bytes, readers);
        written.map(drop).map_err(|error| failed(&self.path, &error))
    }
}

fn failed(path: &Path, error: &io::Error) -> Complaint {
    Complaint::output(
        path,
        kind_text(error.kind()),
        "check that its folder exists, is yours, and has room",
    )
}
