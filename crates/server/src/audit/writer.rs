//! The one thread that writes records: in order, each flushed before it counts.
//!
//! What cannot be written is tried again with the next record, so that service resumes by itself.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::file::{AuditFault, ChainFile};
use super::record::{Outcome, Record};
use super::tally::Tally;
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

/// The thread's own.
#[derive(Debug)]
pub(super) struct Writer {
    file: ChainFile,
    sources: Sources,
    failing: bool,
}

impl Writer {
    /// Opens the file.
    pub(super) fn open(config: &config::Audit, sources: Sources) -> Result<Self, AuditFault> {
        Ok(Self { file: ChainFile::open(config)?, sources, failing: false })
    }

    /// Whether a chain is begun.
    pub(super) fn begins_chain(&self) -> bool {
        self.file.is_new()
    }

    /// Writes until it is told to close or nobody is left to tell it anything.
    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        let mut next_tick = Instant::now() + TICK;
        let mut next_head = Instant::now();
        loop {
            let wait = next_tick.saturating_duration_since(Instant::now());
            match orders.recv_timeout(wait) {
                Ok(order) => {
                    if let Some(closed) = self.batch(order, orders) {
                        let whole = self.close();
                        // the file is free before anybody is told
                        drop(self);
                        let _ = closed.send(whole);
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.close();
                    return;
                }
            }
            if Instant::now() < next_tick {
                continue;
            }
            next_tick = Instant::now() + TICK;
            self.write_unasked(&self.sources.tally.due(false));
            self.sync();
            if Instant::now() >= next_head {
                next_head = Instant::now() + HEAD_TO_LOG;
                self.log_head();
            }
        }
    }

    /// Writes an order and those that wait behind it in one go; the answer is an order to close.
    fn batch(&mut self, first: Order, orders: &Receiver<Order>) -> Option<oneshot::Sender<bool>> {
        let mut records = Vec::new();
        let mut waiting = Vec::new();
        let mut close = None;
        let mut next = Some(first);
        while let Some(order) = next {
            match order {
                Order::Write { record, done } => {
                    records.push(record);
                    waiting.extend(done);
                }
                Order::Close(done) => {
                    close = Some(done);
                    break;
                }
            }
            next = if records.len() < BATCH { orders.try_recv().ok() } else { None };
        }
        let unasked = records.len() - waiting.len();
        let written = self.write(&records);
        if !written {
            self.sources.lost.fetch_add(unasked as u64, Ordering::Relaxed);
        }
        for done in waiting {
            let _ = done.send(written);
        }
        close
    }

    /// Writes records nobody waits for; where that fails they are counted as lost.
    fn write_unasked(&mut self, records: &[Record]) -> bool {
        let written = records.is_empty() || self.write(records);
        if !written {
            self.sources.lost.fetch_add(records.len() as u64, Ordering::Relaxed);
        }
        written
    }

    /// Whether everything is on disk.
    fn close(&mut self) -> bool {
        let written = self.write_unasked(&self.sources.tally.due(true));
        let synced = self.sync();
        self.log_head();
        written && synced
    }

    /// Whether the records are on file. All of them are, or none.
    fn write(&mut self, records: &[Record]) -> bool {
        let lost = self.sources.lost.swap(0, Ordering::Relaxed);
        let gap = (lost > 0)
            .then(|| Record::new("records-lost", Outcome::Failure).number("tsmgate.count", lost));
        let written = self.file.append(gap.iter().chain(records));
        let path = self.file.path().display();
        match &written {
            Err(error) => {
                self.sources.lost.fetch_add(lost, Ordering::Relaxed);
                if !self.failing {
                    tracing::error!(file = %path, %error, "the audit cannot be written: calls are refused");
                }
            }
            Ok(()) if self.failing => {
                tracing::warn!(file = %path, "the audit can be written again");
            }
            Ok(()) => {}
        }
        self.failing = written.is_err();
        written.is_ok()
    }

    fn sync(&mut self) -> bool {
        let synced = self.file.sync();
        if let Err(error) = &synced
            && !mem::replace(&mut self.failing, true)
        {
            let path = self.file.path().display();
            tracing::error!(file = %path, %error, "the audit cannot be brought to disk: calls are refused");
        }
        synced.is_ok()
    }

    fn log_head(&self) {
        tracing::info!(target: HEAD_TARGET, head = %self.file.head(), "audit head");
    }
}
