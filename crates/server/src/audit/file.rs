//! The audit's file: lines appended, brought to disk, and told to the journal where that is asked for.
//!
//! What is not taken by both is taken back, so that the file never holds a record its call was refused
//! for. A file that was renamed or deleted is begun anew, with the chain carried over; so is one that
//! has reached its size.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use time::OffsetDateTime;

use super::chain::{Head, Lines, Link};
use super::disk::{Disk, to_disk};
use super::journal::Journal;
use super::opening::{
    AuditFault, check_file, check_folder, end_of_chain, inode, lock, open_append, sync_folder,
};
use super::record::{Outcome, Record};
use super::rotation;
use crate::config;
use crate::digest::sha256;
use tsmgate_settings::files;

/// Why records do not count.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppendFault {
    /// The file takes none.
    #[error("the file: {0}")]
    File(#[from] io::Error),
    /// The journal does not.
    #[error("the journal: {0}")]
    Journal(io::Error),
}

/// That not all records were appended.
#[derive(Debug)]
pub(super) struct Refused {
    /// How many of them were all the same, from the first on; they count.
    pub(super) counted: usize,
    /// Why no more.
    pub(super) cause: AppendFault,
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self { counted: 0, cause: error.into() }
    }
}

/// The open file and the end of its chain.
#[derive(Debug)]
pub(super) struct ChainFile {
    path: PathBuf,
    file: File,
    /// Which file that is.
    inode: (u64, u64),
    length: u64,
    head: Head,
    /// The file was missing or empty when it was opened.
    is_new: bool,
    sync_each: bool,
    disk: Disk,
    /// Written, and not yet given to the disk.
    unsynced: bool,
    /// The last sync failed: what was written before it may be lost.
    sync_failed: bool,
    /// What does not count may stand at the end and is to be taken back first.
    half_written: bool,
    /// The file was begun with a chain carried over, and has no record that says so yet.
    begun: bool,
    /// From how many bytes on the file is put aside.
    rotate_size: Option<u64>,
    /// The last try to put it aside failed.
    aside_failed: bool,
    journal: Option<Journal>,
}

impl ChainFile {
    /// Opens or creates the file, takes it for this process alone, and closes a torn line of an
    /// earlier life.
    ///
    /// # Errors
    /// It cannot be opened, is unsafe or in use, or does not end in a record; or the journal is to be
    /// told and is not there.
    pub(super) fn open(config: &config::Audit) -> Result<Self, AuditFault> {
        let journal =
            config.journal.then(Journal::open).transpose().map_err(AuditFault::Journal)?;
        let path = config.file.clone();
        let opening = |cause| AuditFault::Open { path: path.clone(), cause };
        check_folder(&path)?;
        let mut file = open_append(&path).map_err(opening)?;
        check_file(&path, &file)?;
        lock(&file).map_err(|_| AuditFault::InUse(path.clone()))?;
        let (head, torn) = end_of_chain(&mut file, &path)?;
        let metadata = file.metadata().map_err(opening)?;
        let (inode, length) = (inode(&metadata), metadata.len());
        let is_new = head == Head::EMPTY && torn.is_none();
        if head == Head::EMPTY {
            tracing::warn!(file = %path.display(), "a new audit chain is begun");
        }
        let sync_each = config.sync == config::Sync::Always;
        let mut chain = Self {
            path: path.clone(),
            file,
            inode,
            length,
            head,
            is_new,
            sync_each,
            disk: Disk::start().map_err(AuditFault::Thread)?,
            unsynced: false,
            sync_failed: false,
            half_written: false,
            begun: false,
            rotate_size: config.rotate_size,
            aside_failed: false,
            journal,
        };
        if let Some(torn) = torn {
            chain.close_torn_line(&torn).map_err(|fault| match fault {
                AppendFault::File(cause) => opening(cause),
                AppendFault::Journal(cause) => AuditFault::Journal(cause),
            })?;
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

    /// Appends records, in order. Where the file does not take them none counts; where the journal does
    /// not, those count that it took, and the others are taken back.
    ///
    /// The file comes first because it alone can take back: so no record is in the journal that the
    /// file has refused, and none in the file whose call was refused.
    ///
    /// # Errors
    /// How many count, and why no more.
    pub(super) fn append<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
    ) -> Result<(), Refused> {
        // where we sync ourselves no other sync may take the disk's word for a failure away from us
        let alone = self.sync_each || self.sync_failed;
        if let Err(error) = if alone { self.disk.wait() } else { self.disk.ended() } {
            self.sync_failed = true;
            tracing::error!(file = %self.path.display(), %error, "the audit was not brought to disk");
        }
        self.take_back()?;
        self.same_file()?;
        self.put_aside_if_full();
        let ours = self.ours();
        let mut lines = Lines::after(self.head);
        ours.iter().for_each(|record| lines.put(record));
        records.for_each(|record| lines.put(record));
        let sync_now = self.sync_each || self.sync_failed;
        let written = self.file.write_all(lines.text.as_bytes());
        let written = written.and_then(|()| if sync_now { to_disk(&self.file) } else { Ok(()) });
        if let Err(error) = written {
            self.half_written = true;
            self.take_back()?;
            return Err(error.into());
        }
        let (taken, told) = match &mut self.journal {
            None => (lines.ends.len(), Ok(())),
            Some(journal) => journal.send(lines.each()),
        };
        if let Some((end, head)) = taken.checked_sub(1).and_then(|last| lines.ends.get(last)) {
            self.length += *end as u64;
            self.head = *head;
        }
        self.unsynced = !sync_now;
        if taken >= ours.len() {
            self.sync_failed = false;
            self.begun = false;
        }
        told.map_err(|error| {
            self.half_written = true;
            // what cannot be taken back now is before the next record
            let _ = self.take_back();
            Refused {
                counted: taken.saturating_sub(ours.len()),
                cause: AppendFault::Journal(error),
            }
        })
    }

    /// Whether a record of our own is due: that the disk failed, or that a file was begun.
    pub(super) fn owes(&self) -> bool {
        self.sync_failed || self.begun
    }

    /// Looks whether the file is still in its place, and begins a new one where it is not. Done also
    /// while there is nothing to record, so that a file that was renamed is let go within a second.
    ///
    /// # Errors
    /// As the system's.
    pub(super) fn look(&mut self) -> Result<(), AppendFault> {
        self.take_back()?;
        Ok(self.same_file()?)
    }

    /// The records that come before all others.
    fn ours(&self) -> Vec<Record> {
        let begun = self.begun.then(|| Record::new("rotated", Outcome::Success));
        let failed_sync = self.sync_failed.then(|| {
            // nothing counts again before the disk takes it; that it did not is part of the record
            Record::new("sync-failed", Outcome::Failure).text("event.reason", "audit_unavailable")
        });
        begun.into_iter().chain(failed_sync).collect()
    }

    /// Brings what was written to disk.
    ///
    /// # Errors
    /// As the system's; the next [`append`](Self::append) then counts only once the disk takes it.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.disk.wait().inspect_err(|_| self.sync_failed = true)?;
        if self.unsynced {
            to_disk(&self.file).inspect_err(|_| self.sync_failed = true)?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// The same, without waiting for the disk: a failure may show at the next call.
    ///
    /// # Errors
    /// As [`sync`](Self::sync), for what was begun earlier.
    pub(super) fn sync_meanwhile(&mut self) -> io::Result<()> {
        self.disk.ended().inspect_err(|_| self.sync_failed = true)?;
        if self.unsynced && !self.disk.is_busy() {
            self.disk.begin(&self.file)?;
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
            // a crash must not bring it back
            self.unsynced = true;
        }
        Ok(())
    }

    /// The file at the path is still the one we hold. One that was moved or deleted takes writes
    /// without a word, and nobody would ever read them.
    fn same_file(&mut self) -> io::Result<()> {
        match std::fs::symlink_metadata(&self.path) {
            Ok(there) if inode(&there) == self.inode && there.len() == self.length => return Ok(()),
            Ok(there) if inode(&there) == self.inode => {
                // somebody cut it or wrote into it: we go on at its end, and verify will show it
                tracing::error!(file = %self.path.display(), "the audit file was changed by others");
                self.length = there.len();
                return Ok(());
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        self.begin()?;
        tracing::warn!(file = %self.path.display(), head = %self.head, "a new audit file is begun");
        Ok(())
    }

    /// Begins a new file in the place of one that is no longer there. Others may have made it: one that
    /// they could change as well is not written into.
    fn begin(&mut self) -> io::Result<()> {
        let file = open_append(&self.path)?;
        let metadata = file.metadata()?;
        files::trusted(&self.path, &metadata).map_err(io::Error::other)?;
        lock(&file)?;
        let length = metadata.len();
        if let Err(error) = self.sync() {
            tracing::error!(%error, "the end of the audit file before cannot be synced");
        }
        sync_folder(&self.path);
        self.length = length;
        self.inode = inode(&metadata);
        self.file = file;
        self.begun = true;
        Ok(())
    }

    /// Puts a file aside that has reached its size, and begins a new one. Where that cannot be, the
    /// file goes on growing: no call is refused for it.
    fn put_aside_if_full(&mut self) {
        if self.rotate_size.is_none_or(|size| self.length < size) {
            return;
        }
        let aside = rotation::aside(&self.path, self.head.sequence);
        let begun = rotation::rename(&self.path, &aside).and_then(|()| {
            // nothing is lost where this fails too: the file is then found missing
            self.begin().inspect_err(|_| drop(rotation::rename(&aside, &self.path)))
        });
        let (file, aside) = (self.path.display(), aside.display());
        match &begun {
            Ok(()) => tracing::info!(%file, %aside, head = %self.head, "a new audit file is begun"),
            Err(error) if !self.aside_failed => {
                tracing::error!(%file, %aside, %error, "the audit file cannot be put aside and grows on");
            }
            Err(_) => {}
        }
        self.aside_failed = begun.is_err();
    }

    /// Ends a line that a crash left half written, and records that it did. A line that lacks nothing
    /// but its end is a record like any other.
    fn close_torn_line(&mut self, torn: &[u8]) -> Result<(), AppendFault> {
        if let Some(link) = Link::read(torn)
            && link.follows(&self.head)
        {
            self.finish("\n", &String::from_utf8_lossy(torn))?;
            self.head = link.head(torn);
            return Ok(());
        }
        let record = Record::new("recovered", Outcome::Success)
            .number("tsmgate.audit.torn_bytes", torn.len() as u64)
            .text("tsmgate.audit.torn_sha256", &HEXLOWER.encode(&sha256(torn)));
        let (line, head) = self.head.append(&record, OffsetDateTime::now_utc());
        self.finish(&format!("\n{line}"), line.trim_end())?;
        self.head = head;
        Ok(())
    }

    /// Writes behind a torn line, all of it or nothing: a second torn line could not be told from a
    /// stranger's. The journal learns of the record that this makes whole.
    fn finish(&mut self, lines: &str, record: &str) -> Result<(), AppendFault> {
        let written = self.file.write_all(lines.as_bytes()).and_then(|()| to_disk(&self.file));
        let told = written.map_err(AppendFault::File).and_then(|()| match &mut self.journal {
            None => Ok(()),
            Some(journal) => journal.send([record].into_iter()).1.map_err(AppendFault::Journal),
        });
        if told.is_err() {
            self.file.set_len(self.length)?;
        }
        told?;
        self.length += lines.len() as u64;
        Ok(())
    }
}
