//! Calls that run on the audit's own thread. Such a call waits for each of its records where they are
//! written, and no thread has to wake another for it: that was a third of what a login cost.
//!
//! It is for calls that do nothing but wait: for the audit, for TSM, for a caller to take what there is for him.
//! A disk that hangs holds up the thread and all of them; who waits for one is somewhere else, sees it, and
//! gives up.

use std::panic::resume_unwind;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinError};
use tokio::time::timeout;

use super::{Audit, RECORD_DEADLINE, Unwritten};

/// How often somebody who waits looks whether the thread is held up.
const LOOK: Duration = Duration::from_secs(1);

/// Ends a call that nobody waits for any more, as soon as the thread comes to it.
struct Cut(AbortHandle);

impl Drop for Cut {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Audit {
    /// Runs a call on the audit's thread and waits for what comes of it. Who stops waiting ends it. A panic
    /// in it is the caller's.
    ///
    /// # Errors
    /// The disk hangs, or the audit has ended: the call is given up, and what it was for must not happen.
    pub async fn beside<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Unwritten> {
        let mut call = self.thread.spawn(call);
        let _cut = Cut(call.abort_handle());
        loop {
            match timeout(LOOK, &mut call).await {
                Ok(ended) => return ended.map_err(unwound),
                Err(_) if self.seen.busy_for() >= RECORD_DEADLINE => {
                    return Err(Unwritten::Perhaps);
                }
                Err(_) => {}
            }
        }
    }
}

/// Goes on with a call's panic; the other way to lose one is that the thread has ended.
fn unwound(error: JoinError) -> Unwritten {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Unwritten::Surely,
    }
}
