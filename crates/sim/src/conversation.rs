//! One connection: reads calls one after another and answers each, as its behaviour says.
//!
//! It refuses what is no call by closing, as a Java Thrift server does, and takes bytes in pieces of
//! any size. Guess: several calls on one connection are fine. It has no deadlines of its own; that
//! the other side keeps its own is what the tests want to see.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tsmgate_wire::generated::passwordless_login::{
    PasswordLessLoginResult, PasswordLessLoginReturnCode,
};

use crate::behaviour::Behaviour;
use crate::call::{CALL_LIMIT, Reading, read_call};
use crate::log::ControllerLog;
use crate::people::{Policy, Verdict};
use crate::record::{Entry, Peer, Record};
use crate::reply::{self, After, Script};
use crate::sessions::Sessions;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Controller {
    pub(crate) policy: Policy,
    pub(crate) username: String,
    pub(crate) log: ControllerLog,
    pub(crate) sessions: Sessions,
    pub(crate) record: Arc<Record>,
}

/// Holds one connection from its first byte to its end.
pub(crate) struct Conversation {
    pub(crate) stream: UnixStream,
    pub(crate) peer: Peer,
    pub(crate) behaviour: Behaviour,
    pub(crate) entry: Entry,
    pub(crate) controller: Arc<Controller>,
}

impl Conversation {
    /// Runs to the end of the connection.
    pub(crate) async fn run(mut self) {
        let ended = match self.behaviour {
            // Closing a Unix socket with unread bytes is what resets the peer.
            Behaviour::RefuseAfterAccept => self.stream.readable().await,
            Behaviour::Silent => self.read_to_the_end().await,
            _ => self.answer_calls().await,
        };
        if let Err(error) = ended {
            self.note(&format!("the connection ended: {error}"));
        }
    }

    async fn answer_calls(&mut self) -> io::Result<()> {
        let mut inbox = Vec::new();
        while let Some((length, method)) = self.next_call(&mut inbox).await? {
            let call: Vec<u8> = inbox.drain(..length).collect();
            self.controller.record.count(|counts| counts.calls += 1);
            let script = match self.behaviour {
                Behaviour::Vanish => return Ok(()),
                Behaviour::Garbage => {
                    Script { bytes: reply::garbage(), byte_by_byte: false, then: After::Close }
                }
                behaviour => {
                    let result = self.log_in(&method).await;
                    reply::script(behaviour, &call, result).map_err(io::Error::other)?
                }
            };
            self.send(&script).await?;
            match script.then {
                After::NextCall => {}
                After::Close => return Ok(()),
                After::Hang => return self.read_to_the_end().await,
            }
        }
        Ok(())
    }

    /// Reads until the inbox begins with a whole call. `None`: the peer is done, or speaks no Thrift.
    async fn next_call(&mut self, inbox: &mut Vec<u8>) -> io::Result<Option<(usize, String)>> {
        loop {
            match read_call(inbox) {
                Reading::Whole { length, method } => return Ok(Some((length, method))),
                Reading::Broken(reason) => {
                    self.note(&format!("not a call: {reason}"));
                    return Ok(None);
                }
                Reading::Incomplete => {}
            }
            let mut piece = [0; CALL_LIMIT];
            let length = self.stream.read(&mut piece).await?;
            let piece = piece.get(..length).unwrap_or_default();
            if piece.is_empty() {
                return Ok(None);
            }
            self.entry.received(piece);
            inbox.extend_from_slice(piece);
        }
    }

    /// Asks who the peer is and whether that user may, and leaves the controller's lines in the log.
    async fn log_in(&self, method: &str) -> PasswordLessLoginResult {
        let Controller { policy, username, log, sessions, record } = &*self.controller;
        let (thread, uid) = (self.entry.number(), self.peer.uid);
        if method != "login" {
            // the processor answers with an exception and does not look at the result
            return reply::failed(PasswordLessLoginReturnCode::PLL_ERROR);
        }
        let caller = policy.look_up(uid).await;
        let known = caller.as_ref().ok().and_then(Option::as_ref);
        // Guess: a uid without a name is logged by its number.
        let name = known.map_or_else(|| uid.to_string(), |caller| caller.name.clone());
        log.request(thread, &name, uid);
        let verdict = match (self.behaviour, &caller) {
            (Behaviour::NotAuthorized, _) => Verdict::Refused,
            (Behaviour::PllError | Behaviour::Exception, _) => Verdict::Failed,
            (_, Ok(_)) => policy.judge(uid, known),
            (_, Err(error)) => {
                self.note(&format!("the user database does not answer: {error}"));
                Verdict::Failed
            }
        };
        match verdict {
            Verdict::Granted => {
                let value = sessions.open(&name);
                record.keep_cookie(&value);
                log.logged_in(thread, &name, uid);
                reply::granted(username, value, sessions.max_age())
            }
            Verdict::Refused => {
                record.count(|counts| counts.refusals += 1);
                log.refused(thread, &name, uid);
                reply::failed(PasswordLessLoginReturnCode::PLL_NOT_AUTHORIZED)
            }
            Verdict::Failed => reply::failed(PasswordLessLoginReturnCode::PLL_ERROR),
        }
    }

    async fn send(&mut self, script: &Script) -> io::Result<()> {
        if let Behaviour::Delay(pause) = self.behaviour {
            tokio::time::sleep(pause).await;
        }
        if script.byte_by_byte {
            for byte in &script.bytes {
                self.stream.write_all(&[*byte]).await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        } else {
            self.stream.write_all(&script.bytes).await?;
        }
        self.controller.record.count(|counts| counts.answers += 1);
        Ok(())
    }

    async fn read_to_the_end(&mut self) -> io::Result<()> {
        let mut piece = [0; CALL_LIMIT];
        loop {
            let length = self.stream.read(&mut piece).await?;
            if length == 0 {
                return Ok(());
            }
            self.entry.received(piece.get(..length).unwrap_or_default());
        }
    }

    fn note(&self, message: &str) {
        self.controller.log.note(self.entry.number(), message);
    }
}
