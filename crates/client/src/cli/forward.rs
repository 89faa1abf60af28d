//! `tsmgate forward`: settle → listen → serve until a signal → leave no socket behind.
//!
//! What is wrong with the command line or the socket ends it at once; what is wrong with the gate or the
//! client's certificate is told at once and to each caller, and may be mended while it runs.

use std::fs::File;
use std::thread;
use std::time::Duration;

use clap::ArgMatches;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::Streams;
use super::complaint::Complaint;
use crate::exit::Exit;
use crate::forward::{Event, Forward};
use crate::system::descriptor::out_of_the_way;
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
/// How long the last of them may take to be written: where nobody reads them, nobody misses them.
const LAST_NOTES: Duration = Duration::from_secs(2);
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
    let noted = write(notes, told).map_err(|error| Complaint::system(&error))?;
    let outcome = runtime.block_on(async {
        let outcome = serve(forward, listener, signals, &begins).await;
        let _ = timeout(LAST_NOTES, noted).await;
        outcome
    });
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

/// Writes what is told to stderr, on a thread of its own: where nobody takes what we say, callers go on, and the
/// end comes all the same. Gives word when all is written.
fn write(
    mut notes: Notes,
    mut told: mpsc::Receiver<Event>,
) -> std::io::Result<oneshot::Receiver<()>> {
    // not by the library's handle, which is locked as long as a write hangs
    let mut talk = File::from(out_of_the_way(std::io::stderr())?);
    let (done, noted) = oneshot::channel();
    thread::Builder::new().name("notes".to_owned()).spawn(move || {
        while let Some(event) = told.blocking_recv() {
            notes.tell(&event, &mut talk);
        }
        notes.ends(&mut talk);
        // whoever does not wait any more need not know
        let _ = done.send(());
    })?;
    Ok(noted)
}

/// Serves until a signal comes.
async fn serve(
    forward: Forward,
    listener: LocalListener,
    mut signals: Signals,
    status: &str,
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
    let outcome = serving.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    outcome.map_err(|error| Complaint::system(&error))
}
