//! One session's place in the folder: its name, its file, its lock.
//!
//! The name is a digest of all that decides whose session it is: the way, the gate's name and authority, our
//! certificate. Files count by what is in them, so that a renewed certificate has a place of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use data_encoding::HEXLOWER;
use tokio::time::{Instant, sleep};

use super::kept::{self, Kept};
use super::{Amiss, CacheFault};
use crate::failure::LoginFailure;
use crate::system::folder::{Folder, Lock};
use crate::{Login, Source, identity};

/// Between two looks at a lock that another has.
const LOCK_EVERY: Duration = Duration::from_millis(25);

/// The most files that are looked at for old sessions, at once.
const SWEPT_MOST: usize = 256;

/// The place of one session.
#[derive(Debug)]
pub(super) struct Slot {
    folder: Folder,
    path: PathBuf,
    name: String,
}

/// What is found, and not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Doubt {
    pub(super) path: PathBuf,
    pub(super) what: Untrusted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Untrusted {
    #[error("{0}")]
    Amiss(#[from] Amiss),
    #[error("damaged, or of another version")]
    Unreadable,
}

impl Slot {
    /// The place of this source's session; the folder is made, and has to be ours.
    pub(super) fn of(folder: &Path, source: &Source) -> Result<Self, LoginFailure> {
        let name = name(source)?;
        let path = folder.to_owned();
        match Folder::open(folder) {
            Ok(folder) => Ok(Self { folder, path, name }),
            Err(what) => Err(CacheFault::Folder { path, what }.into()),
        }
    }

    /// The session that is there, whatever its age; none where it is of another run of the system.
    pub(super) fn look(&self) -> Result<Option<Kept>, Doubt> {
        let doubt = |what| Doubt { path: self.path.join(&self.name), what };
        let read = self.folder.read(&self.name, kept::MOST);
        let Some(bytes) = read.map_err(|what| doubt(what.into()))? else { return Ok(None) };
        Kept::read(&bytes).map_err(|()| doubt(Untrusted::Unreadable))
    }

    /// Puts a session there.
    pub(super) fn keep(&self, login: &Login, asked: Duration) -> Result<(), CacheFault> {
        let text = kept::text(login, asked);
        self.folder
            .replace(&self.name, text.as_bytes())
            .map_err(|error| self.unwritable(&self.name, Amiss::System(error.kind())))
    }

    /// Leaves nothing there.
    pub(super) fn empty(&self) -> Result<(), CacheFault> {
        self.folder
            .discard(&self.name)
            .map_err(|error| self.unwritable(&self.name, Amiss::System(error.kind())))
    }

    /// Removes the sessions of other places that TSM does not honour any more, as those of certificates that are
    /// renewed since. What cannot be looked at or removed stays.
    pub(super) fn sweep(&self) {
        for name in self.folder.names(SWEPT_MOST).into_iter().filter(|name| is_a_place(name)) {
            if name == self.name {
                continue;
            }
            // who has the lock is about to put another there
            let Ok(Some(_lock)) = self.folder.lock(&lock_name(&name)) else { continue };
            let read = self.folder.read(&name, kept::MOST);
            let Ok(Some(bytes)) = read else { continue };
            if Kept::read(&bytes).is_ok_and(|kept| !kept.is_some_and(|kept| kept.is_honoured())) {
                let _ = self.folder.discard(&name);
            }
        }
    }

    /// Takes the lock, unless another has it.
    pub(super) fn try_lock(&self) -> Result<Option<Lock>, CacheFault> {
        let name = lock_name(&self.name);
        self.folder.lock(&name).map_err(|what| self.unwritable(&name, what))
    }

    /// Takes the lock, and waits for it until then.
    pub(super) async fn lock(&self, deadline: Instant) -> Result<Lock, CacheFault> {
        loop {
            if let Some(lock) = self.try_lock()? {
                return Ok(lock);
            }
            if Instant::now() >= deadline {
                return Err(CacheFault::Busy { path: self.path.join(lock_name(&self.name)) });
            }
            sleep(LOCK_EVERY).await;
        }
    }

    fn unwritable(&self, name: &str, what: Amiss) -> CacheFault {
        CacheFault::Unwritable { path: self.path.join(name), what }
    }
}

fn lock_name(name: &str) -> String {
    format!("{name}.lock")
}

/// Whether a file has the name of a session, as [`name`] makes it.
fn is_a_place(name: &str) -> bool {
    name.len() == 2 * SHA256_OUTPUT_LEN && HEXLOWER.decode(name.as_bytes()).is_ok()
}

/// The file's name: nothing in it is a secret, and all of it decides.
fn name(source: &Source) -> Result<String, LoginFailure> {
    let mut digest = Context::new(&SHA256);
    let mut add = |part: &[u8]| {
        // with its length: two parts must not pass for two others
        digest.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    };
    match source {
        Source::Gate(gate) => {
            add(b"gate");
            add(gate.address.to_string().as_bytes());
            add(gate.server_name.as_bytes());
            add(&identity::contents(&gate.authority)?);
            add(&identity::contents(&gate.certificate)?);
        }
        Source::LocalGate(gate) => {
            add(b"local gate");
            add(absolute(&gate.path).as_os_str().as_encoded_bytes());
        }
        Source::LocalSocket(socket) => {
            add(b"local socket");
            add(absolute(&socket.path).as_os_str().as_encoded_bytes());
        }
    }
    Ok(HEXLOWER.encode(digest.finish().as_ref()))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
