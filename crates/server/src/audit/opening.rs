//! Opening the audit's file: that nobody else could have written it, for this process alone, and the
//! end of the chain that stands in it.
//!
//! Changes nothing but that a missing file is made.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

use super::chain::{Head, Link};
use super::journal::{self, Journal};
use super::verify::LINE_LIMIT;
use crate::config;
use tsmgate_settings::files::{self, FileFault};

/// Why the audit cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AuditFault {
    /// The file cannot be opened or read.
    #[error("cannot open the audit file {path}: {cause}")]
    Open {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Others could change it.
    #[error(transparent)]
    Unsafe(#[from] FileFault),
    /// Its last line is not a record, so that the chain cannot be continued.
    #[error(
        "{0} does not end in a record; check it with `tsmgated audit verify`, then move it away"
    )]
    NotAChain(PathBuf),
    /// Another process writes it.
    #[error("{0} is being written by another process; is tsmgated running already?")]
    InUse(PathBuf),
    /// The journal is to take each record, and does not.
    #[error(
        "cannot reach the journal at {socket}: {0}; is systemd-journald running? else set \
         audit.journal = false",
        socket = journal::SOCKET
    )]
    Journal(io::Error),
    /// The thread cannot be started.
    #[error("cannot start the audit's thread: {0}")]
    Thread(io::Error),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandom,
}

/// Looks at the audit's file, its folder and the journal as a start would, and changes nothing.
///
/// # Errors
/// As [`Audit::start`](super::Audit::start).
pub fn inspect(config: &config::Audit) -> Result<(), AuditFault> {
    if config.journal {
        Journal::open().map_err(AuditFault::Journal)?;
    }
    let path = &config.file;
    let opening = |cause| AuditFault::Open { path: path.clone(), cause };
    check_folder(path)?;
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(opening(error)),
    };
    check_file(path, &file)?;
    end_of_chain(&mut file, path).map(|_| ())
}

pub(super) fn check_folder(path: &Path) -> Result<(), AuditFault> {
    let opening = |cause| AuditFault::Open { path: path.to_owned(), cause };
    let Some(folder) = path.parent() else { return Ok(()) };
    let folder = files::led_to(folder).map_err(|fault| match fault {
        FileFault::Unreadable { cause, .. } => opening(cause),
        fault => fault.into(),
    })?;
    Ok(files::folders(&folder)?)
}

pub(super) fn check_file(path: &Path, file: &File) -> Result<(), AuditFault> {
    let opening = |cause| AuditFault::Open { path: path.to_owned(), cause };
    let metadata = file.metadata().map_err(opening)?;
    if !metadata.is_file() {
        return Err(FileFault::NotAFile(path.to_owned()).into());
    }
    Ok(files::trusted(path, &metadata)?)
}

/// For this process alone: two that wrote one chain would break it.
pub(super) fn lock(file: &File) -> io::Result<()> {
    Ok(flock(file, FlockOperation::NonBlockingLockExclusive)?)
}

/// Makes a new file's name survive a crash; one that cannot is no reason to refuse.
pub(super) fn sync_folder(path: &Path) {
    let folder = path.parent().and_then(|folder| File::open(folder).ok());
    let _ = folder.map(|folder| folder.sync_all());
}

/// Which file it is, for as long as it is held open.
pub(super) fn inode(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Group-readable, so that a log shipper needs no more than a group; never through a symlink, whose
/// target somebody else might choose.
pub(super) fn open_append(path: &Path) -> io::Result<File> {
    let no_follow = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o640)
        .custom_flags(no_follow)
        .open(path)
}

/// The head of the chain a file ends with, and the torn line after it if there is one.
pub(super) fn end_of_chain(
    file: &mut File,
    path: &Path,
) -> Result<(Head, Option<Vec<u8>>), AuditFault> {
    let opening = |cause| AuditFault::Open { path: path.to_owned(), cause };
    let length = file.seek(SeekFrom::End(0)).map_err(opening)?;
    // two lines are enough: a whole one, and a torn one
    let start = length.saturating_sub(2 * LINE_LIMIT as u64);
    file.seek(SeekFrom::Start(start)).map_err(opening)?;
    let mut tail = Vec::new();
    file.take(2 * LINE_LIMIT as u64).read_to_end(&mut tail).map_err(opening)?;
    let (lines, torn) = match tail.iter().rposition(|&byte| byte == b'\n') {
        None => (&[][..], tail.as_slice()),
        Some(end) => tail.split_at(end + 1),
    };
    let torn = (!torn.is_empty()).then(|| torn.to_vec());
    let Some(last) =
        lines.strip_suffix(b"\n").and_then(|lines| lines.rsplit(|&b| b == b'\n').next())
    else {
        return if start == 0 {
            Ok((Head::EMPTY, torn))
        } else {
            Err(AuditFault::NotAChain(path.to_owned()))
        };
    };
    let link = Link::read(last).ok_or_else(|| AuditFault::NotAChain(path.to_owned()))?;
    Ok((link.head(last), torn))
}
