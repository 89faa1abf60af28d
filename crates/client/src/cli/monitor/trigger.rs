//! What asks for a batch: a line on stdin, a signal, or the clock.
//!
//! However often it is asked while nobody waits, that is one more batch and no queue of them.

use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Signal;
use crate::system::signal::{Kind, Wish};

/// What asks for a batch.
#[derive(Debug)]
pub(super) enum Trigger {
    /// Lines, until there are none.
    Lines(Receiver<()>),
    /// A signal, for ever.
    Signal(Wish),
    /// The clock, for ever, and at once.
    Clock(Interval),
}

impl Trigger {
    /// Begins to listen. A signal that is not listened for keeps its usual effect.
    ///
    /// # Errors
    /// The system gives no signal, or no thread.
    pub(super) fn new(signal: Signal, every: Option<Duration>) -> io::Result<Self> {
        if let Some(every) = every {
            let mut clock = interval(every);
            clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
            return Ok(Self::Clock(clock));
        }
        let kind = match signal {
            Signal::Stdin => return lines(io::stdin()).map(Self::Lines),
            Signal::Hup => Kind::Hangup,
            Signal::Usr1 => Kind::First,
            Signal::Usr2 => Kind::Second,
        };
        Wish::listen(kind).map(Self::Signal)
    }

    /// Whether no batch will be asked for any more.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Self::Lines(lines) if lines.is_closed() && lines.is_empty())
    }

    /// Waits until a batch is asked for; not, where none will be any more. May be dropped while it waits.
    pub(super) async fn come(&mut self) -> bool {
        match self {
            Self::Lines(lines) => return lines.recv().await.is_some(),
            Self::Signal(wish) => wish.come().await,
            Self::Clock(clock) => {
                clock.tick().await;
            }
        }
        true
    }
}

/// Reads lines on a thread of its own, for a read of stdin cannot be given up; the process ends without it.
fn lines(input: impl Read + Send + 'static) -> io::Result<Receiver<()>> {
    // room for one: a line that finds another waiting is answered with it
    let (asked, lines) = channel(1);
    thread::Builder::new().name("stdin".to_owned()).spawn(move || read(input, &asked))?;
    Ok(lines)
}

fn read(mut input: impl Read, asked: &Sender<()>) {
    let mut bytes = [0; 1024];
    let mut open = false;
    loop {
        match input.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => {
                let came = bytes.get(..count).unwrap_or_default();
                if came.contains(&b'\n') {
                    let _ = asked.try_send(());
                }
                open = came.last() != Some(&b'\n');
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // what cannot be read has ended
            Err(_) => break,
        }
    }
    if open {
        let _ = asked.try_send(());
    }
}

#[cfg(test)]
mod tests;
