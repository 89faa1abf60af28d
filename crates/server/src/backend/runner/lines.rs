//! A connection to the runner: who is there is looked at, and every line is bounded.

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};
use tsmgate_catalogue::runner::{Ask, RefusalCode, Refused, SAID_LIMIT, Said};
use tsmgate_gate::reason::Reason;
use tsmgate_text::escape;
use zeroize::Zeroizing;

use super::ANSWER_DEADLINE;
use crate::backend::socket::{self, Refused as NoSocket};
use crate::config::LocalSocket;

/// What is read at once, in bytes.
const READ: usize = 64 * 1024;

/// A connection to the runner, a line of JSON at a time.
#[derive(Debug)]
pub(super) struct Lines {
    stream: UnixStream,
    buffer: BytesMut,
}

impl Lines {
    /// Connects, looks who is there, and asks.
    pub(super) async fn asking(socket: &LocalSocket, ask: &Ask) -> Result<Self, Reason> {
        let stream = socket::connect(socket).await.map_err(|refused| {
            let (reason, detail) = match refused {
                NoSocket::Unreachable(detail) => (Reason::RunnerUnreachable, detail),
                NoSocket::Untrusted(detail) => (Reason::RunnerUntrusted, detail),
            };
            // whoever asks could fill the log; what is wrong is told once, by the notices
            tracing::debug!(reason = reason.code(), detail = %escape(detail), "no runner");
            reason
        })?;
        let mut lines = Self { stream, buffer: BytesMut::new() };
        lines.say(ask).await?;
        Ok(lines)
    }

    pub(super) async fn say(&mut self, what: &impl serde::Serialize) -> Result<(), Reason> {
        // an order may hold a passphrase
        let mut line = Zeroizing::new(Vec::with_capacity(serialized_length(what)));
        serde_json::to_writer(&mut *line, what).map_err(|_| Reason::RunnerGarbage)?;
        line.push(b'\n');
        let deadline = Instant::now() + ANSWER_DEADLINE;
        match timeout_at(deadline, self.stream.write_all(&line)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Reason::RunnerUnreachable),
        }
    }

    /// The next line; `None` waits for as long as it takes.
    pub(super) async fn next(&mut self, deadline: Option<Instant>) -> Result<Said, Reason> {
        let mut searched = 0;
        loop {
            if let Some(end) =
                memchr::memchr(b'\n', self.buffer.get(searched..).unwrap_or_default())
            {
                let line = self.buffer.split_to(searched + end);
                self.buffer.advance(1);
                return read(&line);
            }
            searched = self.buffer.len();
            if searched > SAID_LIMIT {
                return Err(Reason::RunnerGarbage);
            }
            self.buffer.reserve(READ);
            let more = self.stream.read_buf(&mut self.buffer);
            let count = match deadline {
                Some(deadline) => match timeout_at(deadline, more).await {
                    Ok(count) => count,
                    Err(_) => return Err(Reason::RunnerUnreachable),
                },
                None => more.await,
            };
            match count {
                Ok(0) | Err(_) => return Err(Reason::RunnerGarbage),
                Ok(_) => {}
            }
        }
    }
}

/// How many bytes it is as JSON: a buffer that grows leaves unwiped copies behind.
fn serialized_length(what: &impl serde::Serialize) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(1);
    // what cannot be written is found out when it is
    let _ = serde_json::to_writer(&mut count, what);
    count.0
}

fn read(line: &[u8]) -> Result<Said, Reason> {
    match serde_json::from_slice(line) {
        Ok(Said::Refused(Refused { code, message })) => {
            let reason = reason(code);
            let detail = escape(message);
            tracing::debug!(reason = reason.code(), detail, "the runner does not do it");
            Err(reason)
        }
        Ok(said) => Ok(said),
        Err(_) => Err(Reason::RunnerGarbage),
    }
}

fn reason(code: RefusalCode) -> Reason {
    match code {
        RefusalCode::BadOrder => Reason::BadOrder,
        RefusalCode::NotServed => Reason::NotServed,
        RefusalCode::QueueFull | RefusalCode::Leaving => Reason::RunnerBusy,
        RefusalCode::UnknownId => Reason::CommandUnknown,
        RefusalCode::Ended => Reason::CommandEnded,
        RefusalCode::Program => Reason::RunnerProgram,
        RefusalCode::Storage => Reason::RunnerStorage,
    }
}
