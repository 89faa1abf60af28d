//! Bringing the file to disk on a thread of its own, so that a slow disk does not hold up the records
//! that come meanwhile.
//!
//! One sync at a time and no queue of its own: the order of records is the writer's alone. A sync that
//! takes too long is waited for, so that not more and more records count that no disk has.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

/// How long records go on while the disk is at it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The thread's end at the writer.
#[derive(Debug)]
pub(super) struct Disk {
    files: SyncSender<File>,
    ends: Receiver<io::Result<()>>,
    /// Since when a sync is under way.
    since: Option<Instant>,
}

impl Disk {
    /// Starts the thread; it ends with this value.
    ///
    /// # Errors
    /// As the system's.
    pub(super) fn start() -> io::Result<Self> {
        let (files, work) = sync_channel::<File>(1);
        let (done, ends) = sync_channel(1);
        std::thread::Builder::new().name("audit-disk".to_owned()).spawn(move || {
            for file in work {
                let ended = to_disk(&file);
                // its lock ends with the last descriptor: the next process must find it free
                drop(file);
                if done.send(ended).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { files, ends, since: None })
    }

    /// Whether a sync is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.since.is_some()
    }

    /// Begins to sync a file, through a descriptor of its own.
    ///
    /// # Errors
    /// As the system's.
    pub(super) fn begin(&mut self, file: &File) -> io::Result<()> {
        self.files.try_send(file.try_clone()?).map_err(io::Error::other)?;
        self.since = Some(Instant::now());
        Ok(())
    }

    /// How a sync went that has ended; one that takes longer than [`PATIENCE`] is waited for.
    ///
    /// # Errors
    /// As the system's, once.
    pub(super) fn ended(&mut self) -> io::Result<()> {
        match self.since {
            None => Ok(()),
            Some(since) if since.elapsed() > PATIENCE => self.wait(),
            Some(_) => match self.ends.try_recv() {
                Err(TryRecvError::Empty) => Ok(()),
                ended => self.took(ended.map_err(io::Error::other)),
            },
        }
    }

    /// Waits for a sync that is under way, and says how it went.
    ///
    /// # Errors
    /// As the system's, once.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        if self.since.is_none() {
            return Ok(());
        }
        let ended = self.ends.recv();
        self.took(ended.map_err(io::Error::other))
    }

    fn took(&mut self, ended: io::Result<io::Result<()>>) -> io::Result<()> {
        self.since = None;
        ended?
    }
}

/// Brings a file to disk. What is put into its place while we run may be a pipe, which has no disk
/// under it: a failure of the disk is something else.
///
/// # Errors
/// As the system's.
pub(super) fn to_disk(file: &File) -> io::Result<()> {
    match file.sync_data() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}
