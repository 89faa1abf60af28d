//! `tsmgate security …` and its like: a `tsm` command that the gate's host runs, in the vendor's words.
//!
//! settle → read → check → ask → start → follow. All that can be found wrong here is found before anything is
//! sent. From then on the command is the host's: leaving ends nothing there, and says how to come back.

use std::io;

use clap::{ArgMatches, FromArgMatches, Subcommand};
use time::OffsetDateTime;
use tokio::runtime;
use tsmgate_catalogue::command::{Catalogue, Command, Effect};

use super::Streams;
use super::complaint::Complaint;
use crate::check::{Severity, judge};
use crate::exit::Ended;
use crate::system::program::refuse_core_dumps;

mod follow;
mod grammar;
mod offered;
mod options;
mod order;
mod question;
mod run;
mod screen;
mod secret;
mod vendor;
mod verdict;
mod words;

pub(super) use offered::{RunArgs, run as run_offered};
pub(super) use order::{ANY, Place};
pub(super) use run::{attach, told};
pub(super) use words::rewritten;

use options::{ApplyOptions, CommandOptions};
use run::Run;

/// A command of the catalogue's, as clap read it.
#[derive(Debug, Clone)]
pub(crate) struct OnHost {
    path: String,
    matches: ArgMatches,
}

impl FromArgMatches for OnHost {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut words = Vec::new();
        let mut matches = matches;
        while let Some((word, below)) = matches.subcommand() {
            words.push(word);
            matches = below;
        }
        Ok(Self { path: words.join(" "), matches: matches.clone() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for OnHost {
    fn augment_subcommands(root: clap::Command) -> clap::Command {
        grammar::augment(root)
    }

    fn augment_subcommands_for_update(root: clap::Command) -> clap::Command {
        grammar::augment(root)
    }

    fn has_subcommand(name: &str) -> bool {
        grammar::groups().contains(&name)
    }
}

/// Runs a command of the catalogue's.
pub(super) fn run(asked: &OnHost, streams: &mut Streams<'_>) -> Ended {
    let outcome = settled(asked, streams);
    outcome.unwrap_or_else(|complaint| complaint.tell(streams.talk).into())
}

fn settled(asked: &OnHost, streams: &mut Streams<'_>) -> Result<Ended, Complaint> {
    let catalogue = Catalogue::official();
    let command = catalogue.find(&asked.path).ok_or_else(|| unknown(&asked.path))?;
    let misread = |error: clap::Error| Complaint::usage(error.to_string(), "see --help");
    let options = CommandOptions::from_arg_matches(&asked.matches).map_err(misread)?;
    let apply = match command.effect {
        Effect::Stages => ApplyOptions::from_arg_matches(&asked.matches).map_err(misread)?,
        _ => ApplyOptions::default(),
    };
    let run = prepare(command, (&asked.matches, &asked.matches), options, &apply, streams)?;
    let order = &run.order;
    // as the host will: what it would refuse need not be sent
    if let Err(fault) = catalogue.check(order) {
        let hint = format!("`tsmgate {} --help` shows what it takes", command.path);
        return Err(match fault.code {
            "bad_file" => Complaint::check(fault.message, hint),
            _ => Complaint::usage(fault.message, hint),
        });
    }
    begin(run, streams)
}

fn unknown(path: &str) -> Complaint {
    let hint = "`tsmgate commands catalogue` shows what a gate's host can run";
    Complaint::usage(format!("there is no command {}", tsmgate_text::escape(path)), hint)
}

/// All that is done before anything is sent. Of the two matches the first has the command's own options, the
/// second those that say which gate.
fn prepare(
    command: &Command,
    (matches, whom): (&ArgMatches, &ArgMatches),
    options: CommandOptions,
    apply: &ApplyOptions,
    streams: &mut Streams<'_>,
) -> Result<Run, Complaint> {
    refuse_core_dumps();
    streams.coloured = options.color.is_wanted(&io::stdout());
    let said = vendor::settle(matches, command, streams)?;
    let peer = match said.server {
        Some(server) => vendor::peer_at(&server, options.gate, whom)?,
        None => options.gate.peer(whom)?,
    };
    let made = order::make(command, matches, said.run_seconds, streams)?;
    if !options.no_check {
        check(command, &made.inputs, streams)?;
    }
    if !options.dry_run {
        question::settle(command, apply, options.yes || said.ignore_prompt, streams)?;
    }
    Ok(Run {
        peer,
        order: made.order,
        places: made.fetched,
        changes: command.effect.changes(),
        apply: apply.apply.then_some(apply.ignore_warnings),
        json: options.json,
        detach: options.detach,
        dry_run: options.dry_run,
    })
}

/// Tells what was found; the first error is the end.
fn check(
    command: &Command,
    inputs: &[crate::check::Input],
    streams: &mut Streams<'_>,
) -> Result<(), Complaint> {
    let (errors, others): (Vec<_>, Vec<_>) = judge(command, inputs, OffsetDateTime::now_utc())
        .into_iter()
        .partition(|finding| finding.severity == Severity::Error);
    for finding in others {
        let kind = if finding.severity == Severity::Warning { "warning" } else { "note" };
        streams.say(&format!("{kind}: {}", finding.what));
    }
    match errors.into_iter().next() {
        Some(error) => Err(Complaint::check(error.what, error.hint)),
        None => Ok(()),
    }
}

/// Does it, on a runtime that is left behind at once.
fn begin(run: Run, streams: &mut Streams<'_>) -> Result<Ended, Complaint> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Complaint::system(&error))?;
    let outcome = runtime.block_on(run.perform(streams));
    // a name that is still being looked up when the time is over must not keep us
    runtime.shutdown_background();
    outcome
}
