//! `tsmgated status` and `tsmgated reload`: asking the running gate, on its status socket.
//!
//! Nothing is read but what the gate answers, and nothing it answers reaches the terminal unescaped.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tsmgate_text::escape;

use super::{Exit, complain, say};
use crate::observe::{RELOAD_TIME, visible};
use crate::status::{Ending, SOCKET, Status};
use ask::{Reply, Silence, ask};

mod ask;
mod lanes;

/// How long the gate may take to say how it is.
const LOOK: Duration = Duration::from_secs(5);
/// How long a reload is waited for: as long as the gate waits, and for its answer.
const RELOAD: Duration = RELOAD_TIME.saturating_add(LOOK);
/// Endings that a person is told.
const ENDINGS: usize = 20;
const DAY: i64 = 24 * 60 * 60;

#[derive(Debug, clap::Args)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    gate: Gate,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReloadArguments {
    #[command(flatten)]
    gate: Gate,
}

#[derive(Debug, clap::Args)]
pub(super) struct Gate {
    /// The gate's status socket
    #[arg(long, default_value = SOCKET)]
    pub(super) socket: PathBuf,
}

/// How the gate at this socket is, where one answers us.
pub(super) fn picture(socket: &Path) -> Option<Status> {
    let reply = ask(socket, "GET", "/status", LOOK).ok()?;
    serde_json::from_slice(&reply.body).ok().filter(|_| reply.code == 200)
}

pub(super) fn status(arguments: &StatusArguments) -> Exit {
    let socket = &arguments.gate.socket;
    let reply = match ask(socket, "GET", "/status", LOOK) {
        Ok(reply) => reply,
        Err(silence) => return unavailable(socket, &silence),
    };
    let status = match serde_json::from_slice::<Status>(&reply.body) {
        Ok(status) if reply.code == 200 => status,
        _ => return unavailable(socket, &Silence::Strange),
    };
    say(&if arguments.json { vec![json(&status)] } else { told(&status) });
    if status.ready { Exit::Done } else { Exit::Broken }
}

pub(super) fn reload(arguments: &ReloadArguments) -> Exit {
    let socket = &arguments.gate.socket;
    let reply = match ask(socket, "POST", "/reload", RELOAD) {
        Ok(reply) => reply,
        Err(silence) => return unavailable(socket, &silence),
    };
    match reply.code {
        200 => {
            say(&["reloaded".to_owned()]);
            Exit::Done
        }
        422 => {
            complain("not reloaded; what was in force before still is:");
            complain_of(&reply);
            Exit::Contents
        }
        500 | 504 => {
            complain_of(&reply);
            Exit::Unavailable
        }
        _ => unavailable(socket, &Silence::Strange),
    }
}

fn complain_of(reply: &Reply) {
    String::from_utf8_lossy(&reply.body).lines().for_each(|line| complain(&visible(line)));
}

fn unavailable(socket: &Path, silence: &Silence) -> Exit {
    complain(&format!("{}: {silence}", escape(socket.as_os_str().as_encoded_bytes())));
    complain(silence.hint());
    Exit::Unavailable
}

/// The picture in lines for a person: the verdict first, then what to do something about.
fn told(status: &Status) -> Vec<String> {
    let verdict = if status.ready { "ready" } else { "not ready" };
    let mut lines = vec![format!(
        "{verdict}: {}, {} since {}",
        counted(status.proven, "client connection"),
        counted(status.logins, "login"),
        moment(&status.started)
    )];
    lines.extend(status.trouble.iter().map(|trouble| format!("trouble: {}", visible(trouble))));
    lines.extend(status.warnings.iter().map(|warning| format!("warning: {}", visible(warning))));
    if status.unproven > 0 {
        lines.push(format!("strangers: {} not known yet", status.unproven));
    }
    lines.push(format!("TSM's login socket: {}", failing(status.tsm_failing.as_deref())));
    lines.extend(lanes::told(status));
    lines.push(match &status.last_login {
        None => "last login: none since the start".to_owned(),
        Some(login) => format!("last login: {} at {}", escape(&login.client), moment(&login.at)),
    });
    lines.push(match &status.reload {
        None => "last reload: none since the start".to_owned(),
        Some(reload) => match &reload.fault {
            None => format!("last reload: good, at {}", moment(&reload.at)),
            Some(fault) => {
                let at = moment(&reload.at);
                format!(
                    "last reload: FAILED at {at}, the one before is in force: {}",
                    visible(fault)
                )
            }
        },
    });
    let writable = if status.audit_writable { "can be written" } else { "CANNOT BE WRITTEN" };
    lines.push(format!("audit: {writable}, head {}", escape(&status.audit_head)));
    lines.extend(status.endings.iter().take(ENDINGS).map(ending));
    if let Some(more @ 1..) = status.endings.len().checked_sub(ENDINGS) {
        lines.push(format!("ends: {more} more, later; all are in --json"));
    }
    lines.push(format!("sandbox: {}", visible(&status.sandbox)));
    lines.push(format!(
        "gate: tsmgated {}, process {}, on {}",
        escape(&status.version),
        status.pid,
        escape(&status.address)
    ));
    lines
}

/// How a side of TSM is.
fn failing(code: Option<&str>) -> String {
    match code {
        None => "no failure since it last answered".to_owned(),
        Some(code) => format!("failed when last asked ({})", escape(code)),
    }
}

fn ending(ending: &Ending) -> String {
    let when = match ending.seconds {
        seconds if seconds < 0 => "HAS ENDED".to_owned(),
        seconds => format!("in {}", counted(seconds / DAY, "day")),
    };
    let kind = escape(&ending.kind).replace('_', " ");
    format!("ends: {when}, {kind} {}, {}", escape(&ending.name), moment(&ending.at))
}

/// A time without its fractions of a second.
fn moment(text: &str) -> String {
    let parsed = OffsetDateTime::parse(text, &Rfc3339).ok();
    parsed
        .and_then(|at| at.replace_nanosecond(0).ok()?.format(&Rfc3339).ok())
        .unwrap_or_else(|| escape(text))
}

fn counted<N: Copy + std::fmt::Display + From<u8> + PartialEq>(number: N, what: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// JSON in ASCII without control characters: whatever a text in it may hold, a terminal shows it as is.
pub(super) fn json(value: &impl serde::Serialize) -> String {
    let plain = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut shown = String::with_capacity(plain.len());
    let mut units = [0; 2];
    for character in plain.chars() {
        if character == '\n' || matches!(character, ' '..='~') {
            shown.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut units) {
            // writing to a String cannot fail
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    shown
}
