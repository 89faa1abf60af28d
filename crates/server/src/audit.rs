//! The record of every decision: one JSON line each, numbered, and each with the hash of the line
//! before it, so that a missing, changed or reordered line shows in `tsmgated audit verify`.
//!
//! A call is two records. The *intent* must be on file before TSM is asked, the *outcome* before the
//! cookie leaves; where either cannot be written the call does not happen. Refusals that strangers can
//! cause at will are counted and summed up ([`tally`]), so that nobody fills the disk.
//!
//! Rooms: [`record`] what a line says, [`chain`] how lines hang together, `writer` the one thread that
//! writes them, [`verify`] the check.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use tsmgate_gate::clock::Clock;
use tsmgate_gate::reason::Reason;

use crate::config;

pub mod chain;
pub mod record;
mod tally;
pub mod verify;
mod writer;

pub use record::Record;
pub use tally::Origin as RefusalOrigin;
pub use writer::AuditFault;

use tally::{Tally, Verdict};
use writer::{Order, Writer};

/// Records that may wait for the writer; more than all calls that can be under way at once.
const QUEUE: usize = 4096;
/// The longest a call waits for its record to be written; a disk that hangs longer is a full disk.
const RECORD_DEADLINE: Duration = Duration::from_secs(5);

/// The audit, shared by all connections.
#[derive(Debug)]
pub struct Audit {
    queue: std::sync::mpsc::SyncSender<Order>,
    tally: Arc<Tally>,
    lost: Arc<AtomicU64>,
    fingerprints: aws_lc_rs::hmac::Key,
}

impl Audit {
    /// Opens the file, closes a torn line of an earlier life, and starts the writer.
    ///
    /// The receiver resolves when the writer's thread has ended, for whatever reason.
    ///
    /// # Errors
    /// The file cannot be opened, is unsafe, or its end is not a chain that could be continued.
    pub fn start(
        config: &config::Audit,
        clock: Clock,
    ) -> Result<(Arc<Self>, oneshot::Receiver<()>), AuditFault> {
        let tally = Arc::new(Tally::new(clock));
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer::open(config, Arc::clone(&tally), Arc::clone(&lost))?;
        let (queue, orders) = std::sync::mpsc::sync_channel(QUEUE);
        let (ended, end) = oneshot::channel();
        std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || {
                writer.run(&orders);
                let _ = ended.send(());
            })
            .map_err(AuditFault::Thread)?;
        let random = aws_lc_rs::hmac::Key::generate(
            aws_lc_rs::hmac::HMAC_SHA256,
            &aws_lc_rs::rand::SystemRandom::new(),
        );
        let fingerprints = random.map_err(|_| AuditFault::NoRandom)?;
        Ok((Arc::new(Self { queue, tally, lost, fingerprints }), end))
    }

    /// Writes a record and waits until it is on file.
    ///
    /// # Errors
    /// [`Reason::AuditUnavailable`]: whatever the record was for must not happen.
    pub async fn write(&self, record: Record) -> Result<(), Reason> {
        let (done, written) = oneshot::channel();
        self.queue
            .try_send(Order::Write { record, done: Some(done) })
            .map_err(|_| Reason::AuditUnavailable)?;
        match timeout(RECORD_DEADLINE, written).await {
            Ok(Ok(true)) => Ok(()),
            _ => Err(Reason::AuditUnavailable),
        }
    }

    /// Hands a record over without waiting: for what has happened already. Where it cannot be taken
    /// it is counted, and the count is recorded when records can be written again.
    pub fn note(&self, record: Record) {
        if self.queue.try_send(Order::Write { record, done: None }).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records a refusal, or counts it where the same came from the same origin within a minute.
    pub fn refuse(&self, origin: RefusalOrigin, reason: Reason, record: impl FnOnce() -> Record) {
        if self.tally.count(origin, reason) == Verdict::Record {
            self.note(record());
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

    /// Writes sums that are due, forces everything to disk and lets the writer end. Records that come
    /// later are not taken.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.try_send(Order::Close(done)).is_ok() {
            let _ = timeout(RECORD_DEADLINE, closed).await;
        }
    }
}
