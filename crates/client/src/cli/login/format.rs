//! A session as text, in the six forms of `--format`.
//!
//! The text holds the secret: it has its full size from the start and is wiped when dropped. Nothing
//! of a peer's decides more than its own place: names, domains and quotes are ours or are checked.

use std::fmt::Write as _;
use std::time::UNIX_EPOCH;

use clap::ValueEnum;
use time::OffsetDateTime;
use tsmgate_pki::time_text;
use zeroize::Zeroizing;

use crate::address::is_host;
use crate::json::push_text;
use crate::{Login, Source};

/// How a session is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The cookie's value
    Value,
    /// The cookie's name and value: NAME=VALUE
    Pair,
    /// An HTTP header: Cookie: NAME=VALUE
    Header,
    /// An object with name, value, username and expiry (RFC 3339, UTC)
    Json,
    /// A cookie file, as `curl -b FILE` reads it
    Netscape,
    /// AUTH_COOKIE='…', for eval of a shell or EnvironmentFile of systemd
    Env,
}

/// The host that a cookie is for, where none is named: the gate's.
pub(in crate::cli) fn usual_domain(source: &Source) -> &str {
    match source {
        Source::Gate(gate) => gate.address.host(),
        Source::LocalGate(_) | Source::LocalSocket(_) => "localhost",
    }
}

/// A host as it can stand in a cookie file: no tab, no end of line.
pub(in crate::cli) fn domain(text: &str) -> Result<String, String> {
    if is_host(text) { Ok(text.to_owned()) } else { Err("give a host name or an address".into()) }
}

/// The session as text, with an end of line.
pub(in crate::cli) fn render(format: Format, login: &Login, domain: &str) -> Zeroizing<String> {
    let (name, value) = (login.cookie.name(), login.cookie.value().expose());
    // enough for every form: JSON makes at most six bytes of one, quotes two
    let room = 256 + domain.len() + name.len() + 2 * value.len() + 6 * login.username.len();
    let mut text = Zeroizing::new(String::with_capacity(room));
    // writing to a String cannot fail
    let _ = match format {
        Format::Value => writeln!(text, "{value}"),
        Format::Pair => writeln!(text, "{name}={value}"),
        Format::Header => writeln!(text, "Cookie: {name}={value}"),
        Format::Json => json(&mut text, login),
        Format::Netscape => netscape(&mut text, login, domain),
        Format::Env => env(&mut text, value),
    };
    debug_assert!(text.len() <= room, "the text grew, and left a copy behind");
    text
}

fn json(text: &mut String, login: &Login) -> std::fmt::Result {
    let expiry = time_text(OffsetDateTime::from(login.expires()));
    let parts = [
        ("{\"name\":", login.cookie.name()),
        (",\"value\":", login.cookie.value().expose()),
        (",\"username\":", &login.username),
        (",\"expiry\":", &expiry),
    ];
    for (key, part) in parts {
        text.push_str(key);
        push_text(text, part);
    }
    text.push_str("}\n");
    Ok(())
}

/// One line of seven fields: domain (with curl's mark for `HttpOnly`), subdomains too, path, only
/// over TLS, end as seconds of the epoch, name, value. Source: curl's `docs/HTTP-COOKIES.md`.
fn netscape(text: &mut String, login: &Login, domain: &str) -> std::fmt::Result {
    let end = login.expires().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (name, value) = (login.cookie.name(), login.cookie.value().expose());
    writeln!(text, "# Netscape HTTP Cookie File")?;
    writeln!(text, "#HttpOnly_{domain}\tFALSE\t/\tTRUE\t{end}\t{name}\t{value}")
}

/// An assignment that a shell and systemd read alike. The variable's name is ours and not the
/// cookie's: a peer must not get to set `PATH`. A cookie has neither `"` nor a backslash (the wire
/// codec sees to it); with a `'` in it, double quotes stand, and what they leave alive is escaped.
fn env(text: &mut String, value: &str) -> std::fmt::Result {
    if !value.contains('\'') {
        return writeln!(text, "AUTH_COOKIE='{value}'");
    }
    text.push_str("AUTH_COOKIE=\"");
    for c in value.chars() {
        if matches!(c, '$' | '`') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push_str("\"\n");
    Ok(())
}
