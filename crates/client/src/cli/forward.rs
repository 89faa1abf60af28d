//! `tsmgate forward`: settle → listen → serve until a signal → leave no socket behind.
//!
//! What is wrong with the command line or the socket ends it at once; what is wrong with the gate or the
//! client's certificate is told at once and to each caller, and may be mended while it runs.

use clap::ArgMatches;
use tokio::runtime;
use tokio::sync::mpsc;

use super::Streams;
use super::complaint::Complaint;
use crate::exit::Exit;
use crate::forward::{Event, Forward};
use crate::system::program::refuse_core_dumps;
use crate::system::service;
use crate::system::signal::Signals;
use crate::system::socket::{self, LocalListener, OwnFile};

mod notes;
mod options;

pub(super) use options::ForwardArgs;

use notes::Notes;
use options::{Place, Request};

/// Events that wait to be written; beyond them they are counted.
const EVENTS: usize = 256;
/// Threads: calls wait for others, and files are read and certificates checked in between.
const WORKERS: usize = 2;

/// Runs the command; `given` knows what was typed and what came from the environment.
pub(super) fn run(arguments: ForwardArgs, given: &ArgMatches, streams: &mut Streams<'_>) -> Exit {
    match perform(arguments, given, streams) {
        Ok(()) => Exit::Done,
        Err(complaint) => complaint.tell(streams.talk),
    }
}

fn perform(
    arguments: ForwardArgs,
    given: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<(), Complaint> {
    let Request { place, source, callers, json, quiet } = arguments.settle(given)?;
    refuse_core_dumps();
    let begins = format!("{place} leads to {}", source.name());
    // the file is removed again when this ends, however it ends
    let (listener, _file) = listen(place)?;
    let runtime = runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
    let runtime = runtime.map_err(|error| Complaint::system(&error))?;
    // before anything is said: whoever reads that it serves may end it
    let signals = runtime.block_on(async { Signals::listen() });
    let mut notes = Notes::new(quiet, json);
    notes.begins(&begins, &callers, streams.talk);
    if let Err(failure) = source.check_files() {
        notes.failure(&failure.into(), streams.talk);
    }
    let (events, told) = mpsc::channel(EVENTS);
    let forward = Forward::new(source, callers, events);
    let outcome =
        runtime.block_on(serve(forward, listener, signals, told, &begins, |event| match event {
            Some(event) => notes.tell(&event, streams.talk),
            None => notes.ends(streams.talk),
        }));
    // a name that is still being looked up must not keep us
    runtime.shutdown_background();
    outcome
}

/// The socket, and where it is ours its file.
fn listen(place: Place) -> Result<(LocalListener, Option<OwnFile>), Complaint> {
    match place {
        Place::Passed(listener) => Ok((listener, None)),
        Place::Own { path, access } => {
            let opened = socket::bind(&path, access);
            let (listener, file) = opened.map_err(|fault| options::unlistenable(&path, &fault))?;
            Ok((listener, Some(file)))
        }
    }
}

/// Serves until a signal comes, and gives each event to `tell`; at the end, none.
async fn serve(
    forward: Forward,
    listener: LocalListener,
    mut signals: Signals,
    mut told: mpsc::Receiver<Event>,
    status: &str,
    mut tell: impl FnMut(Option<Event>),
) -> Result<(), Complaint> {
    let serving = tokio::spawn(async move {
        let stop = async {
            signals.come().await;
            // whoever does not listen to us need not know
            let _ = service::stopping();
        };
        forward.serve(listener, stop).await
    });
    let _ = service::ready(status);
    // not on the threads that serve: where nobody takes what we say, callers go on
    while let Some(event) = told.recv().await {
        tell(Some(event));
    }
    tell(None);
    let outcome = serving.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    outcome.map_err(|error| Complaint::system(&error))
}
