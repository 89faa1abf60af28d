//! `tsmgate login`: settle → prepare the place → log in → deliver.
//!
//! All that can be checked is checked before the login, for a session that cannot be delivered is
//! still a superuser's session at TSM. A terminal is not shown a session unless asked to.

use clap::ArgMatches;
use time::OffsetDateTime;
use tsmgate_pki::time_text;
use tsmgate_text::escape;

use super::Streams;
use super::complaint::Complaint;
use super::session::{give_back, obtain};
use super::target::Target;
use crate::Login;
use crate::exit::Exit;
use crate::system::mode::Readers;
use crate::system::program::refuse_core_dumps;

mod format;
mod options;

pub(super) use format::{Format, domain, render, usual_domain};
pub(super) use options::LoginArgs;
use options::Request;

/// Runs the command; `given` knows what was typed and what came from the environment.
pub(super) fn run(arguments: LoginArgs, given: &ArgMatches, streams: &mut Streams<'_>) -> Exit {
    match perform(arguments, given, streams) {
        Ok(()) => Exit::Done,
        Err(complaint) => complaint.tell(streams.talk),
    }
}

fn perform(
    arguments: LoginArgs,
    given: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<(), Complaint> {
    let request = arguments.settle(given)?;
    let target = place(&request, streams)?;
    refuse_core_dumps();
    let login = obtain(&request.source, request.keeping, streams)?;
    let text = render(request.format, &login, &request.cookie_domain);
    let delivered = match target {
        Some(target) => target.write(text.as_bytes(), Readers::Owner),
        None => streams.answer(text.as_bytes()),
    };
    if delivered.is_err() {
        give_back(&request.source, request.keeping, &login);
    }
    delivered?;
    if !request.quiet {
        streams.say(&note(&request, &login));
    }
    Ok(())
}

/// Where the session will go: a file that can be written, or stdout if nobody sees it there.
fn place(request: &Request, streams: &Streams<'_>) -> Result<Option<Target>, Complaint> {
    match &request.output {
        Some(path) => Target::prepare(path, "--output").map(Some),
        None if streams.out_is_terminal && !request.show => Err(Complaint::usage(
            "stdout is a terminal, and would show the session to whoever looks at it",
            "give --output FILE, send stdout into a pipe, or give --show",
        )),
        None => Ok(None),
    }
}

/// What is said of a success: whose session, until when, and where it went.
fn note(request: &Request, login: &Login) -> String {
    let user = escape(login.username.as_bytes());
    let end = time_text(OffsetDateTime::from(login.expires()));
    match &request.output {
        Some(path) => {
            format!("session of {user} until {end}, in {}", crate::failure::shown(path))
        }
        None => format!("session of {user} until {end}"),
    }
}
