//! A session for a command: out of the cache, or asked for.

use tokio::runtime;

use super::Streams;
use super::complaint::Complaint;
use crate::cache::{Cache, Wanted};
use crate::{Login, Source};

/// Where a session may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// It is asked for, and not kept.
    Nothing,
    /// From the cache where there is a good one, and kept there.
    Cached,
    /// It is asked for whatever there is, and kept.
    Fresh,
}

impl Keeping {
    /// What the options mean.
    pub(super) fn of(cache: bool, fresh: bool) -> Self {
        match (cache, fresh) {
            (false, _) => Self::Nothing,
            (true, false) => Self::Cached,
            (true, true) => Self::Fresh,
        }
    }
}

/// Ends a session that was got and cannot be handed over; one that is kept stays for the next.
pub(super) fn give_back(source: &Source, keeping: Keeping, login: &Login) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    if let (Keeping::Nothing, Ok(runtime)) = (keeping, runtime) {
        runtime.block_on(source.end(login));
        runtime.shutdown_background();
    }
}

/// Gets a session, on a runtime that is left behind at once: a name that is still being looked up when the
/// time is over must not keep us.
pub(super) fn obtain(
    source: &Source,
    keeping: Keeping,
    streams: &mut Streams<'_>,
) -> Result<Login, Complaint> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Complaint::system(&error))?;
    let outcome = runtime.block_on(async {
        let wanted = match keeping {
            Keeping::Nothing => return source.login().await.map(|login| (login, None)),
            Keeping::Cached => Wanted::Good,
            Keeping::Fresh => Wanted::Fresh,
        };
        let served = Cache::of_user()?.session(source, wanted).await?;
        Ok((served.login, served.notice))
    });
    runtime.shutdown_background();
    let (login, notice) = outcome?;
    if let Some(notice) = notice {
        streams.say(&notice.to_string());
    }
    Ok(login)
}
