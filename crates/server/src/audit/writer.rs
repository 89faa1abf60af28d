//! The one task that writes records, on a thread of its own: in order, each taken by the file, and by the
//! journal where that is asked for, before it counts.
//!
//! What cannot be written is tried again with the next record, and each second, so that service
//! resumes by itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, mem};

use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use super::file::{AppendFault, ChainFile, Refused};
use super::opening::AuditFault;
use super::record::{Outcome, Record};
use super::tally::Tally;
use super::{Position, RECORD_DEADLINE};
use crate::config;

/// How often sums are looked at and the disk is synced.
const TICK: Duration = Duration::from_secs(1);
/// How often the head goes to the log, where nobody who edits the file can take it back.
const HEAD_TO_LOG: Duration = Duration::from_secs(60);
/// Records written in one go.
const BATCH: usize = 256;
/// The target of the log's lines with the head, which no filter may drop.
pub const HEAD_TARGET: &str = "audit_head";

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Write this, and say whether it is on file.
    Write { record: Record, done: Option<oneshot::Sender<bool>> },
    /// Write what is due, sync, and end; whether all of that could be done.
    Close(oneshot::Sender<bool>),
}

/// Where records come from beside the queue.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) tally: Arc<Tally>,
    /// How many could not be taken or written.
    pub(super) lost: Arc<AtomicU64>,
}

/// Where the thread is, for all others to see.
#[derive(Debug)]
pub(super) struct Seen(Mutex<(Position, Option<Instant>)>);

impl Seen {
    fn lock(&self) -> MutexGuard<'_, (Position, Option<Instant>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far it has come. A disk that hangs takes no record, though none was refused.
    pub(super) fn position(&self) -> Position {
        let (position, since) = *self.lock();
        let hangs = since.is_some_and(|since| since.elapsed() >= RECORD_DEADLINE);
        Position { writable: position.writable && !hangs, ..position }
    }

    /// For how long it has been at the file; none while it waits for work.
    pub(super) fn busy_for(&self) -> Duration {
        self.lock().1.map(|since| since.elapsed()).unwrap_or_default()
    }
}

/// The thread's own.
#[derive(Debug)]
pub(super) struct Writer {
    file: ChainFile,
    sources: Sources,
    failing: bool,
    seen: Arc<Seen>,
}

impl Writer {
    /// Opens the file.
    pub(super) fn open(config: &config::Audit, sources: Sources) -> Result<Self, AuditFault> {
        let file = ChainFile::open(config)?;
        let position = Position { head: file.head(), writable: true };
        let seen = Arc::new(Seen(Mutex::new((position, None))));
        Ok(Self { file, sources, failing: false, seen })
    }

    /// Where others see how far it has come.
    pub(super) fn seen(&self) -> Arc<Seen> {
        Arc::clone(&self.seen)
    }

    /// Whether a chain is begun.
    pub(super) fn begins_chain(&self) -> bool {
        self.file.is_new()
    }

    /// Writes until it is told to close or nobody is left to tell it anything.
    pub(super) async fn run(mut self, mut orders: Receiver<Order>) {
        let mut next_tick = Instant::now() + TICK;
        let mut next_head = Instant::now();
        loop {
            match timeout_at(next_tick, orders.recv()).await {
                Ok(Some(order)) => {
                    if let Some(closed) = self.at_work(|this| this.batch(order, &mut orders)) {
                        let whole = self.at_work(Self::close);
                        // the file is free before anybody is told
                        drop(self);
                        let _ = closed.send(whole);
                        return;
                    }
                    if !orders.is_empty() {
                        // who runs beside has a turn between two batches, however many come
                        yield_now().await;
                    }
                }
                Ok(None) => {
                    self.at_work(Self::close);
                    return;
                }
                Err(_) => {}
            }
            if Instant::now() < next_tick {
                continue;
            }
            next_tick = Instant::now() + TICK;
            self.at_work(Self::tick);
            if Instant::now() >= next_head {
                next_head = Instant::now() + HEAD_TO_LOG;
                self.log_head();
            }
        }
    }

    /// Does something that a disk can hold up, for others to see how long it takes.
    fn at_work<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.seen.lock().1 = Some(Instant::now());
        let done = work(self);
        self.seen.lock().1 = None;
        done
    }

    /// What is due without anybody asking: sums, the disk, a look whether the file is still in its
    /// place, and whether what failed goes again.
    fn tick(&mut self) {
        self.write_unasked(&self.sources.tally.due(false));
        let synced = self.file.sync_meanwhile();
        self.synced(&synced);
        if let Err(cause) = self.file.look() {
            self.went(Some(&cause));
        } else if self.failing || self.file.owes() {
            self.write(&[]);
        }
    }

    /// Writes an order and those that wait behind it in one go; the answer is an order to close.
    fn batch(
        &mut self,
        first: Order,
        orders: &mut Receiver<Order>,
    ) -> Option<oneshot::Sender<bool>> {
        let mut records = Vec::new();
        let mut waiting = Vec::new();
        let mut close = None;
        let mut next = Some(first);
        while let Some(order) = next {
            match order {
                Order::Write { record, done } => {
                    records.push(record);
                    waiting.push(done);
                }
                Order::Close(done) => {
                    close = Some(done);
                    break;
                }
            }
            next = if records.len() < BATCH { orders.try_recv().ok() } else { None };
        }
        let counted = self.write(&records);
        for (place, done) in waiting.into_iter().enumerate() {
            let counts = place < counted;
            match done {
                Some(done) => drop(done.send(counts)),
                None if counts => {}
                None => drop(self.sources.lost.fetch_add(1, Ordering::Relaxed)),
            }
        }
        close
    }

    /// Writes records nobody waits for; those for which that fails are counted as lost.
    fn write_unasked(&mut self, records: &[Record]) -> bool {
        if records.is_empty() {
            return true;
        }
        let lost = records.len() - self.write(records);
        self.sources.lost.fetch_add(lost as u64, Ordering::Relaxed);
        lost == 0
    }

    /// Whether everything is on disk.
    fn close(&mut self) -> bool {
        let written = self.write_unasked(&self.sources.tally.due(true));
        let synced = self.file.sync();
        let synced = self.synced(&synced);
        self.log_head();
        written && synced
    }

    /// Writes records; how many of them count, from the first on.
    fn write(&mut self, records: &[Record]) -> usize {
        let lost = self.sources.lost.swap(0, Ordering::Relaxed);
        // after a failure the first to be written says so, and is the proof that records count again
        let gap = (self.failing || lost > 0)
            .then(|| Record::new("records-lost", Outcome::Failure).number("tsmgate.count", lost));
        let written = self.file.append(gap.iter().chain(records));
        let before = usize::from(gap.is_some());
        let counted = match &written {
            Ok(()) => before + records.len(),
            Err(Refused { counted, .. }) => *counted,
        };
        if counted < before {
            self.sources.lost.fetch_add(lost, Ordering::Relaxed);
        }
        self.went(written.as_ref().err().map(|refused| &refused.cause));
        counted.saturating_sub(before)
    }

    /// Notes how a sync went; whether it went well.
    fn synced(&mut self, synced: &io::Result<()>) -> bool {
        if let Err(error) = synced
            && !mem::replace(&mut self.failing, true)
        {
            let path = self.file.path().display();
            tracing::error!(file = %path, %error, "the audit cannot be brought to disk: calls are refused");
        }
        self.show();
        synced.is_ok()
    }

    /// Notes how writing went, and says so once for each change.
    fn went(&mut self, fault: Option<&AppendFault>) {
        let path = self.file.path().display();
        match fault {
            Some(error) if !self.failing => {
                tracing::error!(file = %path, %error, "the audit cannot be written: calls are refused");
            }
            None if self.failing => {
                tracing::warn!(file = %path, "the audit can be written again");
            }
            _ => {}
        }
        self.failing = fault.is_some();
        self.show();
    }

    fn show(&self) {
        let position = Position { head: self.file.head(), writable: !self.failing };
        self.seen.lock().0 = position;
    }

    fn log_head(&self) {
        tracing::info!(target: HEAD_TARGET, head = %self.file.head(), "audit head");
    }
}
