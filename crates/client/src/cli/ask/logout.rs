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
use crate::api::Api;
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::exit::{Ended, Exit};
use crate::identity::one_line;

/// The name of TSM's cookie.
const NAME: &str = "AUTH_COOKIE";
/// So many fields has a cookie's line in a cookie file.
const NETSCAPE_FIELDS: usize = 7;
/// The most that is read, in bytes: the largest cookie that a login gives, in JSON, and more.
const MOST: u64 = 64 * 1024;

/// End a session that a gate gave out
///
/// The cookie is what `tsmgate login` wrote, in any of its formats.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate logout --cookie-file tsm.cookies
  tsmgate logout < session

JSON: an object, {\"ended\":true}.")]
pub(crate) struct LogoutArgs {
    /// Read the cookie from this file [default: stdin]
    #[arg(long, value_name = "FILE")]
    cookie_file: Option<PathBuf>,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug)]
pub(super) struct Task(Secret);

impl LogoutArgs {
    pub(super) fn settle(self) -> Result<(Asking, Any), Complaint> {
        let path = self.cookie_file.as_deref();
        let bytes = match path {
            Some(path) => read(std::fs::File::open(path), path)?,
            None if std::io::stdin().is_terminal() => {
                let hint = "give --cookie-file FILE, or send the cookie into stdin";
                return Err(Complaint::usage("no cookie is given", hint));
            }
            None => read(Ok(std::io::stdin()), Path::new("stdin"))?,
        };
        let cookie = cookie(&bytes).ok_or_else(|| {
            Complaint::input(
                path.unwrap_or(Path::new("stdin")),
                "no cookie in it",
                "give the value alone, or a file as `tsmgate login` writes it",
            )
        })?;
        Ok((self.asking, Any::Logout(Task(cookie))))
    }
}

impl Task {
    pub(super) async fn perform(
        self,
        api: &mut Api,
        json: bool,
        streams: &mut Streams<'_>,
    ) -> Result<Ended, Complaint> {
        api.end_session(&self.0).await?;
        if json {
            streams.answer(b"{\"ended\":true}\n")?;
        } else {
            streams.say("the session is ended");
        }
        Ok(Exit::Done.into())
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
                Some(quoted) => unquoted(quoted)?,
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
