//! The commands that ask TSM, or a gate, over HTTP: settle whom → ask → show → end.
//!
//! What can be checked is checked before anything is sent: a request is made of the catalogue's rows, and
//! the connection comes with the first one. A session that was taken is ended whatever happens.

use std::io;

use clap::{ArgMatches, Args, Subcommand};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::runtime;
use tsmgate_catalogue::api::find::Match;
use tsmgate_catalogue::api::operation::Operation;
use tsmgate_catalogue::api::refusal::Refusal;

use super::Streams;
use super::colour::When;
use super::complaint::Complaint;
use super::peer_options::{PeerOptions, Wanted};
use super::whom::{self, Chosen};
use crate::api::failure::Breach;
use crate::api::{Api, ApiFailure, Document};
use crate::exit::{Ended, Exit};
use crate::system::program::refuse_core_dumps;
use crate::system::signal::Signals;
use crate::tsm::Unreadable;

mod begin;
mod configuration;
mod inventory;
pub(super) mod jobs;
mod logout;
mod own;
mod raw;
mod several;
mod shown;
mod status;

/// What every command that asks can be told.
#[derive(Debug, Args)]
pub(crate) struct Asking {
    /// Write the answer as JSON
    #[arg(long)]
    json: bool,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    color: When,
    #[command(flatten)]
    peer: PeerOptions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AskVerb {
    Whoami(own::WhoamiArgs),
    Permissions(own::PermissionsArgs),
    Status(status::StatusArgs),
    Nodes(inventory::NodesArgs),
    Ports(inventory::PortsArgs),
    #[command(subcommand)]
    Jobs(jobs::JobsVerb),
    Start(begin::StartArgs),
    Stop(begin::StopArgs),
    Restart(begin::RestartArgs),
    Backup(begin::BackupArgs),
    Cleanup(begin::CleanupArgs),
    #[command(subcommand)]
    Config(configuration::ConfigVerb),
    Api(raw::ApiArgs),
    Logout(logout::LogoutArgs),
}

/// What is to be done, checked as far as it can be without asking anybody.
#[derive(Debug)]
enum Task {
    Own(own::Task),
    Status(status::Task),
    Inventory(inventory::Task),
    Jobs(jobs::Task),
    Begin(begin::Task),
    Configuration(configuration::Task),
    Raw(raw::Task),
    Logout(logout::Task),
}

impl AskVerb {
    /// Takes whom to ask and what to do apart, and checks the latter.
    fn settle(self) -> Result<(Asking, Task), Complaint> {
        match self {
            Self::Whoami(arguments) => Ok(arguments.settle()),
            Self::Permissions(arguments) => Ok(arguments.settle()),
            Self::Status(arguments) => arguments.settle(),
            Self::Nodes(arguments) => arguments.settle(),
            Self::Ports(arguments) => arguments.settle(),
            Self::Jobs(verb) => verb.settle(),
            Self::Start(arguments) => arguments.settle(),
            Self::Stop(arguments) => arguments.settle(),
            Self::Restart(arguments) => arguments.settle(),
            Self::Backup(arguments) => arguments.settle(),
            Self::Cleanup(arguments) => arguments.settle(),
            Self::Config(verb) => verb.settle(),
            Self::Api(arguments) => arguments.settle(),
            Self::Logout(arguments) => arguments.settle(),
        }
    }
}

impl Task {
    fn wanted(&self) -> Wanted {
        match self {
            Self::Own(_) | Self::Logout(_) => Wanted::Gate,
            _ => Wanted::Anybody,
        }
    }

    async fn perform(
        self,
        api: &mut Api,
        json: bool,
        streams: &mut Streams<'_>,
    ) -> Result<Ended, Complaint> {
        match self {
            Self::Own(task) => task.perform(api, json, streams).await,
            Self::Status(task) => task.perform(api, json, streams).await,
            Self::Inventory(task) => task.perform(api, json, streams).await,
            Self::Jobs(task) => task.perform(api, json, streams).await,
            Self::Begin(task) => task.perform(api, json, streams).await,
            Self::Configuration(task) => task.perform(api, json, streams).await,
            Self::Raw(task) => task.perform(api, json, streams).await,
            Self::Logout(task) => task.perform(api, json, streams).await,
        }
    }
}

/// Runs the command; `given` is what clap read of it.
pub(super) fn run(verb: AskVerb, given: &ArgMatches, streams: &mut Streams<'_>) -> Ended {
    let ended = perform(verb, given, streams);
    ended.unwrap_or_else(|complaint| complaint.tell(streams.talk).into())
}

fn perform(
    verb: AskVerb,
    given: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<Ended, Complaint> {
    refuse_core_dumps();
    let (asking, mut task) = verb.settle()?;
    if let Task::Own(task) = &mut task {
        let now = OffsetDateTime::now_utc();
        task.is_late = whom::renewed(given).map(|leaf| leaf.is_late(now));
    }
    streams.coloured = asking.color.is_wanted(&io::stdout());
    let several = Chosen::all(given)?;
    if several.len() > 1 {
        return several::perform(&asking, task, several, given, streams);
    }
    let peer = asking.peer.settle(task.wanted(), given)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Complaint::system(&error))?;
    let outcome = runtime.block_on(async {
        let mut api = Api::new(peer);
        // a session must not be left behind
        let mut signals = Signals::listen();
        let outcome = tokio::select! {
            outcome = task.perform(&mut api, asking.json, streams) => outcome,
            () = signals.come() => Err(Complaint::interrupted()),
        };
        if let Some(notice) = api.notice() {
            streams.say(&notice.to_string());
        }
        api.end().await;
        outcome
    });
    // a name that is still being looked up when the time is over must not keep us
    runtime.shutdown_background();
    outcome
}

/// A request for an operation of the catalogue's, by its name there.
fn request(name: &str, values: &[&str], query: &[(&str, &str)]) -> Result<Match, Complaint> {
    let made = Operation::named(name).ok_or(Refusal::UnknownOperation);
    let made = made.and_then(|operation| operation.request(values, query));
    made.map_err(|cause| {
        let given: Vec<_> = values.iter().chain(query.iter().map(|(_, value)| value)).collect();
        let asked = given.into_iter().fold(name.to_owned(), |asked, value| asked + " " + value);
        ApiFailure::Unlisted { asked, cause }.into()
    })
}

/// A member that the answer has to have.
fn member<'a>(api: &Api, answer: &'a Document, name: &'static str) -> Result<&'a Value, Complaint> {
    answer.json().get(name).ok_or_else(|| lacks(api, name))
}

/// The answer lacks what was asked for.
fn lacks(api: &Api, what: &'static str) -> Complaint {
    ApiFailure::Protocol { peer: api.peer().name(), breach: Breach::Lacks(what) }.into()
}

/// The answer cannot be read as what it should be.
fn misread(api: &Api, cause: Unreadable) -> ApiFailure {
    ApiFailure::Protocol { peer: api.peer().name(), breach: cause.into() }
}

/// Writes the answer as it came.
fn as_json(answer: &Document, streams: &mut Streams<'_>) -> Result<Ended, Complaint> {
    streams.answer(format!("{}\n", answer.text()).as_bytes())?;
    Ok(Exit::Done.into())
}
