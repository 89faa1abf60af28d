//! What is wanted of commands that were taken: that one ends, or that all do.

use std::sync::Arc;

use tsmgate_catalogue::runner::{How, Id, RefusalCode, Refused, State, Task};
use tsmgate_text::escape;

use super::{Desk, Standing, Wish, admission, ended, refused};

impl Desk {
    /// Ends a command, or takes it out of the queue.
    ///
    /// # Errors
    /// There is none of that number, or it is over, or about to be; its job goes on at TSM, where alone it can be
    /// ended; or nobody is named.
    pub fn cancel(self: &Arc<Self>, id: &Id, by: &str) -> Result<Task, Refused> {
        admission::name(by)?;
        let mut inner = self.lock();
        let entry = inner.entry(id)?;
        let over = || refused(RefusalCode::Ended, "the command has ended already");
        match entry.task.state {
            State::Ended => return Err(over()),
            State::Continuing => {
                let job = entry.task.job.as_deref().unwrap_or("?");
                let message =
                    format!("its process is gone, and job {job} goes on at TSM: end it there");
                return Err(refused(RefusalCode::Ended, message));
            }
            State::Running | State::Queued if !entry.cancellable => return Err(over()),
            State::Running | State::Queued => {}
        }
        let first = entry.task.cancelled_by.is_none();
        entry.task.cancelled_by.get_or_insert_with(|| by.to_owned());
        if first {
            tracing::info!(command = %id, by = %escape(by), "cancelled");
        }
        if entry.waiting.is_some() {
            let detail = "it was taken out of the queue before it began";
            let end = ended(How::Cancelled, detail);
            self.end(&mut inner, id, end);
        } else {
            entry.wish.send_replace(Wish::Cancel);
            self.keep(entry);
        }
        self.task(&inner, id)
    }

    /// Takes a command out of the queue, and leaves it alone where it has begun.
    ///
    /// # Errors
    /// There is none of that number, or it does not wait any more; or nobody is named.
    pub fn withdraw(self: &Arc<Self>, id: &Id, by: &str) -> Result<Task, Refused> {
        admission::name(by)?;
        let mut inner = self.lock();
        let entry = inner.entry(id)?;
        if entry.waiting.is_none() {
            return Err(refused(RefusalCode::Ended, "the command does not wait any more"));
        }
        entry.task.cancelled_by.get_or_insert_with(|| by.to_owned());
        tracing::info!(command = %id, by = %escape(by), "taken back");
        let end = ended(How::Cancelled, "it was taken back before it began");
        self.end(&mut inner, id, end);
        self.task(&inner, id)
    }

    /// From now on no order is taken.
    pub fn leave(&self) {
        self.lock().leaving = true;
        self.tell_standing(&self.lock());
    }

    /// Whether it is leaving and nothing runs or waits.
    pub fn may_leave(&self) -> bool {
        let inner = self.lock();
        inner.leaving && inner.standing() == Standing::default()
    }

    /// What waits never begins, and what runs is told to end.
    pub fn stop(self: &Arc<Self>) {
        let mut inner = self.lock();
        inner.leaving = true;
        inner.stopping = true;
        let waiting: Vec<Id> = inner.waiting().collect();
        for id in waiting {
            let end = ended(How::NotStarted, "the runner ended before it began");
            self.end(&mut inner, &id, end);
        }
        for entry in &inner.entries {
            entry.wish.send_replace(Wish::Stop);
        }
    }
}
