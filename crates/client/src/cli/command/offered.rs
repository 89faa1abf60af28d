//! `tsmgate commands run -- WORDS OPTIONS`: any command that the gate offers, also one that its operator
//! added, read by what the gate says of it.

use std::ffi::OsString;

use clap::{ArgMatches, Args};
use tokio::runtime;
use tsmgate_catalogue::command::{Command, Effect};

use super::grammar;
use super::options::{ApplyOptions, CommandOptions};
use super::run::told;
use super::words::{has_secret, named, options};
use super::{begin, prepare};
use crate::api::{Api, ApiFailure, Offered, Peer};
use crate::cli::complaint::Complaint;
use crate::cli::{Streams, misread};
use crate::exit::Ended;

/// Run any command that the gate's host can run, in the words of tsm
///
/// The gate is asked for its commands first, so that one that its operator added is known with its options.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate commands run -- security external-ssl list
  tsmgate commands run --dry-run -- configuration set -k gateway.timeout -v 900

Takes the permission of the command. Exit code: that of tsm, 0 to 63; 63 also where it ended in any
other way. JSON: what happens, one object a line: n, at, and stdout, stderr, progress, state, file or end.")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    options: CommandOptions,
    #[command(flatten)]
    apply: ApplyOptions,
    /// The command, and after it its own options
    #[arg(last = true, required = true, value_name = "WORDS")]
    words: Vec<OsString>,
}

/// Runs one of the commands that the gate offers.
pub(in crate::cli) fn run(
    arguments: RunArgs,
    given: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Ended {
    let outcome = settled(arguments, given, streams);
    outcome.unwrap_or_else(|complaint| complaint.tell(streams.talk).into())
}

fn settled(
    arguments: RunArgs,
    given: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<Ended, Complaint> {
    let RunArgs { options: how, apply, words } = arguments;
    let peer = how.gate.clone().peer(given)?;
    let offered = ask(peer)?;
    let commands: Vec<Command> = offered.into_iter().map(|offered| offered.command).collect();
    let texts: Vec<&str> = words.iter().map_while(|word| word.to_str()).collect();
    let Some((command, count)) = named(&commands, &texts) else {
        let words: Vec<_> =
            texts.iter().take_while(|word| !word.starts_with('-')).copied().collect();
        let what = format!("the gate has no command `{}`", tsmgate_text::escape(words.join(" ")));
        let hint = "`tsmgate commands catalogue` shows those that it has";
        return Err(Complaint::check(what, hint));
    };
    if apply.apply && command.effect != Effect::Stages {
        let what = format!("--apply does not go with `tsm {}`", command.path);
        return Err(Complaint::usage(what, "it stages nothing: leave --apply out"));
    }
    let reader = grammar::bare(clap::Command::new("tsmgate commands run --"), command);
    let mut line = vec![OsString::from("tsmgate")];
    let tail = options(command, &reader, words.get(count..).unwrap_or_default().to_vec());
    let with_secret = has_secret(command, &tail);
    line.extend(tail);
    let matches = match reader.try_get_matches_from(line) {
        Ok(matches) => matches,
        Err(error) => return Ok(misread(&error, with_secret, streams).into()),
    };
    let run = prepare(command, (&matches, given), how, &apply, streams)?;
    begin(run, streams)
}

/// What the gate offers.
fn ask(peer: Peer) -> Result<Vec<Offered>, Complaint> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Complaint::system(&error))?;
    let outcome: Result<_, ApiFailure> = runtime.block_on(async {
        let mut api = Api::new(peer);
        let outcome = api.command_catalogue().await;
        api.end().await;
        outcome
    });
    runtime.shutdown_background();
    outcome.map_err(told)
}
