//! The audit's file: the end of its chain found, lines appended all or none, brought to disk.
//!
//! What cannot be written is taken back, so that the file never holds a record its call was refused
//! for. One process at a time writes it. A file that was renamed or deleted is begun anew, with the
//! chain carried over.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rustix::fs::{FlockOperation, OFlags, flock};
use time::OffsetDateTime;

use super::chain::{Head, Link};
use super::record::{Outcome, Record};
use super::verify::LINE_LIMIT;
use crate::config;
use crate::digest::sha256;
use crate::files::{self, FileFault};

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
    /// The thread cannot be started.
    #[error("cannot start the audit's thread: {0}")]
    Thread(io::Error),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandom,
}

/// Looks at the audit's file and folder as a start would, and changes nothing.
///
/// # Errors
/// As [`Audit::start`](super::Audit::start).
pub fn inspect(config: &config::Audit) -> Result<(), AuditFault> {
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

/// The open file and the end of its chain.
#[derive(Debug)]
pub(super) struct ChainFile {
    path: PathBuf,
    file: File,
    length: u64,
    head: Head,
    /// The file was missing or empty when it was opened.
    is_new: bool,
    sync_each: bool,
    /// Written and not yet on disk.
    unsynced: bool,
    /// The last sync failed: what was written before it may be lost.
    sync_failed: bool,
    /// Half a record may stand at the end and is to be taken back first.
    half_written: bool,
}

impl ChainFile {
    /// Opens or creates the file, takes it for this process alone, and closes a torn line of an
    /// earlier life.
    ///
    /// # Errors
    /// It cannot be opened, is unsafe or in use, or does not end in a record.
    pub(super) fn open(config: &config::Audit) -> Result<Self, AuditFault> {
        let path = config.file.clone();
        let opening = |cause| AuditFault::Open { path: path.clone(), cause };
        check_folder(&path)?;
        let mut file = open_append(&path).map_err(opening)?;
        check_file(&path, &file)?;
        lock(&file).map_err(|_| AuditFault::InUse(path.clone()))?;
        let (head, torn) = end_of_chain(&mut file, &path)?;
        let length = file.metadata().map_err(opening)?.len();
        let is_new = head == Head::EMPTY && torn.is_none();
        if head == Head::EMPTY {
            tracing::warn!(file = %path.display(), "a new audit chain is begun");
        }
        let sync_each = config.sync == config::Sync::Always;
        let mut chain = Self {
            path: path.clone(),
            file,
            length,
            head,
            is_new,
            sync_each,
            unsynced: false,
            sync_failed: false,
            half_written: false,
        };
        if let Some(torn) = torn {
            chain.close_torn_line(&torn).map_err(opening)?;
        }
        Ok(chain)
    }

    /// The end of the chain.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// Whether a chain was begun with it.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends records, all or none.
    ///
    /// # Errors
    /// As the system's; none of them is on file then.
    pub(super) fn append<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
    ) -> io::Result<()> {
        self.take_back()?;
        self.same_file()?;
        let failed_sync = self.sync_failed.then(|| {
            // nothing counts again before the disk takes it; that it did not is part of the record
            Record::new("sync-failed", Outcome::Failure).text("event.reason", "audit_unavailable")
        });
        let now = OffsetDateTime::now_utc();
        let (mut lines, mut head) = (String::new(), self.head);
        let mut put = |record: &Record| {
            let (line, next) = head.append(record, now);
            lines.push_str(&line);
            head = next;
        };
        failed_sync.iter().for_each(&mut put);
        records.for_each(&mut put);
        let sync_now = self.sync_each || self.sync_failed;
        let written = self.file.write_all(lines.as_bytes());
        let written = written.and_then(|()| if sync_now { self.file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            self.half_written = true;
            self.take_back()?;
            return Err(error);
        }
        self.length += lines.len() as u64;
        self.head = head;
        self.unsynced = !sync_now;
        self.sync_failed = false;
        Ok(())
    }

    /// Brings what was written to disk.
    ///
    /// # Errors
    /// As the system's; the next [`append`](Self::append) then counts only once the disk takes it.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.unsynced {
            self.file.sync_data().inspect_err(|_| self.sync_failed = true)?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Removes what a failed write left behind. A file that somebody cut meanwhile is not lengthened.
    fn take_back(&mut self) -> io::Result<()> {
        if self.half_written {
            let length = self.file.metadata()?.len();
            self.file.set_len(self.length.min(length))?;
            self.half_written = false;
        }
        Ok(())
    }

    /// The file at the path is still the one we hold. One that was moved or deleted takes writes
    /// without a word, and nobody would ever read them.
    fn same_file(&mut self) -> io::Result<()> {
        let ours = self.file.metadata()?;
        match std::fs::symlink_metadata(&self.path) {
            Ok(theirs) if is_same(&ours, &theirs) && ours.len() == self.length => return Ok(()),
            Ok(theirs) if is_same(&ours, &theirs) => {
                // somebody cut it or wrote into it: we go on at its end, and verify will show it
                tracing::error!(file = %self.path.display(), "the audit file was changed by others");
                self.length = ours.len();
                return Ok(());
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let file = open_append(&self.path)?;
        lock(&file)?;
        if let Err(error) = self.sync() {
            tracing::error!(%error, "the end of the audit file before cannot be synced");
        }
        sync_folder(&self.path);
        tracing::warn!(file = %self.path.display(), head = %self.head, "a new audit file is begun");
        self.length = file.metadata()?.len();
        self.file = file;
        Ok(())
    }

    /// Ends a line that a crash left half written, and records that it did. A line that lacks nothing
    /// but its end is a record like any other.
    fn close_torn_line(&mut self, torn: &[u8]) -> io::Result<()> {
        if let Some(link) = Link::read(torn)
            && link.follows(&self.head)
        {
            self.finish("\n")?;
            self.head = link.head(torn);
            return Ok(());
        }
        let record = Record::new("recovered", Outcome::Success)
            .number("tsmgate.audit.torn_bytes", torn.len() as u64)
            .text("tsmgate.audit.torn_sha256", &HEXLOWER.encode(&sha256(torn)));
        let (line, head) = self.head.append(&record, OffsetDateTime::now_utc());
        self.finish(&format!("\n{line}"))?;
        self.head = head;
        Ok(())
    }

    /// Writes behind a torn line, all of it or nothing: a second torn line could not be told from a
    /// stranger's.
    fn finish(&mut self, lines: &str) -> io::Result<()> {
        let written = self.file.write_all(lines.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += lines.len() as u64;
        Ok(())
    }
}

fn check_folder(path: &Path) -> Result<(), AuditFault> {
    let opening = |cause| AuditFault::Open { path: path.to_owned(), cause };
    let Some(folder) = path.parent() else { return Ok(()) };
    let folder = files::led_to(folder).map_err(|fault| match fault {
        FileFault::Unreadable { cause, .. } => opening(cause),
        fault => fault.into(),
    })?;
    Ok(files::folders(&folder)?)
}

fn check_file(path: &Path, file: &File) -> Result<(), AuditFault> {
    let opening = |cause| AuditFault::Open { path: path.to_owned(), cause };
    let metadata = file.metadata().map_err(opening)?;
    if !metadata.is_file() {
        return Err(FileFault::NotAFile(path.to_owned()).into());
    }
    Ok(files::trusted(path, &metadata)?)
}

/// For this process alone: two that wrote one chain would break it.
fn lock(file: &File) -> io::Result<()> {
    Ok(flock(file, FlockOperation::NonBlockingLockExclusive)?)
}

/// Makes a new file's name survive a crash; one that cannot is no reason to refuse.
fn sync_folder(path: &Path) {
    let folder = path.parent().and_then(|folder| File::open(folder).ok());
    let _ = folder.map(|folder| folder.sync_all());
}

fn is_same(ours: &Metadata, theirs: &Metadata) -> bool {
    ours.dev() == theirs.dev() && ours.ino() == theirs.ino()
}

/// Group-readable, so that a log shipper needs no more than a group; never through a symlink, whose
/// target somebody else might choose.
fn open_append(path: &Path) -> io::Result<File> {
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
fn end_of_chain(file: &mut File, path: &Path) -> Result<(Head, Option<Vec<u8>>), AuditFault> {
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
