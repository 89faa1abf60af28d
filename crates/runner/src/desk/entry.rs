//! One command on the desk.

use std::time::Duration;

use tokio::sync::watch;
use tsmgate_catalogue::command::Order;
use tsmgate_catalogue::runner::{Life, Notice, State, Task, What};

use crate::clock;
use crate::transcript::Transcript;

/// What is wanted of a command that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Nothing: it may go on.
    Go,
    /// Somebody cancelled it.
    Cancel,
    /// The runner is about to end.
    Stop,
}

/// How far a command's output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// How many events there are.
    pub events: u64,
    /// Whether none follows.
    pub over: bool,
}

/// An order until it begins: in memory alone, for it holds secrets and files.
#[derive(Debug)]
pub struct Waiting {
    /// The order.
    pub order: Order,
    /// For how long its process may run.
    pub run: Duration,
}

/// One command.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) task: Task,
    pub(super) notices: Vec<Notice>,
    pub(super) changes: bool,
    pub(super) waiting: Option<Waiting>,
    pub(super) transcript: Transcript,
    pub(super) wish: watch::Sender<Wish>,
    pub(super) seen: watch::Sender<Seen>,
    /// Whether it can still be cancelled: its end has not been seen.
    pub(super) cancellable: bool,
    /// What is on disk is older than what is here.
    pub(super) unsaved: bool,
    /// How many bytes of output are told on disk.
    pub(super) kept_bytes: u64,
}

impl Entry {
    pub(super) fn new(task: Task, transcript: Transcript, changes: bool, order: Waiting) -> Self {
        Self { waiting: Some(order), cancellable: true, ..Self::past(task, transcript, changes) }
    }

    /// One that an earlier life took.
    pub(super) fn past(task: Task, transcript: Transcript, changes: bool) -> Self {
        let seen = Seen { events: transcript.events(), over: task.state == State::Ended };
        Self {
            kept_bytes: task.output_bytes,
            task,
            notices: Vec::new(),
            changes,
            waiting: None,
            transcript,
            wish: watch::Sender::new(Wish::Go),
            seen: watch::Sender::new(seen),
            cancellable: false,
            unsaved: false,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.task.state == State::Ended
    }

    /// How many bytes of its order are in memory.
    pub(super) fn held(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| size(&waiting.order))
    }

    /// Adds to its output, and wakes who reads along. Whether the disk took it.
    pub(super) fn tell(&mut self, events: Vec<What>) -> bool {
        let kept = self.transcript.add(events);
        self.task.events = self.transcript.events();
        self.seen.send_replace(Seen { events: self.task.events, over: self.is_over() });
        kept
    }

    /// A notice of what happened to it, as it is now.
    pub(super) fn notice(&mut self, what: Life, last: &mut u64) {
        // grows over restarts too, without a number of its own on disk
        *last = clock::micros().max(*last + 1);
        let task = self.task.clone();
        self.notices.push(Notice { n: *last, what, at: clock::now(), task });
    }
}

/// How many bytes an order takes in memory, about.
pub(super) fn size(order: &Order) -> usize {
    let options = order.options.iter().map(|option| {
        let file = option.file.as_ref().map_or(0, |file| file.content.expose().len());
        let value = option.value.as_ref().map_or(0, |value| value.expose().len());
        option.name.len() + file + value
    });
    order.command.len() + options.sum::<usize>()
}
