//! `tsmgate commands`: those that were started, and what a gate offers.
//!
//! A command is the host's: who shows or leaves one changes nothing; only `cancel` does.

use std::io;
use std::path::PathBuf;

use clap::{ArgMatches, Args, Subcommand};
use tokio::runtime;
use tsmgate_catalogue::runner::Id;

use super::Streams;
use super::colour::When;
use super::command::{ANY, Place, RunArgs, attach, run_offered, told};
use super::complaint::Complaint;
use super::gate_options::GateOptions;
use super::render::command;
use crate::api::Api;
use crate::exit::{Ended, Exit};
use crate::json;
use crate::system::program::refuse_core_dumps;
use crate::system::signal::Signals;

/// List, show, come back to, cancel and run commands of tsm on the gate's host
#[derive(Debug, Subcommand)]
pub(crate) enum CommandsVerb {
    List(ListArgs),
    Show(ShowArgs),
    Attach(AttachArgs),
    Cancel(CancelArgs),
    Catalogue(CatalogueArgs),
    Run(Box<RunArgs>),
}

#[derive(Debug, Args)]
struct Shown {
    /// Write the answer as JSON
    #[arg(long)]
    json: bool,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    color: When,
    #[command(flatten)]
    gate: GateOptions,
}

/// List the commands that were started, the newest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate commands list

Your own; those of others with the permission commands.others. JSON: commands[], each as `show` has it.")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    shown: Shown,
}

/// Show how a command stands, or how it ended
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate commands show 17

JSON: id, client, address, command, permission, arguments[], state, ahead, queued_at, started_at,
ended_at, end{how, code, signal, detail}, cancelled_by, job, events, output_bytes.")]
pub(crate) struct ShowArgs {
    /// The command's number
    #[arg(value_parser = id)]
    id: Id,
    #[command(flatten)]
    shown: Shown,
}

/// Show what a command printed and prints, until it ends
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate commands attach 17
  tsmgate commands attach 18 --file repository.crt

Leaving with ctrl-c does not end the command. Exit code: that of tsm, 0 to 63; 63 also where it ended in
any other way. JSON: what happens, one object a line: n, at, and stdout, stderr, progress, state, file or
end.")]
pub(crate) struct AttachArgs {
    /// The command's number
    #[arg(value_parser = id)]
    id: Id,
    /// Begin with the event of this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    from: u64,
    /// Write the file that the command fetches here; - is stdout
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    shown: Shown,
}

/// End a command, or take it out of the queue; a job that it began at TSM may go on there
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate commands cancel 17

JSON: the command as it stood then, as `show` has it.")]
pub(crate) struct CancelArgs {
    /// The command's number
    #[arg(value_parser = id)]
    id: Id,
    #[command(flatten)]
    shown: Shown,
}

/// List the commands that the gate's host can run, also those that its operator added
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate commands catalogue

JSON: commands[]: path, permission, summary, options[], effect, …, granted.")]
pub(crate) struct CatalogueArgs {
    #[command(flatten)]
    shown: Shown,
}

fn id(text: &str) -> Result<Id, String> {
    Id::new(text)
        .ok_or_else(|| "not a number of a command; `tsmgate commands list` has them".to_owned())
}

/// Runs one of them.
pub(super) fn run(verb: CommandsVerb, given: &ArgMatches, streams: &mut Streams<'_>) -> Ended {
    let outcome = match verb {
        CommandsVerb::Run(arguments) => return run_offered(*arguments, given, streams),
        other => perform(other, given, streams),
    };
    outcome.unwrap_or_else(|complaint| complaint.tell(streams.talk).into())
}

impl CommandsVerb {
    fn shown(&mut self) -> Option<&mut Shown> {
        match self {
            Self::List(arguments) => Some(&mut arguments.shown),
            Self::Show(arguments) => Some(&mut arguments.shown),
            Self::Attach(arguments) => Some(&mut arguments.shown),
            Self::Cancel(arguments) => Some(&mut arguments.shown),
            Self::Catalogue(arguments) => Some(&mut arguments.shown),
            Self::Run(_) => None,
        }
    }
}

fn perform(
    mut verb: CommandsVerb,
    given: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<Ended, Complaint> {
    refuse_core_dumps();
    let Some(shown) = verb.shown() else { return Ok(Exit::Usage.into()) };
    streams.coloured = shown.color.is_wanted(&io::stdout());
    let json = shown.json;
    let peer = shown.gate.clone().peer(given)?;
    let places = match &verb {
        CommandsVerb::Attach(AttachArgs { file: Some(file), .. }) => {
            vec![(ANY.to_owned(), Place::named(file, "file")?)]
        }
        _ => Vec::new(),
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Complaint::system(&error))?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::listen();
        let mut api = Api::new(peer);
        let outcome = match &verb {
            CommandsVerb::Attach(arguments) => {
                let AttachArgs { id, from, .. } = arguments;
                attach(&mut api, id, *from, json, &places, &mut signals, streams).await
            }
            other => tokio::select! {
                outcome = answer(other, &mut api, json, streams) => outcome,
                () = signals.come() => Err(Complaint::left("interrupted", "no command was changed by that")),
            },
        };
        api.end().await;
        outcome
    });
    runtime.shutdown_background();
    outcome
}

/// One question, one answer.
async fn answer(
    verb: &CommandsVerb,
    api: &mut Api,
    as_json: bool,
    streams: &mut Streams<'_>,
) -> Result<Ended, Complaint> {
    let width = streams.out_width;
    match verb {
        CommandsVerb::List(_) => {
            let tasks = api.commands().await.map_err(told)?;
            if as_json {
                print(&serde_json::json!({ "commands": tasks }), streams)?;
            } else {
                streams.rendered(command::list(&tasks, width))?;
            }
        }
        CommandsVerb::Catalogue(_) => {
            let offered = api.command_catalogue().await.map_err(told)?;
            if as_json {
                print(&serde_json::json!({ "commands": offered }), streams)?;
            } else {
                streams.rendered(command::catalogue(&offered, width))?;
            }
        }
        CommandsVerb::Show(ShowArgs { id, .. }) | CommandsVerb::Cancel(CancelArgs { id, .. }) => {
            let task = match verb {
                CommandsVerb::Cancel(_) => api.cancel_command(id).await,
                _ => api.command(id).await,
            };
            let task = task.map_err(told)?;
            if as_json {
                print(&task, streams)?;
            } else {
                streams.rendered(command::block(&task))?;
            }
        }
        CommandsVerb::Attach(_) | CommandsVerb::Run(_) => {}
    }
    Ok(Exit::Done.into())
}

fn print(answer: &impl serde::Serialize, streams: &mut Streams<'_>) -> Result<(), Complaint> {
    streams.answer(json::line(answer).as_bytes())
}
