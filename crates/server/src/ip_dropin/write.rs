//! Puts the drop-ins where systemd finds them: whole or not at all, and never over a file that somebody
//! else wrote.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{FILE, MADE_BY, Peers, Unit, text};

/// Longer than any drop-in of ours; what is longer is somebody else's.
const LIMIT: u64 = 1024 * 1024;

/// Why a drop-in was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteFault {
    /// There is a file of that name which this command did not make.
    #[error("{0} was not made by this command; move it away, or write to another folder")]
    Foreign(PathBuf),
    /// The system says no.
    #[error("cannot write {path}: {cause}")]
    Unwritable {
        /// What.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is new, or says something else now.
    Anew(PathBuf),
    /// It said the same before.
    Unchanged(PathBuf),
}

/// Writes both drop-ins below `folder`, which must exist.
///
/// # Errors
/// A file of somebody else's is in the way (then nothing was written), or the system refuses.
pub fn write(folder: &Path, peers: &Peers<'_>) -> Result<Vec<Written>, WriteFault> {
    let files = Unit::ALL.map(|unit| {
        let within = folder.join(format!("{}.d", unit.name()));
        (within.clone(), within.join(FILE), text(unit, peers))
    });
    let mut before = Vec::new();
    for (_, path, _) in &files {
        before.push(standing(path)?);
    }
    let mut written = Vec::new();
    for ((folder, path, text), before) in files.into_iter().zip(before) {
        if before.as_deref() == Some(text.as_bytes()) {
            written.push(Written::Unchanged(path));
            continue;
        }
        replace(&folder, &path, &text)
            .map_err(|cause| WriteFault::Unwritable { path: path.clone(), cause })?;
        written.push(Written::Anew(path));
    }
    Ok(written)
}

/// What stands there already, which must be ours.
fn standing(path: &Path) -> Result<Option<Vec<u8>>, WriteFault> {
    let unwritable = |cause| WriteFault::Unwritable { path: path.to_owned(), cause };
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unwritable(error)),
        // a symlink is somebody's decision, such as one to /dev/null
        Ok(metadata) if !metadata.is_file() => return Err(WriteFault::Foreign(path.to_owned())),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LIMIT).read_to_end(&mut bytes))
        .map_err(unwritable)?;
    if !bytes.starts_with(MADE_BY.as_bytes()) {
        return Err(WriteFault::Foreign(path.to_owned()));
    }
    Ok(Some(bytes))
}

/// By a file beside it and a rename, so that systemd never reads half of one.
fn replace(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    match DirBuilder::new().mode(0o755).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // systemd reads `*.conf` alone
    let beside = folder.join(format!(".{FILE}.{}", std::process::id()));
    let done = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&beside, path));
    if done.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    done?;
    File::open(folder)?.sync_all()
}
