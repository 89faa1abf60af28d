//! The one thread that writes records: in order, each flushed before it counts.
//!
//! What cannot be written is taken back, so that the file never holds a record its call was refused
//! for; and tried again with the next record, so that service resumes by itself.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use time::OffsetDateTime;
use tokio::sync::oneshot;

use super::chain::{Head, Link};
use super::record::{Outcome, Record};
use super::tally::Tally;
use super::verify::LINE_LIMIT;
use crate::config;
use crate::files::{self, FileFault};
use crate::identify::sha256;

/// How often sums are looked at and the disk is synced.
const TICK: Duration = Duration::from_secs(1);
/// How often the head goes to the log, where nobody who edits the file can take it back.
const HEAD_TO_LOG: Duration = Duration::from_secs(60);
/// Records written in one go.
const BATCH: usize = 256;

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
    /// The thread cannot be started.
    #[error("cannot start the audit's thread: {0}")]
    Thread(io::Error),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandom,
}

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Write this, and say whether it is on file.
    Write { record: Record, done: Option<oneshot::Sender<bool>> },
    /// Write what is due, sync, and end.
    Close(oneshot::Sender<()>),
}

/// The file and the end of its chain.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    file: File,
    length: u64,
    head: Head,
    sync_each: bool,
    unsynced: bool,
    failing: bool,
    /// Half a record may stand at the end and is to be taken back first.
    half_written: bool,
    tally: Arc<Tally>,
    lost: Arc<AtomicU64>,
}

impl Writer {
    /// Opens the file and finds the end of its chain.
    pub(super) fn open(
        config: &config::Audit,
        tally: Arc<Tally>,
        lost: Arc<AtomicU64>,
    ) -> Result<Self, AuditFault> {
        let path = config.file.clone();
        let opening = |cause| AuditFault::Open { path: path.clone(), cause };
        if let Some(folder) = path.parent() {
            let folder = files::led_to(folder).map_err(|fault| match fault {
                FileFault::Unreadable { cause, .. } => opening(cause),
                fault => fault.into(),
            })?;
            files::folders(&folder)?;
        }
        let mut file = open_append(&path).map_err(opening)?;
        let (head, torn) = end_of_chain(&mut file, &path)?;
        let length = file.metadata().map_err(opening)?.len();
        let sync_each = config.sync == config::Sync::Always;
        let mut writer = Self {
            path: path.clone(),
            file,
            length,
            head,
            sync_each,
            unsynced: false,
            failing: false,
            half_written: false,
            tally,
            lost,
        };
        if let Some(torn) = torn {
            writer.close_torn_line(&torn).map_err(opening)?;
        }
        Ok(writer)
    }

    /// Writes until it is told to close or nobody is left to tell it anything.
    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        let mut next_tick = Instant::now() + TICK;
        let mut next_head = Instant::now();
        loop {
            let wait = next_tick.saturating_duration_since(Instant::now());
            match orders.recv_timeout(wait) {
                Ok(order) => {
                    if let Some(closed) = self.batch(order, orders) {
                        self.close();
                        let _ = closed.send(());
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.close(),
            }
            if Instant::now() < next_tick {
                continue;
            }
            next_tick = Instant::now() + TICK;
            let sums = self.tally.due(false);
            self.write_unasked(&sums);
            self.sync();
            if Instant::now() >= next_head {
                next_head = Instant::now() + HEAD_TO_LOG;
                tracing::info!(head = %self.head, "audit head");
            }
        }
    }

    /// Writes an order and those that wait behind it in one go; the answer is an order to close.
    fn batch(&mut self, first: Order, orders: &Receiver<Order>) -> Option<oneshot::Sender<()>> {
        let mut records = Vec::new();
        let mut waiting = Vec::new();
        let mut close = None;
        let mut next = Some(first);
        while let Some(order) = next {
            match order {
                Order::Write { record, done } => {
                    records.push(record);
                    waiting.extend(done);
                }
                Order::Close(done) => {
                    close = Some(done);
                    break;
                }
            }
            next = if records.len() < BATCH { orders.try_recv().ok() } else { None };
        }
        let unasked = records.len() - waiting.len();
        let written = self.write(&records);
        if !written {
            self.lost.fetch_add(unasked as u64, Ordering::Relaxed);
        }
        for done in waiting {
            let _ = done.send(written);
        }
        close
    }

    /// Writes records nobody waits for; where that fails they are counted as lost.
    fn write_unasked(&mut self, records: &[Record]) {
        if !records.is_empty() && !self.write(records) {
            self.lost.fetch_add(records.len() as u64, Ordering::Relaxed);
        }
    }

    fn close(&mut self) {
        let sums = self.tally.due(true);
        self.write_unasked(&sums);
        self.sync();
        tracing::info!(head = %self.head, "audit head");
    }

    /// Whether the records are on file. All of them are, or none.
    fn write(&mut self, records: &[Record]) -> bool {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        let written = self.try_write(records, lost);
        if let Err(error) = &written {
            self.lost.fetch_add(lost, Ordering::Relaxed);
            if !self.failing {
                let file = self.path.display();
                tracing::error!(%file, %error, "the audit cannot be written: calls are refused");
            }
        } else if self.failing {
            tracing::warn!(file = %self.path.display(), "the audit can be written again");
        }
        self.failing = written.is_err();
        written.is_ok()
    }

    fn try_write(&mut self, records: &[Record], lost: u64) -> io::Result<()> {
        self.take_back()?;
        self.same_file()?;
        let now = OffsetDateTime::now_utc();
        let mut lines = String::new();
        let mut head = self.head;
        let gap = (lost > 0)
            .then(|| Record::new("records-lost", Outcome::Failure).number("tsmgate.count", lost));
        for record in gap.iter().chain(records) {
            let (line, next) = head.append(record, now);
            lines.push_str(&line);
            head = next;
        }
        let written = self
            .file
            .write_all(lines.as_bytes())
            .and_then(|()| if self.sync_each { self.file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            self.half_written = true;
            self.take_back()?;
            return Err(error);
        }
        self.length += lines.len() as u64;
        self.head = head;
        self.unsynced = !self.sync_each;
        Ok(())
    }

    /// Removes what a failed write left behind.
    fn take_back(&mut self) -> io::Result<()> {
        if self.half_written {
            self.file.set_len(self.length)?;
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
        tracing::warn!(file = %self.path.display(), head = %self.head, "a new audit file is begun");
        self.length = file.metadata()?.len();
        self.file = file;
        Ok(())
    }

    fn sync(&mut self) {
        if !self.unsynced {
            return;
        }
        match self.file.sync_data() {
            Ok(()) => self.unsynced = false,
            Err(error) => {
                tracing::error!(file = %self.path.display(), %error, "the audit cannot be synced");
            }
        }
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

fn is_same(ours: &Metadata, theirs: &Metadata) -> bool {
    ours.dev() == theirs.dev() && ours.ino() == theirs.ino()
}

/// Group-readable, so that a log shipper needs no more than a group; never through a symlink, whose
/// target somebody else might choose.
fn open_append(path: &Path) -> io::Result<File> {
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
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
