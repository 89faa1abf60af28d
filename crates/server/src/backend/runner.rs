//! The runner, which starts TSM's own program: one question a connection, as one line of JSON.
//!
//! What makes something happen takes a [`Permit`]: an order and a cancellation. What is only known here of
//! commands is asked without one; who may see it is for who asks to decide.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tsmgate_catalogue::command::Order;
use tsmgate_catalogue::runner::{Ask, Event, Id, Notice, Recorded, Said, Start, Task, Would};
use tsmgate_gate::permit::Permit;
use tsmgate_gate::reason::Reason;

use super::turn;
use crate::config::LocalSocket;
use crate::standing::Waiting;

mod lines;

use lines::Lines;

/// How long the runner may take for an answer that it has, and for taking a question.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
/// Questions at once.
const TURNS: usize = 16;
/// Large orders that are in memory at once.
const LARGE_ORDERS: usize = 4;
/// Outputs that are passed on at once.
const STREAMS: usize = 128;
/// Of those, of one client.
const STREAMS_OF_ONE: usize = 16;

/// The runner as the command lane sees it.
#[derive(Debug)]
pub struct Runner {
    turns: Semaphore,
    large_orders: Semaphore,
    /// How many outputs each client is passed.
    streams: Arc<Mutex<HashMap<String, usize>>>,
    /// Whose the orders are that were given and may wait.
    pub(crate) waiting: Waiting,
    /// What is wrong with it, as its notices show.
    failing: Mutex<Option<Reason>>,
}

impl Default for Runner {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(TURNS),
            large_orders: Semaphore::new(LARGE_ORDERS),

            streams: Arc::default(),
            waiting: Waiting::default(),
            failing: Mutex::default(),
        }
    }
}

impl Runner {
    /// Hands an order over.
    ///
    /// # Errors
    /// The runner cannot be asked, or does not take it.
    pub async fn start(
        &self,
        socket: &LocalSocket,
        start: Start,
        permit: &Permit,
    ) -> Result<Task, Reason> {
        let permission = permit.permission();
        tracing::debug!(%permission, role = permit.role(), "handing a command to the runner");
        let _turn = turn(&self.turns).await.map_err(|_| Reason::RunnerBusy)?;
        let mut lines = Lines::asking(socket, &Ask::Start(Box::new(start))).await?;
        // it has the whole order: what goes wrong from here on does not mean that nothing will run
        match lines.next(Some(Instant::now() + ANSWER_DEADLINE)).await {
            Ok(Said::Task(task)) => Ok(*task),
            Ok(_) | Err(Reason::RunnerUnreachable | Reason::RunnerGarbage) => {
                Err(Reason::RunnerUncertain)
            }
            Err(reason) => Err(reason),
        }
    }

    /// Has a command ended. `by` is the name of the client's entry.
    ///
    /// # Errors
    /// As [`Runner::start`]; or it has ended, or there is none.
    pub async fn cancel(
        &self,
        socket: &LocalSocket,
        id: Id,
        by: String,
        permit: &Permit,
    ) -> Result<Task, Reason> {
        let permission = permit.permission();
        tracing::debug!(%permission, role = permit.role(), %id, "having a command ended");
        let asked = id.clone();
        that(&asked, task(self.ask(socket, &cancellation(id, by)).await?)?)
    }

    /// Takes a command back that waits and must not run any more. Asked for by nobody, and so without a permit.
    pub(crate) async fn withdraw(
        &self,
        socket: &LocalSocket,
        id: Id,
        why: Reason,
    ) -> Result<(), Reason> {
        let by = format!("tsmgated: {}", why.code());
        task(self.ask(socket, &Ask::Withdraw { id, by }).await?).map(drop)
    }

    /// Ends a command that could not be recorded, whether it runs or not. Without a permit as well.
    pub(crate) async fn undo(
        &self,
        socket: &LocalSocket,
        id: Id,
        why: Reason,
    ) -> Result<(), Reason> {
        let by = format!("tsmgated: {}", why.code());
        task(self.ask(socket, &cancellation(id, by)).await?).map(drop)
    }

    /// What would run; nothing does.
    pub(crate) async fn would(&self, socket: &LocalSocket, order: Order) -> Result<Would, Reason> {
        match self.ask(socket, &Ask::Would(order)).await? {
            Said::Would(would) => Ok(would),
            _ => Err(Reason::RunnerGarbage),
        }
    }

    /// All commands that the runner knows, the newest first.
    pub(crate) async fn list(&self, socket: &LocalSocket) -> Result<Vec<Task>, Reason> {
        match self.ask(socket, &Ask::List).await? {
            Said::Tasks(tasks) => Ok(tasks),
            _ => Err(Reason::RunnerGarbage),
        }
    }

    /// One of them.
    pub(crate) async fn show(&self, socket: &LocalSocket, id: Id) -> Result<Task, Reason> {
        let asked = id.clone();
        that(&asked, task(self.ask(socket, &Ask::Show(id)).await?)?)
    }

    /// What a command printed from the event of that number on, and prints, for `client`.
    pub(crate) async fn output(
        &self,
        socket: &LocalSocket,
        client: &str,
        (id, from): (Id, u64),
    ) -> Result<Output, Reason> {
        let place = StreamPlace::take(&self.streams, client)?;
        let lines = Lines::asking(socket, &Ask::Output { id, from }).await?;
        Ok(Output { lines, next: from, _place: place })
    }

    /// One of the places for large orders, for which it waits a moment and no longer.
    pub(crate) async fn large_order(&self) -> Result<SemaphorePermit<'_>, Reason> {
        turn(&self.large_orders).await.map_err(|_| Reason::RunnerBusy)
    }

    /// What is wrong with it, until it answers again.
    pub(crate) fn failing(&self) -> Option<Reason> {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of trouble, or that there is none any more, where that is news.
    pub(crate) fn tell(&self, trouble: Option<Reason>) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        if *failing == trouble {
            return;
        }
        match trouble {
            Some(reason) => {
                let hint = "what the runner does is recorded when it can be asked again";
                tracing::warn!(reason = reason.code(), hint, "the runner's notices do not arrive");
            }
            None => tracing::info!("the runner's notices arrive again"),
        }
        *failing = trouble;
    }

    async fn ask(&self, socket: &LocalSocket, ask: &Ask) -> Result<Said, Reason> {
        let _turn = turn(&self.turns).await.map_err(|_| Reason::RunnerBusy)?;
        let mut lines = Lines::asking(socket, ask).await?;
        lines.next(Some(Instant::now() + ANSWER_DEADLINE)).await
    }
}

/// The command that was asked about, and no other.
fn that(id: &Id, task: Task) -> Result<Task, Reason> {
    if task.id == *id { Ok(task) } else { Err(Reason::RunnerGarbage) }
}

fn cancellation(id: Id, by: String) -> Ask {
    Ask::Cancel { id, by }
}

fn task(said: Said) -> Result<Task, Reason> {
    match said {
        Said::Task(task) => Ok(*task),
        _ => Err(Reason::RunnerGarbage),
    }
}

/// A command's output, event after event.
#[derive(Debug)]
pub(crate) struct Output {
    lines: Lines,
    /// The number that the next event must have.
    next: u64,
    _place: StreamPlace,
}

impl Output {
    /// The next event, however long it takes; numbers have no gaps.
    pub(crate) async fn event(&mut self) -> Result<Event, Reason> {
        match self.lines.next(None).await? {
            Said::Event(event) if event.n == self.next => {
                self.next += 1;
                Ok(event)
            }
            _ => Err(Reason::RunnerGarbage),
        }
    }
}

/// One output of a client's; dropping it makes room.
#[derive(Debug)]
struct StreamPlace {
    streams: Arc<Mutex<HashMap<String, usize>>>,
    client: String,
}

impl StreamPlace {
    fn take(streams: &Arc<Mutex<HashMap<String, usize>>>, client: &str) -> Result<Self, Reason> {
        let mut counts = streams.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.values().sum::<usize>() >= STREAMS {
            return Err(Reason::RunnerBusy);
        }
        let count = counts.entry(client.to_owned()).or_default();
        if *count >= STREAMS_OF_ONE {
            return Err(Reason::ClientInFlight);
        }
        *count += 1;
        Ok(Self { streams: Arc::clone(streams), client: client.to_owned() })
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut counts = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.client);
            }
        }
    }
}

/// What begins and ends at the runner, for the record.
#[derive(Debug)]
pub(crate) struct Notices(Lines);

impl Notices {
    /// Those that are not on record, and from then on each.
    pub(crate) async fn of(socket: &LocalSocket) -> Result<Self, Reason> {
        Lines::asking(socket, &Ask::Watch).await.map(Self)
    }

    /// The next one, however long it takes.
    pub(crate) async fn next(&mut self) -> Result<Notice, Reason> {
        match self.0.next(None).await? {
            Said::Notice(notice) => Ok(*notice),
            _ => Err(Reason::RunnerGarbage),
        }
    }

    /// Tells that it is on record, after which the runner may forget it.
    pub(crate) async fn recorded(&mut self, notice: &Notice) -> Result<(), Reason> {
        self.0.say(&Recorded { recorded: notice.n }).await
    }
}
