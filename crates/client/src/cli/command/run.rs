//! A command's way at the gate: started, followed to its end, and what its end means for us.

use tsmgate_catalogue::command::{Catalogue, OneOption, Order, REQUEST_TIMEOUT, Text};
use tsmgate_catalogue::runner::{End, How, Id};
use tsmgate_text::escape;

use super::follow::{AtGate, Lost, follow};
use super::order::Place;
use super::screen::Screen;
use super::verdict;
use crate::api::{Api, ApiFailure, Peer};
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::exit::{Ended, Exit};
use crate::json;
use crate::system::signal::Signals;

/// The highest exit code of `tsm` that is passed on; and what stands for every other end.
const CODE_MOST: u8 = 63;
const APPLY: &str = "pending-changes apply";

/// A command that is ready to be run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) peer: Peer,
    pub(super) order: Order,
    /// Where files go that come back.
    pub(super) places: Vec<(String, Place)>,
    /// Whether it changes anything.
    pub(super) changes: bool,
    /// Whether pending changes are applied afterwards, and then whether warnings are passed over.
    pub(super) apply: Option<bool>,
    pub(super) json: bool,
    pub(super) detach: bool,
    pub(super) dry_run: bool,
}

impl Run {
    /// Does it, until its end or a signal.
    pub(super) async fn perform(self, streams: &mut Streams<'_>) -> Result<Ended, Complaint> {
        let mut signals = Signals::listen();
        let mut api = Api::new(self.peer.clone());
        let outcome = self.at(&mut api, &mut signals, streams).await;
        api.end().await;
        outcome
    }

    async fn at(
        &self,
        api: &mut Api,
        signals: &mut Signals,
        streams: &mut Streams<'_>,
    ) -> Result<Ended, Complaint> {
        let apply = self.apply.map(|ignoring| applying(ignoring, self.order.run_seconds));
        if self.dry_run {
            let orders: Vec<_> =
                [Some(&self.order), apply.as_ref()].into_iter().flatten().collect();
            return tokio::select! {
                outcome = verdict::tell(api, &orders, self.json, streams) => outcome,
                () = signals.come() => Err(Complaint::left("interrupted", "nothing was run")),
            };
        }
        let ended = self.one(&self.order, &self.places, api, signals, streams).await;
        if ended.is_err() && apply.is_some() {
            streams.say("nothing is applied: how the command before it ends is not known here");
        }
        let ended = ended?;
        match apply {
            Some(apply) if ended.code() == Exit::Done.code() => {
                self.one(&apply, &[], api, signals, streams).await
            }
            Some(_) => {
                streams.say("nothing is applied: the command before it failed");
                Ok(ended)
            }
            None => Ok(ended),
        }
    }

    /// Starts one command, and follows it.
    async fn one(
        &self,
        order: &Order,
        places: &[(String, Place)],
        api: &mut Api,
        signals: &mut Signals,
        streams: &mut Streams<'_>,
    ) -> Result<Ended, Complaint> {
        let perhaps = "it may run all the same: `tsmgate commands list` shows it";
        let task = tokio::select! {
            task = api.start_command(order) => task.map_err(|failure| {
                let may_have_begun = may_have_begun(&failure);
                let complaint = told(failure);
                if may_have_begun { complaint.hinting(perhaps) } else { complaint }
            })?,
            () = signals.come() => return Err(Complaint::left("interrupted", perhaps)),
        };
        if self.detach {
            let text = if self.json { json::line(&task) } else { format!("{}\n", task.id) };
            streams.answer(text.as_bytes())?;
            return Ok(Exit::Done.into());
        }
        if self.changes && !self.json {
            streams.say(&format!("command {}: `tsm {}`", task.id, escape(&task.command)));
        }
        attach(api, &task.id, 0, self.json, places, signals, streams).await
    }
}

/// Follows a command to its end; what its end means is the outcome.
pub(in crate::cli) async fn attach(
    api: &mut Api,
    id: &Id,
    from: u64,
    json: bool,
    places: &[(String, Place)],
    signals: &mut Signals,
    streams: &mut Streams<'_>,
) -> Result<Ended, Complaint> {
    let back = way_back(id, places);
    let mut screen = Screen::new(streams, json, places);
    let mut source = AtGate { api, id, output: None };
    let followed = tokio::select! {
        followed = follow(&mut source, from, &mut screen) => Some(followed),
        () = signals.come() => None,
    };
    if let Some(output) = source.output.take() {
        output.close().await;
    }
    let missing = screen.missing_file().map(str::to_owned);
    drop(screen);
    match followed {
        None => Err(Complaint::left(format!("command {id} goes on"), back)),
        Some(Err(lost)) => Err(match lost {
            Lost::Patience(failure) => {
                if let Some(failure) = failure {
                    streams.say(&failure.to_string());
                }
                Complaint::later(format!("command {id} cannot be followed; it goes on"), back)
            }
            Lost::Failure(failure) => {
                streams.say(&format!("command {id} cannot be followed; {back}"));
                told(failure)
            }
            Lost::Here(complaint) => {
                streams.say(&format!("command {id} is not followed any more; {back}"));
                complaint
            }
        }),
        Some(Ok(end)) => {
            let ended = meaning(&end, streams);
            match missing {
                Some(option) if ended.code() == Exit::Done.code() => {
                    let what = format!("the file of --{option} did not come back");
                    let hint = "see the log of tsmgate-runner on the gate's host";
                    Err(Complaint::protocol(what, hint))
                }
                _ => Ok(ended),
            }
        }
    }
}

/// The exit code that an end has; what no code of `tsm` says is said in a line.
fn meaning(end: &End, streams: &mut Streams<'_>) -> Ended {
    let code = end.code.and_then(|code| u8::try_from(code).ok()).filter(|code| *code <= CODE_MOST);
    let line = match (end.how, end.code, end.signal) {
        (How::Exited, Some(other), _) => match code {
            Some(code) => {
                // there is more to say than the code does
                if let Some(detail) = &end.detail {
                    streams.say(&format!("tsm ended with {code}: {}", escape(detail)));
                }
                return Ended::Answer(code);
            }
            None => format!("tsm ended with {other}"),
        },
        (How::Exited, None, Some(signal)) => format!("tsm was ended by signal {signal}"),
        (How::Exited, None, None) => "tsm ended, and how is not known".to_owned(),
        (How::Cancelled, ..) => "the command was cancelled".to_owned(),
        (How::TimedOut, ..) => "the command took longer than it may, and was ended".to_owned(),
        (How::NotStarted, ..) => "the command could not be started".to_owned(),
        (How::Lost, ..) => "what became of the command is not known".to_owned(),
    };
    let detail = end.detail.as_deref().map(|detail| format!(": {}", escape(detail)));
    streams.say(&format!("{line}{}; exit code {CODE_MOST}", detail.unwrap_or_default()));
    Ended::Answer(CODE_MOST)
}

/// How to come back to a command, and how to end it.
fn way_back(id: &Id, places: &[(String, Place)]) -> String {
    let file = places.iter().find_map(|(_, place)| match place {
        Place::File(target) => Some(format!(" --file {}", crate::failure::shown(target.path()))),
        Place::Stdout => None,
    });
    format!(
        "`tsmgate commands attach {id}{}` comes back to it, `tsmgate commands cancel {id}` ends it",
        file.unwrap_or_default()
    )
}

/// What applies what was staged, and for how many seconds it may wait for that.
fn applying(ignore_warnings: bool, seconds: Option<u64>) -> Order {
    let option = |name: &str, value: Option<Text>| {
        let known = Catalogue::official().find(APPLY)?.option(name)?;
        Some(OneOption { name: known.long.clone().into_owned(), value, file: None })
    };
    let ignoring = ignore_warnings.then(|| option("ignore-warnings", None)).flatten();
    let waiting =
        seconds.and_then(|seconds| option(REQUEST_TIMEOUT, Some(Text::new(seconds.to_string()))));
    let options = ignoring.into_iter().chain(waiting).collect();
    Order { command: APPLY.to_owned(), options, run_seconds: None }
}

/// A failure of the command lane; a gate may have no such lane.
pub(in crate::cli) fn told(failure: ApiFailure) -> Complaint {
    let no_lane =
        matches!(&failure, ApiFailure::Gate(refusal) if refusal.reason == "unknown_operation");
    let complaint = Complaint::from(failure);
    if no_lane {
        complaint.hinting(
            "this gate runs no commands: its configuration has no tsm.command_socket, or it is an older one",
        )
    } else {
        complaint
    }
}

/// Whether the gate may have taken the order although it did not say so.
fn may_have_begun(failure: &ApiFailure) -> bool {
    match failure {
        ApiFailure::TimedOut { .. } => true,
        ApiFailure::Gate(refusal) => refusal.reason == "runner_uncertain",
        ApiFailure::Protocol { breach, .. } => breach.is_cut(),
        _ => false,
    }
}
