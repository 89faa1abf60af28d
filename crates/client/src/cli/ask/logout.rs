//! `tsmgate logout`: has the gate end a session that its login lane gave out.
//!
//! The cookie comes from a file or from stdin, never from an argument, and leaves in a request to the
//! gate alone.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;
use tsmgate_pki::kind_text;
use tsmgate_wire::{Cookie, Secret};
use zeroize::Zeroizing;

use super::{Asking, Task as Any};
use crate::api::{Api, Peer};
use crate::cache::Cache;
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::exit::{Ended, Exit};
use crate::identity::one_line;
use crate::{LoginFailure, Source};

/// The name of TSM's cookie.
const NAME: &str = "AUTH_COOKIE";
/// So many fields has a cookie's line in a cookie file.
const NETSCAPE_FIELDS: usize = 7;
/// The most that is read, in bytes: the largest cookie that a login gives, in JSON, and more.
const MOST: u64 = 64 * 1024;

/// End a session that a gate gave out
///
/// The cookie is what `tsmgate login` wrote, in any of its formats. With --cached, or without a cookie at a
/// terminal, it is the session that the cache has of this gate; the cache is emptied also where the gate cannot
/// end the session, which then runs out by itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate logout --cookie-file tsm.cookies
  tsmgate logout < session
  tsmgate logout --cached

JSON: an object, {\"ended\":true}; \"ended\" is false where nothing was cached.")]
pub(crate) struct LogoutArgs {
    /// Read the cookie from this file [default: stdin]
    #[arg(long, value_name = "FILE")]
    cookie_file: Option<PathBuf>,
    /// End the session that is cached, and empty the cache of it
    #[arg(long, conflicts_with = "cookie_file")]
    cached: bool,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug)]
pub(super) enum Task {
    Given(Secret),
    Cached,
}

impl LogoutArgs {
    pub(super) fn settle(self) -> Result<(Asking, Any), Complaint> {
        let path = self.cookie_file.as_deref();
        let bytes = match path {
            Some(path) => read(std::fs::File::open(path), path)?,
            None if self.cached || std::io::stdin().is_terminal() => {
                return Ok((self.asking, Any::Logout(Task::Cached)));
            }
            None => read(Ok(std::io::stdin()), Path::new("stdin"))?,
        };
        let cookie = cookie(&bytes).ok_or_else(|| {
            Complaint::input(
                path.unwrap_or(Path::new("stdin")),
                "no cookie in it",
                "give the value alone, a file as `tsmgate login` writes it, or --cached",
            )
        })?;
        Ok((self.asking, Any::Logout(Task::Given(cookie))))
    }
}

impl Task {
    pub(super) async fn perform(
        self,
        api: &mut Api,
        json: bool,
        streams: &mut Streams<'_>,
    ) -> Result<Ended, Complaint> {
        let was_cached = matches!(self, Self::Cached);
        let cookie = match self {
            Self::Given(cookie) => Some(cookie),
            Self::Cached => take(api).await?,
        };
        if let Some(cookie) = &cookie
            && let Err(failure) = api.end_session(cookie).await
        {
            if was_cached {
                streams.say("the cache is emptied; the session itself is not ended, and runs out");
            }
            return Err(failure.into());
        }
        if let Some(cookie) = cookie.as_ref().filter(|_| !was_cached)
            && let Err(failure) = forget(api, cookie).await
        {
            streams.say(&format!("the session may still be cached: {failure}"));
        }
        let is_ended = cookie.is_some();
        match (json, is_ended) {
            (true, _) => streams.answer(format!("{{\"ended\":{is_ended}}}\n").as_bytes())?,
            (false, true) => streams.say("the session is ended"),
            (false, false) => streams.say("no session is cached for this gate"),
        }
        Ok(Exit::Done.into())
    }
}

/// The cookie that the cache has; it has it no more.
async fn take(api: &Api) -> Result<Option<Secret>, Complaint> {
    let Some(source) = source(api) else { return Ok(None) };
    let cache = Cache::of_user().map_err(LoginFailure::from)?;
    let login = cache.take(&source).await?;
    Ok(login.map(|login| login.cookie.value().clone()))
}

/// Takes a session that is ended out of the cache, where it is there.
async fn forget(api: &Api, ended: &Secret) -> Result<(), LoginFailure> {
    // without a folder there is no cache
    match (source(api), Cache::of_user()) {
        (Some(source), Ok(cache)) => cache.forget(&source, ended).await,
        _ => Ok(()),
    }
}

/// Where the sessions come from that this gate ends.
fn source(api: &Api) -> Option<Source> {
    match api.peer() {
        Peer::Gate(gate) => Some(gate.clone().into()),
        Peer::LocalGate(gate) => Some(gate.clone().into()),
        // no controller gets this far: `Wanted::Gate`
        Peer::Controller(_) => None,
    }
}

fn read(from: std::io::Result<impl Read>, path: &Path) -> Result<Zeroizing<Vec<u8>>, Complaint> {
    let unreadable = |error: std::io::Error| {
        let hint = "check the path, and the owner and mode of the file";
        Complaint::input(path, kind_text(error.kind()), hint)
    };
    // the full size from the start: a buffer that grows leaves copies behind
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(usize::try_from(MOST).unwrap_or_default() + 1));
    from.map_err(unreadable)?.take(MOST).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// The cookie's value, in any of the forms of `login --format`.
fn cookie(bytes: &[u8]) -> Option<Secret> {
    let text = std::str::from_utf8(bytes).ok()?;
    let value = if text.trim_start().starts_with('{') {
        let mut json: Value = serde_json::from_str(text).ok()?;
        match json.get_mut("value")?.take() {
            Value::String(text) => Secret::new(text),
            _ => return None,
        }
    } else if text.starts_with("# Netscape") {
        let mut lines = text.lines().filter(|line| line.split('\t').count() == NETSCAPE_FIELDS);
        let (Some(line), None) = (lines.next(), lines.next()) else { return None };
        Secret::new(line.rsplit('\t').next()?.to_owned())
    } else {
        let line = one_line(bytes)?;
        let text = line.expose();
        match text.strip_prefix("Cookie: ") {
            Some(pair) => Secret::new(pair.split_once('=')?.1.to_owned()),
            None => match text.strip_prefix("AUTH_COOKIE=") {
                Some(rest) if rest.starts_with(['\'', '"']) => unquoted(rest)?,
                Some(rest) => Secret::new(rest.to_owned()),
                None => line,
            },
        }
    };
    // what no cookie can be is not sent
    Cookie::new(NAME.to_owned(), value, 1).ok().map(|cookie| cookie.value().clone())
}

/// What `--format env` put into quotes: single ones, or double ones with `$` and the backtick escaped.
fn unquoted(text: &str) -> Option<Secret> {
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    if let Some(value) = inside('\'') {
        return Some(Secret::new(value.to_owned()));
    }
    // no cookie has a backslash of its own
    let mut value = String::with_capacity(text.len());
    value.extend(inside('"')?.chars().filter(|c| *c != '\\'));
    Some(Secret::new(value))
}
