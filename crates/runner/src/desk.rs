//! The one picture of all commands: what waits, runs and is over, in memory and on disk. Whoever asks is answered
//! from here, and every change goes through here.
//!
//! The lock is never held across an await; what has to be kept is on disk before it counts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tsmgate_catalogue::command::{Catalogue, Order};
use tsmgate_catalogue::runner::{
    End, How, Id, RefusalCode, Refused, Start, State, Task, What, Would,
};
use tsmgate_text::escape;

use crate::clock;
use crate::config::Config;
use crate::queue::{self, Place};
use crate::running;
use crate::store::Store;
use crate::transcript::Transcript;

mod admission;
mod entry;
mod life;
mod notices;
mod page;
mod past;
mod wishes;

use entry::Entry;
pub use entry::{Seen, Waiting, Wish};

/// The desk.
#[derive(Debug)]
pub struct Desk {
    config: Config,
    store: Store,
    inner: Mutex<Inner>,
    /// A notice was added.
    noticed: Notify,
    /// Something began, ended or was taken: how many run and wait.
    standing: watch::Sender<Standing>,
}

/// How many commands there are that are not over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Those that run, or whose job does.
    pub running: usize,
    /// Those that wait.
    pub waiting: usize,
}

#[derive(Debug, Default)]
struct Inner {
    /// In the order in which they came.
    entries: Vec<Entry>,
    last_notice: u64,
    leaving: bool,
    stopping: bool,
}

impl Desk {
    /// What runs and how.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The commands.
    pub fn catalogue(&self) -> &Catalogue {
        &self.config.catalogue
    }

    /// Where commands are kept.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Tells how many run and wait, now and at every change.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an order, and begins it where it is its turn.
    ///
    /// # Errors
    /// It is not in the catalogue or not served, the program is not to be trusted, too much waits, or it cannot
    /// be kept: then nothing runs.
    pub fn start(self: &Arc<Self>, start: Start) -> Result<Task, Refused> {
        for name in [&start.client, &start.identity, &start.address, &start.request] {
            admission::name(name)?;
        }
        let checked = self.permitted(&start.order)?;
        self.program()?;
        let changes = checked.command.effect.changes();
        let (command, permission) =
            (checked.command.path.to_string(), checked.command.permission.to_string());
        let mut inner = self.lock();
        self.admit(&inner, &start, changes)?;
        let storage = |error: std::io::Error| {
            tracing::error!(%error, "an order is refused: it cannot be kept");
            refused(RefusalCode::Storage, "the order cannot be kept on disk; nothing runs")
        };
        let id = self.store.new_id().map_err(storage)?;
        let mut arguments = vec![self.config.tsm.program.display().to_string()];
        arguments.extend(checked.shown(&self.store.work().join(id.as_str())));
        drop(checked);
        let task = Task {
            id: id.clone(),
            client: start.client,
            identity: start.identity,
            address: start.address,
            request: start.request,
            command,
            permission,
            arguments,
            state: State::Queued,
            ahead: None,
            queued_at: clock::now(),
            started_at: None,
            ended_at: None,
            end: None,
            cancelled_by: None,
            job: None,
            events: 0,
            output_bytes: 0,
        };
        let limit = start.output.min(self.config.limits.output);
        let kept = self.store.save(&task, &[]);
        let transcript = kept.and_then(|()| Transcript::create(self.store.output(&id), limit));
        let transcript = transcript.map_err(|error| {
            self.store.remove(&id);
            storage(error)
        })?;
        let run = Duration::from_secs(start.run_seconds).min(self.config.limits.run_most);
        let waiting = Waiting { order: start.order, run };
        tracing::info!(
            command = %id, path = %escape(&task.command), client = %escape(&task.client),
            request = %escape(&task.request), "queued"
        );
        inner.entries.push(Entry::new(task, transcript, changes, waiting));
        self.advance(&mut inner);
        self.task(&inner, &id)
    }

    /// What would run, and when: nothing does.
    ///
    /// # Errors
    /// As [`Self::start`], but for what is full.
    pub fn would(&self, order: &Order) -> Result<Would, Refused> {
        let checked = self.permitted(order)?;
        self.program()?;
        let mut arguments = vec![self.config.tsm.program.display().to_string()];
        arguments.extend(checked.shown(&self.store.work().join("ID")));
        let most = self.config.limits.run_most.as_secs();
        let run_most_seconds = checked.may_run(most, most);
        let inner = self.lock();
        let mut places = inner.places();
        places.push(Place { changes: checked.command.effect.changes(), waits: true });
        let ahead = queue::ahead(&places, places.len() - 1);
        Ok(Would { arguments, run_most_seconds, ahead })
    }

    /// All commands, the newest first.
    pub fn list(&self) -> Vec<Task> {
        self.lock().entries.iter().rev().map(|entry| entry.task.clone()).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// There is none of that number.
    pub fn show(&self, id: &Id) -> Result<Task, Refused> {
        self.task(&self.lock(), id)
    }

    /// Forgets what is old, and writes down what could not be before and what has grown since.
    pub fn tidy(&self) {
        let mut inner = self.lock();
        let stale =
            |entry: &&mut Entry| entry.unsaved || entry.kept_bytes != entry.task.output_bytes;
        for entry in inner.entries.iter_mut().filter(stale) {
            self.keep(entry);
        }
        self.forget(&mut inner);
    }

    /// Begins what may begin, and tells those that wait how many are before them.
    fn advance(self: &Arc<Self>, inner: &mut Inner) {
        let open: Vec<usize> = inner.open();
        let reading = self.config.limits.reading;
        let turns = if inner.stopping { Vec::new() } else { queue::next(&inner.places(), reading) };
        for turn in turns {
            let entry = open.get(turn).and_then(|&index| inner.entries.get_mut(index));
            if let Some(entry) = entry
                && let Some(waiting) = entry.waiting.take()
            {
                entry.task.ahead = None;
                let (desk, id) = (Arc::clone(self), entry.task.id.clone());
                tokio::spawn(running::run(desk, id, waiting, entry.wish.subscribe()));
            }
        }
        let places = inner.places();
        for (place, index) in inner.open().into_iter().enumerate() {
            let Some(entry) = inner.entries.get_mut(index) else { continue };
            let ahead = Some(queue::ahead(&places, place));
            if entry.waiting.is_some() && entry.task.ahead != ahead {
                entry.task.ahead = ahead;
                entry.tell(vec![What::State { state: State::Queued, ahead, detail: None }]);
            }
        }
        self.tell_standing(inner);
    }

    fn tell_standing(&self, inner: &Inner) {
        self.standing.send_replace(inner.standing());
    }

    fn task(&self, inner: &Inner, id: &Id) -> Result<Task, Refused> {
        let found = inner.entries.iter().find(|entry| entry.task.id == *id);
        found.map(|entry| entry.task.clone()).ok_or_else(unknown)
    }
}

impl Inner {
    fn entry(&mut self, id: &Id) -> Result<&mut Entry, Refused> {
        self.entries.iter_mut().find(|entry| entry.task.id == *id).ok_or_else(unknown)
    }

    /// Where those are that are not over.
    fn open(&self) -> Vec<usize> {
        let open = |(index, entry): (usize, &Entry)| (!entry.is_over()).then_some(index);
        self.entries.iter().enumerate().filter_map(open).collect()
    }

    fn places(&self) -> Vec<Place> {
        let open = self.entries.iter().filter(|entry| !entry.is_over());
        open.map(|entry| Place { changes: entry.changes, waits: entry.waiting.is_some() }).collect()
    }

    fn waiting(&self) -> impl Iterator<Item = Id> {
        let waiting = self.entries.iter().filter(|entry| entry.waiting.is_some());
        waiting.map(|entry| entry.task.id.clone())
    }

    /// How many of a client's wait.
    fn waiting_of(&self, client: &str) -> usize {
        let own = |entry: &&Entry| entry.waiting.is_some() && entry.task.client == client;
        self.entries.iter().filter(own).count()
    }

    fn standing(&self) -> Standing {
        let places = self.places();
        let waiting = queue::waiting(&places);
        Standing { running: places.len() - waiting, waiting }
    }
}

/// No.
pub(crate) fn refused(code: RefusalCode, message: impl Into<String>) -> Refused {
    Refused { code, message: message.into() }
}

fn unknown() -> Refused {
    refused(RefusalCode::UnknownId, "there is no command of that number")
}

/// An end without a status.
pub(crate) fn ended(how: How, detail: impl Into<String>) -> End {
    End { how, code: None, signal: None, detail: Some(detail.into()) }
}
