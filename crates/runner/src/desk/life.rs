//! What happens to a command from its turn to its end, as the room that runs it tells.

use std::sync::Arc;

use tsmgate_catalogue::runner::{End, How, Id, Life, State, What};
use tsmgate_text::escape;

use super::entry::Entry;
use super::{Desk, Inner, ended};
use crate::clock;
use crate::output::Told;

impl Desk {
    /// Its process is about to begin: on disk before it does.
    ///
    /// # Errors
    /// That cannot be written; how the command ends then.
    pub(crate) fn begin(&self, id: &Id) -> Result<(), End> {
        let mut inner = self.lock();
        let mut last = inner.last_notice;
        let gone = || ended(How::NotStarted, "it is not known any more");
        let entry = inner.entry(id).map_err(|_| gone())?;
        entry.task.state = State::Running;
        entry.task.started_at = Some(clock::now());
        entry.notice(Life::Started, &mut last);
        if let Err(error) = self.store.save(&entry.task, &entry.notices) {
            tracing::error!(command = %id, %error, "a command cannot be kept: it does not begin");
            unbegun(entry);
            return Err(ended(How::NotStarted, "that it begins cannot be kept on disk"));
        }
        inner.last_notice = last;
        Ok(())
    }

    /// Its process did not begin after all.
    pub(crate) fn not_begun(&self, id: &Id) {
        if let Ok(entry) = self.lock().entry(id) {
            unbegun(entry);
        }
    }

    /// Its process runs.
    pub(crate) fn began(&self, id: &Id) {
        let mut inner = self.lock();
        if let Ok(entry) = inner.entry(id) {
            entry.tell(vec![state(State::Running, None)]);
            tracing::info!(command = %id, path = %escape(&entry.task.command), "started");
        }
        drop(inner);
        self.noticed.notify_waiters();
    }

    /// It printed `bytes` bytes, and that came of them. Tells whether output is thrown away by now.
    pub(crate) fn printed(&self, id: &Id, bytes: usize, told: Told) -> bool {
        let mut inner = self.lock();
        let Ok(entry) = inner.entry(id) else { return true };
        entry.task.output_bytes += bytes as u64;
        if !told.events.is_empty() {
            entry.tell(told.events);
        }
        if told.job.is_some() && entry.task.job != told.job {
            entry.task.job = told.job;
            // a runner that is killed has then said which job goes on
            self.keep(entry);
        }
        entry.transcript.is_cut()
    }

    /// Something else of its output. Whether the disk took it.
    pub(crate) fn tell(&self, id: &Id, what: What) -> bool {
        self.lock().entry(id).is_ok_and(|entry| entry.tell(vec![what]))
    }

    /// Its process is over: whoever wants to cancel it now comes too late.
    pub(crate) fn settles(&self, id: &Id) {
        if let Ok(entry) = self.lock().entry(id) {
            entry.cancellable = false;
        }
    }

    /// The job at TSM that its output named.
    pub(crate) fn job(&self, id: &Id) -> Option<String> {
        self.lock().entry(id).ok()?.task.job.clone()
    }

    /// Its process is gone and its job goes on.
    pub(crate) fn continues(&self, id: &Id, detail: String) {
        let mut inner = self.lock();
        if let Ok(entry) = inner.entry(id) {
            tracing::info!(command = %id, "{detail}");
            entry.task.state = State::Continuing;
            entry.tell(vec![state(State::Continuing, Some(detail))]);
            self.keep(entry);
        }
    }

    /// It is over; the next may begin.
    pub(crate) fn finish(self: &Arc<Self>, id: &Id, end: End) {
        self.end(&mut self.lock(), id, end);
    }

    /// There is one end, whoever comes first.
    pub(super) fn end(self: &Arc<Self>, inner: &mut Inner, id: &Id, end: End) {
        let mut last = inner.last_notice;
        let Ok(entry) = inner.entry(id) else { return };
        if entry.is_over() {
            return;
        }
        self.close(entry, end, &mut last);
        inner.last_notice = last;
        self.forget(inner);
        self.noticed.notify_waiters();
        self.advance(inner);
    }

    pub(super) fn close(&self, entry: &mut Entry, end: End, last: &mut u64) {
        let task = &entry.task;
        tracing::info!(
            command = %task.id, path = %escape(&task.command), how = ?end.how, code = end.code,
            signal = end.signal, bytes = task.output_bytes,
            detail = end.detail.as_deref().map(escape), "ended"
        );
        entry.waiting = None;
        entry.cancellable = false;
        entry.task.state = State::Ended;
        entry.task.ahead = None;
        entry.task.ended_at = Some(clock::now());
        entry.task.end = Some(end.clone());
        entry.tell(vec![What::End(end)]);
        entry.transcript.close();
        entry.notice(Life::Ended, last);
        self.keep(entry);
    }

    /// Writes down how it is; later, where that fails now.
    pub(super) fn keep(&self, entry: &mut Entry) {
        let kept = self.store.save(&entry.task, &entry.notices);
        if let Err(error) = &kept
            && !entry.unsaved
        {
            tracing::error!(command = %entry.task.id, %error, "a command's state cannot be kept");
        }
        entry.unsaved = kept.is_err();
        entry.kept_bytes = entry.task.output_bytes;
    }
}

fn unbegun(entry: &mut Entry) {
    entry.task.state = State::Queued;
    entry.task.started_at = None;
    entry.notices.retain(|notice| notice.what != Life::Started);
}

fn state(state: State, detail: Option<String>) -> What {
    What::State { state, ahead: None, detail }
}
