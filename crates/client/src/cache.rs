//! Sessions that the commands of one user share: one file for each way to a session, in a folder that is that
//! user's alone and that the system forgets.
//!
//! A session is served until nine tenths of its time are over, and asked for anew from three quarters on, by one
//! process at a time; the others wait and take what it got. What decides is the time since the system started:
//! the wall clock has no part in it. What is found and cannot be trusted is replaced, and said.
//!
//! It refuses a folder that others may enter, a file that is a link, and /tmp. Nothing in a file's name is a
//! secret, and no session is served to somebody who comes with another certificate.

use std::fmt;
use std::path::PathBuf;

use tokio::time::Instant;

use crate::failure::{LoginFailure, shown};
use crate::gate::TIMEOUT_MOST;
use crate::system::clock::since_boot;
use crate::{Login, Secret, Source};

mod fault;
mod kept;
mod place;
mod slot;

pub use crate::system::folder::Amiss;
pub use fault::CacheFault;
pub(crate) use kept::Stage;

use kept::Kept;
use slot::{Doubt, Slot};

/// A folder of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    folder: PathBuf,
}

/// Which session is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// Whichever is good.
    Good,
    /// One that was not there before.
    Fresh,
    /// Another than this, which TSM does not take any more.
    InsteadOf(&'a Secret),
}

/// A session, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The session. When it was asked for is told by the wall clock as it is now.
    pub login: Login,
    /// It was taken just now, and not found.
    pub is_new: bool,
    /// What a person should know.
    pub notice: Option<Notice>,
}

/// What was not as it should be, and did not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice(Cause);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Cause {
    /// What was cached was not trusted.
    Replaced(Doubt),
    /// There is no newer session, because of this.
    Ageing(LoginFailure),
    /// It is not there for the next, because of this.
    NotKept(CacheFault),
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Replaced(Doubt { path, what }) => {
                write!(formatter, "replaced the cached session in {}: {what}", shown(path))
            }
            Cause::Ageing(failure) => {
                write!(formatter, "the cached session goes on for now; no newer one: {failure}")
            }
            Cause::NotKept(fault) => write!(formatter, "the session is not cached: {fault}"),
        }
    }
}

impl Cache {
    /// The cache in this folder, which has to be its owner's alone; it is made with mode 0700 where it is
    /// missing. Nothing is looked at before the first question.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The cache of this user: `$TSMGATE_RUNTIME_DIR`, else `tsmgate` in `$XDG_RUNTIME_DIR` or in
    /// `/run/user/UID`, whichever of the two is there and this user's.
    ///
    /// # Errors
    /// [`CacheFault::NoFolder`] where there is none of them.
    pub fn of_user() -> Result<Self, CacheFault> {
        place::folder().map(Self::new)
    }

    /// A session: a good one that is there, or a new one, which is then there. Ends within twice the source's
    /// timeout: one for whoever asks already, one for the asking; and 5 s more for the end of the session whose
    /// place a [`Wanted::Fresh`] one takes.
    ///
    /// # Errors
    /// [`LoginFailure::Cache`], and those of [`Source::login`].
    pub async fn session(
        &self,
        source: &Source,
        wanted: Wanted<'_>,
    ) -> Result<Served, LoginFailure> {
        let slot = Slot::of(&self.folder, source)?;
        let began = since_boot();
        let there = slot.look().ok().flatten();
        let ageing = match there {
            Some(kept) if kept.satisfies(wanted, began) => return Ok(kept.served(None)),
            Some(kept) if wanted == Wanted::Good && kept.stage() == Stage::Ageing => Some(kept),
            _ => None,
        };
        let lock = match ageing {
            // whoever has the lock gets a new one; this one is good until then
            Some(kept) => match slot.try_lock()? {
                Some(lock) => lock,
                None => return Ok(kept.served(None)),
            },
            None => slot.lock(Instant::now() + source.timeout().min(TIMEOUT_MOST)).await?,
        };
        let (there, doubt) = match slot.look() {
            Ok(there) => (there, None),
            Err(doubt) => (None, Some(doubt)),
        };
        let there = match (there, wanted) {
            (Some(kept), _) if kept.satisfies(wanted, began) => return Ok(kept.served(None)),
            // whatever becomes of the login: nobody is to be served this one again
            (Some(kept), Wanted::InsteadOf(refused)) if kept.is_of(refused) => {
                slot.empty()?;
                None
            }
            (there, _) => there,
        };
        slot.sweep();
        let (served, replaced) = renewed(&slot, source, wanted, there, doubt).await?;
        drop(lock);
        if let Some(login) = replaced {
            source.end(&login).await;
        }
        Ok(served)
    }

    /// Takes the session out, as long as TSM may honour it; `None` where there is none, or none that can be
    /// trusted. It is not ended by this.
    ///
    /// # Errors
    /// [`LoginFailure::Cache`], and [`LoginFailure::File`] for the files of a gate.
    pub async fn take(&self, source: &Source) -> Result<Option<Login>, LoginFailure> {
        let slot = Slot::of(&self.folder, source)?;
        let lock = slot.lock(Instant::now() + source.timeout().min(TIMEOUT_MOST)).await?;
        let there = slot.look().ok().flatten();
        slot.empty()?;
        slot.sweep();
        drop(lock);
        Ok(there.filter(Kept::is_honoured).map(Kept::login))
    }

    /// Forgets the source's session, where it is this one: it is ended, or refused.
    ///
    /// # Errors
    /// Those of [`Cache::take`].
    pub async fn forget(&self, source: &Source, dead: &Secret) -> Result<(), LoginFailure> {
        // no folder is made for this
        if !self.folder.exists() {
            return Ok(());
        }
        let slot = Slot::of(&self.folder, source)?;
        let is_dead =
            |slot: &Slot| slot.look().is_ok_and(|there| there.is_some_and(|it| it.is_of(dead)));
        if is_dead(&slot) {
            let _lock = slot.lock(Instant::now() + source.timeout().min(TIMEOUT_MOST)).await?;
            if is_dead(&slot) {
                slot.empty()?;
            }
        }
        Ok(())
    }
}

/// A new session, kept, and the one whose place it took, where that is to be ended; or that which is there, where
/// it still is good and the failure may pass.
async fn renewed(
    slot: &Slot,
    source: &Source,
    wanted: Wanted<'_>,
    there: Option<Kept>,
    doubt: Option<Doubt>,
) -> Result<(Served, Option<Login>), LoginFailure> {
    // before the asking: never later than TSM counts from
    let asked = since_boot();
    match source.login().await {
        Ok(login) => {
            // a session that is granted is given, also where it cannot be kept
            let (notice, replaced) = match slot.keep(&login, asked) {
                Ok(()) => (doubt.map(Cause::Replaced), there),
                Err(fault) => (Some(Cause::NotKept(fault)), None),
            };
            // what is replaced for its age is still somebody's, and runs out
            let replaced = replaced.filter(|kept| wanted == Wanted::Fresh && kept.is_honoured());
            let served = Served { login, is_new: true, notice: notice.map(Notice) };
            Ok((served, replaced.map(Kept::login)))
        }
        Err(failure) => match there {
            Some(kept)
                if wanted == Wanted::Good && may_pass(&failure) && kept.stage() != Stage::Over =>
            {
                Ok((kept.served(Some(Notice(Cause::Ageing(failure)))), None))
            }
            _ => Err(failure),
        },
    }
}

/// Nobody said no: the gate or TSM is away, or has no time.
fn may_pass(failure: &LoginFailure) -> bool {
    matches!(
        failure,
        LoginFailure::Unreachable { .. }
            | LoginFailure::Tsm { .. }
            | LoginFailure::RetryLater { .. }
    )
}
