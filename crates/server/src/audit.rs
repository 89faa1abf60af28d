//! The record of every decision: one JSON line each, numbered, and each with the hash of the line
//! before it, so that a missing, changed or reordered line shows in `tsmgated audit verify`.
//!
//! A call is two records. The *intent* must be on file before TSM is asked, the *outcome* before the
//! cookie leaves; where either cannot be written the call does not happen. Refusals that strangers can
//! cause at will are counted and summed up ([`tally`]), so that nobody fills the disk.
//!
//! Rooms: [`record`] what a line says, [`chain`] how lines hang together, `opening`, `file`, `disk` and
//! `writer` bring them to disk, `beside` runs a call where its records are written, `rotation` puts a full file
//! aside, `journal` tells systemd's journal, [`verify`] the check, [`report`] the sums for a review.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::{self, Handle};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tsmgate_gate::clock::Clock;
use tsmgate_gate::reason::Reason;

use crate::config;

mod beside;
pub mod chain;
mod disk;
mod file;
mod journal;
mod opening;
pub mod record;
pub mod report;
mod rotation;
mod tally;
pub mod verify;
mod writer;

pub use opening::{AuditFault, inspect};
pub use record::Record;
pub use tally::{Origin as RefusalOrigin, Proof};
pub use writer::HEAD_TARGET;

use chain::Head;
use tally::{Tally, Verdict};
use writer::{Order, Seen, Sources, Writer};

/// Records that may wait for the writer. A reload may cut every connection at once, and each then hands
/// over, without waiting, that it is cut and that its call was aborted: there is room for both of eight
/// thousand, while a disk is slow.
const QUEUE: usize = 16_384;
/// The longest a call waits for its record to be written; a disk that hangs longer is a full disk.
const RECORD_DEADLINE: Duration = Duration::from_secs(5);

/// How long a full queue is asked again when the daemon stops.
const CLOSE_RETRY: Duration = Duration::from_millis(10);

/// Why a record does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwritten {
    /// It is not on file and will not be.
    Surely,
    /// It was not on file in time; it still waits, and what is handed over later comes behind it.
    Perhaps,
}

/// A record on its way to the file.
#[derive(Debug)]
pub struct Written(oneshot::Receiver<bool>);

impl Written {
    /// Waits until it is there, five seconds at most.
    ///
    /// # Errors
    /// Whatever the record was for must not happen.
    pub async fn on_file(self) -> Result<(), Unwritten> {
        match timeout(RECORD_DEADLINE, self.0).await {
            Ok(Ok(true)) => Ok(()),
            Ok(_) => Err(Unwritten::Surely),
            Err(_) => Err(Unwritten::Perhaps),
        }
    }
}

/// How far the audit has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The last record that counts.
    pub head: Head,
    /// Whether the last try to write went well, and none hangs: `false` means that calls are refused. Tried
    /// again each second, also where nobody calls.
    pub writable: bool,
}

/// The audit, shared by all connections.
#[derive(Debug)]
pub struct Audit {
    queue: mpsc::Sender<Order>,
    tally: Arc<Tally>,
    lost: Arc<AtomicU64>,
    begins_chain: bool,
    seen: Arc<Seen>,
    /// The writer's thread, for calls that run beside it.
    thread: Handle,
    fingerprints: aws_lc_rs::hmac::Key,
}

impl Audit {
    /// Opens the file, looks for the journal where it is asked for, closes a torn line of an earlier
    /// life, and starts the writer.
    ///
    /// [`inspect`] says beforehand whether that would work.
    ///
    /// The receiver resolves when the writer's thread has ended, for whatever reason.
    ///
    /// # Errors
    /// The file cannot be opened, is unsafe, or its end is not a chain that could be continued; the
    /// journal is asked for and not there.
    pub fn start(
        config: &config::Audit,
        clock: Clock,
    ) -> Result<(Arc<Self>, oneshot::Receiver<()>), AuditFault> {
        let tally = Arc::new(Tally::new(clock));
        let lost = Arc::new(AtomicU64::new(0));
        let sources = Sources { tally: Arc::clone(&tally), lost: Arc::clone(&lost) };
        let writer = Writer::open(config, sources)?;
        let begins_chain = writer.begins_chain();
        let seen = writer.seen();
        let (queue, orders) = mpsc::channel(QUEUE);
        let (ended, end) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(AuditFault::Thread)?;
        let thread = runtime.handle().clone();
        std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || {
                // one of the runtime's tasks: what `block_on` itself runs waits for a look at the sockets
                let writing = runtime.spawn(writer.run(orders));
                let _ = runtime.block_on(writing);
                let _ = ended.send(());
            })
            .map_err(AuditFault::Thread)?;
        let random = aws_lc_rs::hmac::Key::generate(
            aws_lc_rs::hmac::HMAC_SHA256,
            &aws_lc_rs::rand::SystemRandom::new(),
        );
        let fingerprints = random.map_err(|_| AuditFault::NoRandom)?;
        let audit = Self { queue, tally, lost, begins_chain, seen, thread, fingerprints };
        Ok((Arc::new(audit), end))
    }

    /// Whether the file was missing or empty, so that a chain begins with this start.
    pub fn begins_chain(&self) -> bool {
        self.begins_chain
    }

    /// How far it has come, as the writer last saw it. Cheap: a lock that nobody holds for longer than
    /// a copy takes.
    pub fn position(&self) -> Position {
        self.seen.position()
    }

    /// Writes a record and waits until it is on file, and in the journal where that is asked for.
    ///
    /// # Errors
    /// Whatever the record was for must not happen.
    pub async fn write(&self, record: Record) -> Result<(), Unwritten> {
        self.hand_over(record)?.on_file().await
    }

    /// Hands a record over, behind all that were before and before all that come later; what comes of it is
    /// there to be waited for.
    ///
    /// # Errors
    /// It is not taken: whatever it was for must not happen.
    pub fn hand_over(&self, record: Record) -> Result<Written, Unwritten> {
        let (done, written) = oneshot::channel();
        let order = Order::Write { record, done: Some(done) };
        self.queue.try_send(order).map_err(|_| Unwritten::Surely)?;
        Ok(Written(written))
    }

    /// Hands a record over without waiting: for what has happened already. Where it cannot be taken
    /// it is counted, and the count is recorded when records can be written again.
    pub fn note(&self, record: Record) {
        if self.queue.try_send(Order::Write { record, done: None }).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records a refusal with what is known of whom it met, or counts it where the same came from the
    /// same origin within a minute. Whoever proved a key is not silenced by those who did not.
    pub fn refuse(
        &self,
        origin: RefusalOrigin,
        reason: Reason,
        proof: Proof,
        about: impl FnOnce() -> Record,
    ) {
        if self.tally.count(origin, reason, proof) == Verdict::Record {
            self.note(Record::refusal("refused", reason).append(&about()));
        }
    }

    /// Records something that strangers can cause, as far as the line limit of refusals allows.
    pub fn remark(&self, record: Record) {
        if self.tally.line() {
            self.note(record);
        }
    }

    /// A name for a secret that says nothing of it: the same for the same secret within one life of
    /// the daemon, under a key that is never stored.
    pub fn fingerprint(&self, secret: &tsmgate_wire::Secret) -> String {
        let tag = aws_lc_rs::hmac::sign(&self.fingerprints, secret.expose().as_bytes());
        let short = tag.as_ref().get(..8).unwrap_or_default();
        data_encoding::HEXLOWER.encode(short)
    }

    /// Writes what waits and what is due, forces everything to disk and lets the writer end. Records
    /// that come later are not taken. `false` where that could not be done in time.
    pub async fn close(&self) -> bool {
        let (done, closed) = oneshot::channel();
        let mut order = Order::Close(done);
        let close = async {
            loop {
                match self.queue.try_send(order) {
                    Ok(()) => return closed.await.unwrap_or_default(),
                    Err(TrySendError::Full(back)) => order = back,
                    Err(TrySendError::Closed(_)) => return false,
                }
                sleep(CLOSE_RETRY).await;
            }
        };
        timeout(RECORD_DEADLINE, close).await.unwrap_or_default()
    }
}
