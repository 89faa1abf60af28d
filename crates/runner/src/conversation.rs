//! One connection: one question, one answer or a stream of them, and the end.
//!
//! The peer is known by now. Whoever wants the rest of a stream keeps its own side open: a peer that closes it is
//! taken to have gone.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;
use tsmgate_catalogue::runner::{Ask, Id, Recorded, RefusalCode, Refused, SAID_LIMIT, Said, Task};

use crate::desk::{Desk, refused};
use crate::transcript::Reader;

mod question;

pub use question::Questions;

/// How long the peer may take to take a part of an answer.
const WRITE: Duration = Duration::from_secs(30);
/// How long the gate may take to record a notice.
const RECORD: Duration = Duration::from_secs(60);
/// The longest word that a notice is on record, in bytes.
const RECORDED_LIMIT: usize = 256;

/// Holds a conversation. What goes wrong with the connection ends it, and nothing else.
pub async fn converse(desk: &Arc<Desk>, stream: UnixStream, questions: &Questions) {
    let (mut from, to) = stream.into_split();
    let mut answer = Answer { to };
    let ask = match questions.read(&mut from).await {
        Ok(ask) => ask,
        Err(None) => return,
        Err(Some(refused)) => {
            let _ = answer.refuse(refused).await;
            return;
        }
    };
    if let Err(error) = reply(desk, ask, &mut from, &mut answer).await {
        tracing::debug!(%error, "a conversation ended early");
    }
}

async fn reply(
    desk: &Arc<Desk>,
    ask: Ask,
    from: &mut OwnedReadHalf,
    answer: &mut Answer,
) -> io::Result<()> {
    match ask {
        // whoever asked and went is told that it may have been taken: it is not
        Ask::Start(_) if has_gone(from) => {
            tracing::warn!("an order is left: who gave it has gone");
            Ok(())
        }
        Ask::Start(start) => answer.task(desk.start(*start)).await,
        Ask::Would(order) => match desk.would(&order) {
            Ok(would) => answer.say(&Said::Would(would)).await,
            Err(refused) => answer.refuse(refused).await,
        },
        Ask::List => answer.say(&Said::Tasks(fitting(desk.list()))).await,
        Ask::Show(id) => answer.task(desk.show(&id)).await,
        Ask::Cancel { id, by } => answer.task(desk.cancel(&id, &by)).await,
        Ask::Withdraw { id, by } => answer.task(desk.withdraw(&id, &by)).await,
        Ask::Output { id, from: first } => output(desk, &id, first, from, answer).await,
        Ask::Watch => watch(desk, from, answer).await,
    }
}

/// Whether the peer has closed its side.
fn has_gone(from: &OwnedReadHalf) -> bool {
    matches!(from.try_read(&mut [0; 1]), Ok(0))
}

/// As many as one line takes, the newest first.
fn fitting(mut all: Vec<Task>) -> Vec<Task> {
    let mut room = SAID_LIMIT - 1024;
    let fits = |task: &Task| {
        let size = serde_json::to_vec(task).map_or(usize::MAX, |line| line.len() + 1);
        let left = room.checked_sub(size);
        room = left.unwrap_or(0);
        left.is_none()
    };
    if let Some(first) = all.iter().position(fits) {
        all.truncate(first);
    }
    all
}

/// All events from that number on, until the last.
async fn output(
    desk: &Desk,
    id: &Id,
    first: u64,
    from: &mut OwnedReadHalf,
    answer: &mut Answer,
) -> io::Result<()> {
    let mut seen = match desk.seen(id) {
        Ok(seen) => seen,
        Err(refused) => return answer.refuse(refused).await,
    };
    let mut next = first;
    let mut reader: Option<Reader> = None;
    loop {
        let now = *seen.borrow_and_update();
        let Ok(page) = desk.page(id, next) else {
            // it was forgotten meanwhile, and had ended before
            return Ok(());
        };
        if page.on_disk > next && reader.is_none() {
            reader = Some(Reader::open(&page.path)?);
        }
        if let Some(reader) = &mut reader {
            while reader.next() < page.on_disk {
                let lines = reader.lines(first, page.on_disk)?;
                answer.events(&lines).await?;
                tokio::task::yield_now().await;
            }
            next = next.max(reader.next());
        }
        for event in page.beside {
            next = next.max(event.n + 1);
            answer.say(&Said::Event(event)).await?;
        }
        if now.over && next >= now.events {
            return Ok(());
        }
        tokio::select! {
            changed = seen.changed() => if changed.is_err() { return Ok(()) },
            () = gone(from) => return Ok(()),
        }
    }
}

/// Notice after notice, each recorded before the next.
async fn watch(desk: &Desk, from: &mut OwnedReadHalf, answer: &mut Answer) -> io::Result<()> {
    let mut last = 0;
    loop {
        let noticed = desk.noticed();
        tokio::pin!(noticed);
        // from here on none is missed
        noticed.as_mut().enable();
        let Some(notice) = desk.notice_after(last) else {
            tokio::select! {
                () = noticed => continue,
                () = gone(from) => return Ok(()),
            }
        };
        last = notice.n;
        answer.say(&Said::Notice(Box::new(notice))).await?;
        let line = timeout(RECORD, question::line(from, RECORDED_LIMIT)).await??;
        let recorded: Recorded = serde_json::from_slice(&line)?;
        if recorded.recorded != last {
            return Err(io::Error::other("another notice than the last was recorded"));
        }
        desk.recorded(last);
    }
}

/// Waits until the peer is gone, or says what nobody asked for.
async fn gone(from: &mut OwnedReadHalf) {
    let _ = from.read_u8().await;
}

/// The lines of an answer.
struct Answer {
    to: OwnedWriteHalf,
}

impl Answer {
    async fn say(&mut self, said: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(said)?;
        line.push(b'\n');
        self.write(&line).await
    }

    async fn task(&mut self, task: Result<Task, Refused>) -> io::Result<()> {
        match task {
            Ok(task) => self.say(&Said::Task(Box::new(task))).await,
            Err(refused) => self.refuse(refused).await,
        }
    }

    async fn refuse(&mut self, refused: Refused) -> io::Result<()> {
        match refused.code {
            RefusalCode::UnknownId | RefusalCode::Ended => {}
            code => {
                tracing::info!(?code, reason = %tsmgate_text::escape(&refused.message), "refused")
            }
        }
        self.say(&Said::Refused(refused)).await
    }

    /// Events as they stand in the file, as [`Said::Event`].
    async fn events(&mut self, lines: &[Vec<u8>]) -> io::Result<()> {
        let mut all = Vec::new();
        for line in lines {
            all.extend_from_slice(br#"{"event":"#);
            all.extend_from_slice(line);
            all.extend_from_slice(b"}\n");
        }
        self.write(&all).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // in parts, each with its own time: a slow reader is not a dead one
        for part in bytes.chunks(64 * 1024) {
            timeout(WRITE, self.to.write_all(part)).await??;
        }
        Ok(())
    }
}

/// A question that cannot be read.
fn bad(message: &str) -> Refused {
    refused(RefusalCode::BadOrder, message)
}
