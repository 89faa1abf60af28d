//! What a command prints, as it comes: events, one line of JSON each, numbered without gaps.
//!
//! Between two events there may be hours, so only silence beyond all reason ends the waiting. A stream that
//! ends without the command's end is no failure: the gate may have been restarted, and is asked again from
//! [`Output::next_number`] on.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tsmgate_catalogue::runner::{Event, SAID_LIMIT, What};

use super::ApiFailure;
use super::answer::Answer;
use super::connection::{Connection, NoAnswer};
use super::failure::Breach;

/// So long a stream may be silent. A peer that went without a word is noticed by this alone; a command that
/// has nothing to say for so long costs one more request.
pub const SILENCE: Duration = Duration::from_secs(600);

/// The output of a command, from some event on.
#[derive(Debug)]
pub struct Output {
    answer: Answer,
    /// Who streams it.
    peer: String,
    /// It lasts as long as the stream.
    connection: Connection,
    /// What came and is no whole line yet.
    pending: Vec<u8>,
    /// So much of it was looked through for an end of line.
    looked: usize,
    next: u64,
    over: bool,
}

impl Output {
    pub(super) fn new(
        answer: Answer,
        connection: Connection,
        peer: String,
        from: u64,
    ) -> Result<Self, ApiFailure> {
        answer
            .check_kind("application/x-ndjson")
            .map_err(|breach| ApiFailure::Protocol { peer: peer.clone(), breach })?;
        let (pending, looked) = (Vec::new(), 0);
        Ok(Self { answer, peer, connection, pending, looked, next: from, over: false })
    }

    /// Ends the connection politely, within a second. The command goes on.
    pub async fn close(self) {
        drop(self.answer);
        self.connection.close().await;
    }

    /// The number that the next event has.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// The next event; none where the stream has ended, be it after the command's end or before. It may be
    /// dropped while it waits, and nothing is lost.
    ///
    /// # Errors
    /// [`ApiFailure::TimedOut`] after [`SILENCE`]; [`ApiFailure::Protocol`] for a stream that is cut, and for
    /// what is no event, or not the next one.
    pub async fn next(&mut self) -> Result<Option<Event>, ApiFailure> {
        loop {
            if self.over {
                return Ok(None);
            }
            if let Some(line) = self.line()? {
                let Ok(event) = serde_json::from_slice::<Event>(&line) else {
                    return Err(self.breach(Breach::Lacks("an event")));
                };
                if event.n != self.next {
                    return Err(self.breach(Breach::Lacks("the next event")));
                }
                self.next = self.next.saturating_add(1);
                self.over = matches!(event.what, What::End(_));
                return Ok(Some(event));
            }
            match self.answer.piece(Instant::now() + SILENCE).await {
                Ok(Some(piece)) => self.pending.extend_from_slice(&piece),
                Ok(None) => {
                    self.over = true;
                    // a line without its end was cut
                    let is_whole = self.pending.iter().all(u8::is_ascii_whitespace);
                    return if is_whole { Ok(None) } else { Err(self.breach(Breach::CutOff)) };
                }
                Err(NoAnswer::TimedOut) => {
                    return Err(ApiFailure::TimedOut { peer: self.peer.clone(), changing: false });
                }
                Err(NoAnswer::Silent(_)) => return Err(self.breach(Breach::Closed)),
                Err(NoAnswer::Breach(breach)) => return Err(self.breach(breach)),
            }
        }
    }

    /// The next whole line; empty ones are passed over, for a gate may send them as a sign of life.
    fn line(&mut self) -> Result<Option<Bytes>, ApiFailure> {
        loop {
            let rest = self.pending.get(self.looked..).unwrap_or_default();
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                self.looked = self.pending.len();
                return if self.looked > SAID_LIMIT {
                    Err(self.breach(Breach::LongBody(SAID_LIMIT)))
                } else {
                    Ok(None)
                };
            };
            let line: Vec<u8> = self.pending.drain(..=self.looked + end).collect();
            self.looked = 0;
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(line.into()));
            }
        }
    }

    fn breach(&self, breach: Breach) -> ApiFailure {
        ApiFailure::Protocol { peer: self.peer.clone(), breach }
    }
}
