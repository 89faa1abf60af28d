//! What a running forward says on stderr: a line for each call, and a failure's cause with a hint, once a
//! minute. Whoever calls cannot make it say more than so many lines a second; what is left out is counted.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tsmgate_pki::{kind_text, time_text};
use tsmgate_text::escape;

use crate::cli::complaint::Complaint;
use crate::exit::Exit;
use crate::forward::{Caller, Callers, Denial, Event};

/// Lines in one second.
const LINES_A_SECOND: u32 = 20;
/// A cause that goes on is told again after this time.
const AGAIN: Duration = Duration::from_secs(60);
/// Causes that are remembered; others wait until one of these is old.
const CAUSES: usize = 64;

/// The lines, and what is left out of them.
#[derive(Debug)]
pub(super) struct Notes {
    quiet: bool,
    json: bool,
    /// When the second began in which we are, and how many lines it has.
    second: Option<(Instant, u32)>,
    left_out: u64,
    /// When each cause was told last, and how often it was not since.
    causes: HashMap<String, (Instant, u64)>,
}

impl Notes {
    pub(super) fn new(quiet: bool, json: bool) -> Self {
        Self { quiet, json, second: None, left_out: 0, causes: HashMap::new() }
    }

    /// It serves.
    pub(super) fn begins(&mut self, what: &str, callers: &Callers, talk: &mut dyn Write) {
        let users: Vec<_> = callers.users.iter().map(u32::to_string).collect();
        let groups: Vec<_> = callers.groups.iter().map(|name| escape(name.as_bytes())).collect();
        let list = |what: &str, names: Vec<String>| {
            (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")))
        };
        let who = [list("uid", users), list("members of", groups)];
        let who = who.into_iter().flatten().collect::<Vec<_>>().join("; ");
        let text = format!("{what}, for {who}");
        let fields = json!({"event": "begin", "what": what, "users": callers.users, "groups": callers.groups});
        self.write(&text, fields, talk);
    }

    /// It ends.
    pub(super) fn ends(&mut self, talk: &mut dyn Write) {
        self.say_left_out(talk);
        self.write("stopped", json!({"event": "end"}), talk);
    }

    /// What happened.
    pub(super) fn tell(&mut self, event: &Event, talk: &mut dyn Write) {
        self.tell_at(event, Instant::now(), talk);
    }

    fn tell_at(&mut self, event: &Event, now: Instant, talk: &mut dyn Write) {
        match event {
            Event::Call { caller, outcome, took } => {
                let code = outcome.as_ref().map_or_else(Denial::code, |()| "granted".to_owned());
                if !self.quiet {
                    let text = format!("{}: {code}, {} ms", shown(caller), took.as_millis());
                    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                    let fields = json!({"event": "call", "uid": caller.uid, "user": caller.name, "result": code, "milliseconds": milliseconds});
                    self.line(now, &text, fields, talk);
                }
                if let Err(denial) = outcome {
                    self.cause(&complaint(caller, denial), now, talk);
                }
            }
            Event::NotFetched { caller, ended } => {
                let what = format!("{} did not fetch its session", shown(caller));
                let hint = match ended {
                    true => "the session is ended; see why that program left",
                    false => "TSM honours it until it ends; see why that program left",
                };
                self.cause(&Complaint::later(what, hint), now, talk);
            }
            Event::NoCall { uid, what } => {
                let what = format!("uid {uid} sent no call: {what}");
                let hint = "this socket has TSM's login conversation, and no other";
                self.cause(&Complaint::protocol(what, hint), now, talk);
            }
            Event::TurnedAway(uid) => {
                let what = format!("uid {uid} has too many connections, or all together have");
                let hint = "see which of its programs keeps them open";
                self.cause(&Complaint::later(what, hint), now, talk);
            }
            Event::NotAccepted(kind) => {
                let what = format!("a connection cannot be taken: {}", kind_text(*kind));
                let hint = "check this process's limits, `ulimit -a`";
                self.cause(&Complaint::later(what, hint), now, talk);
            }
            Event::Missed(count) => self.left_out += count,
        }
    }

    /// What is wrong, whoever calls.
    pub(super) fn failure(&mut self, complaint: &Complaint, talk: &mut dyn Write) {
        self.cause(complaint, Instant::now(), talk);
    }

    /// A cause with its hint, unless it was told a short while ago.
    fn cause(&mut self, complaint: &Complaint, now: Instant, talk: &mut dyn Write) {
        let (what, hint) = complaint.words();
        // of a limit each refusal has another number of seconds behind this
        let key = what.split(';').next().unwrap_or(what);
        let is_old = |told: Instant| now.saturating_duration_since(told) >= AGAIN;
        let before = match self.causes.get_mut(key) {
            Some((told, missed)) if !is_old(*told) => {
                *missed += 1;
                return;
            }
            Some((_, missed)) => std::mem::take(missed),
            None => 0,
        };
        if self.causes.len() >= CAUSES {
            self.causes.retain(|_, (told, _)| !is_old(*told));
        }
        if self.causes.len() >= CAUSES {
            self.left_out += 1;
            return;
        }
        let mut text = what.to_owned();
        if before > 0 {
            let _ = write!(text, " ({before} more times since it was said last)");
        }
        let fields = json!({"event": "failure", "what": what, "hint": hint, "more": before});
        if self.line(now, &format!("{text}\nhint: {hint}"), fields, talk) {
            self.causes.insert(key.to_owned(), (now, 0));
        }
    }

    /// One line, where the second has room for it; whether it has.
    fn line(&mut self, now: Instant, text: &str, fields: Value, talk: &mut dyn Write) -> bool {
        let (began, lines) = match self.second {
            Some((began, lines))
                if now.saturating_duration_since(began) < Duration::from_secs(1) =>
            {
                (began, lines)
            }
            _ => {
                self.say_left_out(talk);
                (now, 0)
            }
        };
        let has_room = lines < LINES_A_SECOND;
        self.second = Some((began, lines + 1));
        match has_room {
            true => self.write(text, fields, talk),
            false => self.left_out += 1,
        }
        has_room
    }

    fn say_left_out(&mut self, talk: &mut dyn Write) {
        let count = std::mem::take(&mut self.left_out);
        if count > 0 {
            let fields = json!({"event": "left_out", "lines": count});
            self.write(&format!("{count} more lines were left out"), fields, talk);
        }
    }

    /// Writes it at once and whole; where it cannot be written there is nobody to tell.
    fn write(&self, text: &str, fields: Value, talk: &mut dyn Write) {
        let line = match (self.json, fields) {
            (true, Value::Object(fields)) => {
                let now = time_text(OffsetDateTime::now_utc());
                let mut all = Map::from_iter([("time".to_owned(), now.into())]);
                all.extend(fields);
                crate::json::line(&Value::Object(all))
            }
            _ => format!("tsmgate: {text}\n"),
        };
        let _ = talk.write_all(line.as_bytes());
    }
}

/// A caller as one visible text.
fn shown(caller: &Caller) -> String {
    match &caller.name {
        Some(name) => format!("uid {} ({})", caller.uid, escape(name.as_bytes())),
        None => format!("uid {}", caller.uid),
    }
}

/// Why there was no session, for whoever runs this.
fn complaint(caller: &Caller, denial: &Denial) -> Complaint {
    match denial {
        Denial::NotListed => {
            let hint = "name the user with --allow-user, or one of its groups with --allow-group";
            Complaint::new(
                Exit::NotPermitted,
                format!("{} may not log in here", shown(caller)),
                hint.to_owned(),
            )
        }
        Denial::NotJudged => {
            let hint = "`getent passwd` and `getent initgroups` ask the same".to_owned();
            let what = "this host's user database does not answer".to_owned();
            Complaint::new(Exit::RetryLater, what, hint)
        }
        Denial::NoTurn => {
            let hint = "callers ask more often than the gate answers; ask less often, or see why it is slow";
            Complaint::later("a call waited in vain for its turn", hint)
        }
        Denial::Failed(failure) => failure.clone().into(),
    }
}

#[cfg(test)]
mod tests;
