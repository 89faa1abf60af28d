//! Commands on disk: a folder each below `tasks`, with `task.json` and `output.jsonl`, so that what was taken, what
//! came of it and what the gate has not recorded yet outlive the runner.
//!
//! No secret and no file that goes along is ever written here. What is written replaces the old whole, or not at
//! all.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use tsmgate_catalogue::runner::{Id, Notice, Task};
use tsmgate_settings::files::{FileFault, folders, led_to};

use crate::clock;

/// The largest `task.json`, in bytes: a task three times, with all the arguments that an order may have.
const TASK_LIMIT: u64 = 16 * 1024 * 1024;
/// How many commands may be taken in one second.
const SAME_SECOND: u32 = 1000;

/// What is kept of one command.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    /// The command.
    pub task: Task,
    /// What the gate has not recorded yet.
    pub notices: Vec<Notice>,
}

/// The folder of all commands.
#[derive(Debug)]
pub struct Store {
    tasks: PathBuf,
    work: PathBuf,
    // one runner at a time: another's commands would look like an earlier life's
    _lock: File,
}

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// Others could change what is in it.
    #[error(transparent)]
    Trust(#[from] FileFault),
    /// There is a runner on it already.
    #[error("another runner uses {0}")]
    Busy(PathBuf),
    /// A folder cannot be made or read.
    #[error("cannot use {path}: {cause}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

impl Store {
    /// Opens the store below `state`; its folders are made where they are missing.
    ///
    /// # Errors
    /// They cannot be made, others than root and our user could write them, or another runner uses them.
    pub fn open(state: &Path) -> Result<Self, StoreFault> {
        let (tasks, work) = (state.join("tasks"), state.join("work"));
        for folder in [state, &tasks, &work] {
            let fault = |cause| StoreFault::Folder { path: folder.to_owned(), cause };
            match private().create(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(fault(error));
                }
                _ => {}
            }
            folders(&led_to(folder)?)?;
            let found = folder.metadata().map_err(fault)?;
            if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
                let what = "it is not a folder of the user this runs as";
                return Err(fault(io::Error::other(what)));
            }
        }
        let fault = |cause| StoreFault::Folder { path: state.to_owned(), cause };
        let lock = File::open(state).map_err(fault)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { tasks, work, _lock: lock }),
            Err(Errno::WOULDBLOCK) => Err(StoreFault::Busy(state.to_owned())),
            Err(errno) => Err(fault(errno.into())),
        }
    }

    /// Where the private folders of running commands are.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// Where the output of a command is.
    pub fn output(&self, id: &Id) -> PathBuf {
        self.tasks.join(id.as_str()).join("output.jsonl")
    }

    /// A number that no command has, and its folder.
    ///
    /// # Errors
    /// As the system's.
    pub fn new_id(&self) -> io::Result<Id> {
        let second = clock::compact();
        for count in 0..SAME_SECOND {
            let Some(id) = Id::new(&format!("{second}-{count:03}")) else { break };
            match private().create(self.tasks.join(id.as_str())) {
                Ok(()) => {
                    File::open(&self.tasks)?.sync_all()?;
                    return Ok(id);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("no number is free"))
    }

    /// Writes what is kept of a command; it is on disk when this returns.
    ///
    /// # Errors
    /// As the system's; what was written before is still there.
    pub fn save(&self, task: &Task, notices: &[Notice]) -> io::Result<()> {
        #[derive(Serialize)]
        struct Written<'a> {
            task: &'a Task,
            notices: &'a [Notice],
        }
        let folder = self.tasks.join(task.id.as_str());
        let fresh = folder.join("task.json.new");
        let bytes = serde_json::to_vec(&Written { task, notices })?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let written = options.open(&fresh).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        });
        let written = written.and_then(|()| std::fs::rename(&fresh, folder.join("task.json")));
        if let Err(error) = written {
            let _ = std::fs::remove_file(&fresh);
            return Err(error);
        }
        File::open(&folder)?.sync_all()
    }

    /// Forgets a command.
    pub fn remove(&self, id: &Id) {
        let folder = self.tasks.join(id.as_str());
        if let Err(error) = std::fs::remove_dir_all(&folder)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(command = %id, %error, "an old command cannot be removed");
        }
    }

    /// All that is kept, the oldest first. What cannot be read is left where it is, and told.
    pub fn load(&self) -> Vec<Kept> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(&self.tasks).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(id) = name.to_str().and_then(Id::new) else { continue };
            match read(&entry.path().join("task.json")) {
                Ok(kept) if kept.task.id == id => all.push(kept),
                // it was refused: nothing was kept of it
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.remove(&id),
                Ok(_) => tracing::warn!(command = %id, "a kept command has another's number"),
                Err(error) => {
                    tracing::warn!(command = %id, %error, "a kept command cannot be read");
                }
            }
        }
        all.sort_by(|one, other| one.task.id.cmp(&other.task.id));
        all
    }
}

/// A folder for us alone.
fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn read(path: &Path) -> io::Result<Kept> {
    let mut bytes = Vec::new();
    File::open(path)?.take(TASK_LIMIT).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}
