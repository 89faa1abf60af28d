//! What an earlier life of the runner took, and what is old enough to be forgotten.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, watch};
use tsmgate_catalogue::runner::{End, How, Id, Life, State, Task, What};

use super::entry::{Entry, Seen};
use super::{Desk, Inner, Standing, ended};
use crate::clock;
use crate::config::Config;
use crate::store::{Kept, Store};
use crate::transcript::Transcript;

impl Desk {
    /// With what is kept. What ran when the runner ended is lost, what waited never began.
    pub fn open(config: Config, store: Store) -> Arc<Self> {
        let mut inner = Inner::default();
        let past = store.load();
        inner.last_notice =
            past.iter().flat_map(|kept| &kept.notices).map(|notice| notice.n).max().unwrap_or(0);
        let desk = Self {
            config,
            store,
            inner: Mutex::default(),
            noticed: Notify::new(),
            standing: watch::Sender::new(Standing::default()),
        };
        for kept in past {
            let entry = desk.again(kept, &mut inner.last_notice);
            inner.entries.push(entry);
        }
        *desk.lock() = inner;
        desk.tidy();
        Arc::new(desk)
    }

    fn again(&self, kept: Kept, last: &mut u64) -> Entry {
        let Kept { mut task, notices } = kept;
        let path = self.store.output(&task.id);
        let (transcript, written) = match Transcript::reopen(path.clone()) {
            Ok(found) => found,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(command = %task.id, %error, "its output cannot be read");
                }
                (Transcript::missing(path), None)
            }
        };
        task.events = transcript.events();
        let changes = self.changes(&task.command);
        let mut entry = Entry::past(task, transcript, changes);
        entry.notices = notices;
        if entry.is_over() {
            // the disk may have been full then: whoever reads along waits for an end
            if let (None, Some(end)) = (written, entry.task.end.clone()) {
                entry.tell(vec![What::End(end)]);
            }
            entry.transcript.close();
            return entry;
        }
        // its end was told already, and only the word of that was not written
        match written {
            Some(end) => self.adopt(&mut entry, end, last),
            None => {
                let end = lost(&entry.task);
                self.close(&mut entry, end, last);
            }
        }
        entry
    }

    fn adopt(&self, entry: &mut Entry, end: End, last: &mut u64) {
        entry.task.state = State::Ended;
        entry.task.ended_at = Some(clock::now());
        entry.task.end = Some(end);
        entry.transcript.close();
        entry.seen.send_replace(Seen { events: entry.task.events, over: true });
        entry.notice(Life::Ended, last);
        self.keep(entry);
    }

    fn changes(&self, path: &str) -> bool {
        self.catalogue().find(path).is_none_or(|command| command.effect.changes())
    }

    /// Forgets what is over and on record, beyond what is remembered: what is too old, and then the oldest of
    /// whoever has most.
    pub(super) fn forget(&self, inner: &mut Inner) {
        let limits = &self.config.limits;
        let old = |entry: &Entry| {
            let ended = entry.task.ended_at.as_deref();
            ended.and_then(clock::age).is_some_and(|age| age > limits.kept_for)
        };
        let mut gone: Vec<Id> = Vec::new();
        let mut of: HashMap<String, Vec<Id>> = HashMap::new();
        for entry in inner.entries.iter().filter(|entry| entry.is_over()) {
            // what is not on record stays
            match old(entry) {
                true if entry.notices.is_empty() => gone.push(entry.task.id.clone()),
                _ => of.entry(entry.task.client.clone()).or_default().push(entry.task.id.clone()),
            }
        }
        let mut over: usize = of.values().map(Vec::len).sum();
        let unrecorded = |id: &Id| {
            inner.entries.iter().any(|entry| entry.task.id == *id && !entry.notices.is_empty())
        };
        while over > limits.kept {
            let Some(most) = of.values_mut().max_by_key(|ids| ids.len()) else { break };
            let oldest = most.remove(0);
            over -= 1;
            if !unrecorded(&oldest) {
                gone.push(oldest);
            }
        }
        inner.entries.retain(|entry| !gone.contains(&entry.task.id));
        gone.iter().for_each(|id| self.store.remove(id));
    }
}

/// How a command ended that the runner did not see the end of.
fn lost(task: &Task) -> End {
    match (task.state, &task.job) {
        (State::Queued, _) => ended(How::NotStarted, "the runner ended before it began"),
        (_, Some(job)) => ended(
            How::Lost,
            format!(
                "the runner ended while it ran; what became of it is not known. It had begun job {job} at \
                 TSM, which may go on: tsm jobs list"
            ),
        ),
        (_, None) => {
            ended(How::Lost, "the runner ended while it ran; what became of it is not known")
        }
    }
}
