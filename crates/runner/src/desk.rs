//! The one picture of all commands: what waits, runs and is over, in memory and on disk. Whoever asks is answered
//! from here, and every change goes through here.
//!
//! The lock is never held across an await; what has to be kept is on disk before it counts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tsmgate_catalogue::command::{Catalogue, Checked, Order, OrderFault};
use tsmgate_catalogue::runner::{
    End, How, Id, RefusalCode, Refused, Start, State, Task, What, Would,
};
use tsmgate_text::escape;

use crate::clock;
use crate::config::Config;
use crate::program::Program;
use crate::queue::{self, Place};
use crate::running;
use crate::serving::serves;
use crate::store::Store;
use crate::transcript::Transcript;

mod entry;
mod life;
mod notices;
mod page;
mod past;

use entry::Entry;
pub use entry::{Seen, Waiting, Wish};

/// How many bytes of orders may wait in memory, with their files.
const HELD_LIMIT: usize = 192 * 1024 * 1024;
/// How many notices may wait for the gate to record them.
const NOTICES_LIMIT: usize = 400;

/// The longest name of a client, an address or a request, in bytes.
const NAME_LIMIT: usize = 256;

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
        for name in [&start.client, &start.address, &start.request] {
            name_of(name)?;
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

    /// Ends a command, or takes it out of the queue. One whose job goes on at TSM is not ended by that.
    ///
    /// # Errors
    /// There is none of that number, or it is over, or about to be; or nobody is named.
    pub fn cancel(self: &Arc<Self>, id: &Id, by: &str) -> Result<Task, Refused> {
        name_of(by)?;
        let mut inner = self.lock();
        let entry = inner.entry(id)?;
        let over = || refused(RefusalCode::Ended, "the command has ended already");
        match entry.task.state {
            State::Ended => return Err(over()),
            State::Continuing => return Ok(entry.task.clone()),
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

    /// Forgets what is old, and writes down what could not be before.
    pub fn tidy(&self) {
        let mut inner = self.lock();
        for entry in inner.entries.iter_mut().filter(|entry| entry.unsaved) {
            self.keep(entry);
        }
        self.forget(&mut inner);
    }

    fn permitted<'a>(&'a self, order: &'a Order) -> Result<Checked<'a>, Refused> {
        let bad = |fault: OrderFault| refused(RefusalCode::BadOrder, fault.message);
        let checked = self.catalogue().check(order).map_err(bad)?;
        let permission = &checked.command.permission;
        match serves(&self.config.served, permission) {
            true => Ok(checked),
            false => Err(refused(
                RefusalCode::NotServed,
                format!("the runner does not serve `{permission}` (serve.permissions)"),
            )),
        }
    }

    /// The `tsm` program, judged anew.
    ///
    /// # Errors
    /// It is missing, or others could have written it.
    pub fn program(&self) -> Result<Program, Refused> {
        let tsm = &self.config.tsm;
        Program::trusted(&tsm.program, &tsm.owners).map_err(|distrust| {
            refused(RefusalCode::Program, format!("tsm is not run: {distrust}"))
        })
    }

    /// Whether there is room for one more.
    fn admit(&self, inner: &Inner, start: &Start, changes: bool) -> Result<(), Refused> {
        if inner.leaving {
            return Err(refused(RefusalCode::Leaving, "the runner is about to end"));
        }
        if inner.entries.iter().map(|entry| entry.notices.len()).sum::<usize>() >= NOTICES_LIMIT {
            let message = "too much that ended is not recorded by the gate yet";
            return Err(refused(RefusalCode::Storage, message));
        }
        let mut places = inner.places();
        let waiting = queue::waiting(&places);
        places.push(Place { changes, waits: true });
        let waits = !queue::next(&places, self.config.limits.reading).contains(&(places.len() - 1));
        let asked = usize::try_from(start.queued).unwrap_or(usize::MAX);
        let full = waits && waiting >= asked.min(self.config.limits.queued);
        let held: usize = inner.entries.iter().map(Entry::held).sum();
        match full || held + entry::size(&start.order) > HELD_LIMIT {
            true => Err(refused(RefusalCode::QueueFull, "as many commands wait as may")),
            false => Ok(()),
        }
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

    fn standing(&self) -> Standing {
        let places = self.places();
        let waiting = queue::waiting(&places);
        Standing { running: places.len() - waiting, waiting }
    }
}

/// What the gate names somebody or something by is kept, logged and repeated.
fn name_of(text: &str) -> Result<(), Refused> {
    match (1..=NAME_LIMIT).contains(&text.len()) && !text.contains(char::is_control) {
        true => Ok(()),
        false => Err(refused(RefusalCode::BadOrder, "a name is empty, too long, or not one line")),
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
