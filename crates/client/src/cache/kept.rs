//! A session as it is kept: what is in the file, and how old it is.
//!
//! The text is JSON, of one line. It is read strictly: what a cookie cannot be is damaged. The secret is read
//! out of a buffer that is wiped, and written into one.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Notice, Served, Wanted};
use crate::json::push_text;
use crate::system::clock::{since_boot, which_boot};
use crate::{Cookie, Login, Secret};

/// The most that is read, in bytes: the largest answer of a login, with every character escaped.
pub(super) const MOST: usize = 128 * 1024;
/// The text's version; another one's is not read.
const VERSION: u32 = 1;

/// A session with its age.
#[derive(Debug)]
pub(super) struct Kept {
    username: String,
    cookie: Cookie,
    /// When it was asked for, since the system started.
    asked: Duration,
}

/// How far a session's time is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Good, and there is no reason for another.
    Young,
    /// Good, and time for another.
    Ageing,
    /// Not good any more.
    Over,
}

impl Stage {
    /// The stage of a session of this age. One that was asked for in the future is of no clock we know.
    pub(crate) fn of(asked: Duration, max_age: u32, now: Duration) -> Self {
        let whole = Duration::from_secs(max_age.into());
        match now.checked_sub(asked) {
            Some(age) if age < renewal(max_age) => Self::Young,
            Some(age) if age < whole * 9 / 10 => Self::Ageing,
            _ => Self::Over,
        }
    }

    /// When it is time for another.
    pub(crate) fn ageing_from(asked: Duration, max_age: u32) -> Duration {
        asked + renewal(max_age)
    }
}

/// The age from which a session has a successor.
fn renewal(max_age: u32) -> Duration {
    Duration::from_secs(max_age.into()) * 3 / 4
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text<'a> {
    version: u32,
    boot: &'a str,
    asked_ns: u64,
    max_age: i32,
    username: String,
    name: &'a str,
    // borrowed from the file's bytes, which are wiped: a cookie has no character that JSON escapes
    value: &'a str,
}

/// A session as text.
pub(super) fn text(login: &Login, asked: Duration) -> Zeroizing<String> {
    let (name, value) = (login.cookie.name(), login.cookie.value().expose());
    let boot = which_boot();
    // enough in any case: JSON makes at most six bytes of one
    let room = 256 + 6 * (name.len() + value.len() + boot.len() + login.username.len());
    let mut text = Zeroizing::new(String::with_capacity(room));
    let (asked, max_age) = (asked.as_nanos(), login.cookie.max_age());
    // writing to a String cannot fail
    let _ = write!(text, "{{\"version\":{VERSION},\"asked_ns\":{asked},\"max_age\":{max_age}");
    let parts =
        [("boot", boot.as_str()), ("username", &login.username), ("name", name), ("value", value)];
    for (key, part) in parts {
        let _ = write!(text, ",\"{key}\":");
        push_text(&mut text, part);
    }
    text.push_str("}\n");
    debug_assert!(text.len() <= room, "the text grew, and left a copy behind");
    text
}

impl Kept {
    /// The session in a file; none where it is of another run of the system, whose clock means nothing here.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, ()> {
        let text: Text<'_> = serde_json::from_slice(bytes).map_err(|_| ())?;
        if text.version != VERSION {
            return Err(());
        }
        let value = Secret::new(text.value.to_owned());
        let cookie = Cookie::new(text.name.to_owned(), value, text.max_age).map_err(|_| ())?;
        let asked = Duration::from_nanos(text.asked_ns);
        let boot = which_boot();
        let is_ours = !boot.is_empty() && boot == text.boot;
        Ok(is_ours.then_some(Self { username: text.username, cookie, asked }))
    }

    /// How far its time is gone now.
    pub(super) fn stage(&self) -> Stage {
        Stage::of(self.asked, self.cookie.max_age(), since_boot())
    }

    /// Whether it is what is wanted by somebody who began then.
    pub(super) fn satisfies(&self, wanted: Wanted<'_>, began: Duration) -> bool {
        match (wanted, self.stage()) {
            (_, Stage::Over) => false,
            (Wanted::Good, stage) => stage == Stage::Young,
            (Wanted::Fresh, _) => self.asked >= began,
            (Wanted::InsteadOf(refused), _) => self.cookie.value() != refused,
        }
    }

    /// Whether TSM may honour it still: to serve it is another question.
    pub(super) fn is_honoured(&self) -> bool {
        let life = Duration::from_secs(self.cookie.max_age().into());
        since_boot().checked_sub(self.asked).is_some_and(|age| age < life)
    }

    /// Whether it is this session.
    pub(super) fn is_of(&self, value: &Secret) -> bool {
        self.cookie.value() == value
    }

    pub(super) fn served(self, notice: Option<Notice>) -> Served {
        Served { login: self.login(), is_new: false, notice }
    }

    /// The session, with the time of its asking as the wall clock has it now.
    pub(super) fn login(self) -> Login {
        let age = since_boot().saturating_sub(self.asked);
        let now = SystemTime::now();
        let asked = now.checked_sub(age).unwrap_or(now);
        Login { username: self.username, cookie: self.cookie, asked }
    }
}

#[cfg(test)]
mod tests;
