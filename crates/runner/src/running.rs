//! One command from its turn to its end: the program is judged, the files are laid out, the process is attended,
//! what it wrote is read back, and a job that it leaves at TSM is followed.
//!
//! Every way out of here ends with one [`End`], and with the private folder gone.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;

use data_encoding::BASE64;
use tokio::sync::watch;
use tokio::time::Instant;
use tsmgate_catalogue::command::{Given, Order};
use tsmgate_catalogue::runner::{End, How, Id, What};
use tsmgate_text::escape;
use zeroize::Zeroizing;

use crate::desk::{Desk, Waiting, Wish, ended};
use crate::files::Folder;
use crate::follow;
use crate::mask::Secrets;
use crate::process::Started;
use crate::program::Program;

mod attend;

pub(crate) use attend::{Attended, Manner, Why, attend};

/// Runs a command whose turn it is; its end is told to the desk, whatever happens.
pub(crate) async fn run(desk: Arc<Desk>, id: Id, order: Waiting, wish: watch::Receiver<Wish>) {
    let life = tokio::spawn(live(Arc::clone(&desk), id.clone(), order, wish));
    let end = life.await.unwrap_or_else(|_| {
        tracing::error!(command = %id, "a fault of the runner's own ended a command");
        ended(How::Lost, "a fault of the runner's own; what became of the command is not known")
    });
    desk.finish(&id, end);
}

async fn live(desk: Arc<Desk>, id: Id, waiting: Waiting, mut wish: watch::Receiver<Wish>) -> End {
    let Waiting { order, run } = waiting;
    let ready = match Ready::for_order(&desk, &id, &order) {
        Ok(ready) => ready,
        Err(detail) => {
            tracing::warn!(command = %id, detail = %escape(&detail), "it cannot begin");
            return ended(How::NotStarted, detail);
        }
    };
    // from here on its secrets are in the arguments alone, and in the mask
    drop(order);
    let Ready { program, folder, arguments, secrets, redacts, fetched } = ready;
    if *wish.borrow() != Wish::Go {
        return unwanted(*wish.borrow());
    }
    if let Err(end) = desk.begin(&id) {
        return end;
    }
    let environment = &desk.config().tsm.environment;
    let started = Started::start(&program, &arguments, environment, folder.path());
    drop(arguments);
    let (started, pipes) = match started {
        Ok(started) => started,
        Err(error) => {
            desk.not_begun(&id);
            tracing::warn!(command = %id, %error, "tsm cannot be started");
            return ended(How::NotStarted, format!("tsm cannot be started: {error}"));
        }
    };
    desk.began(&id);
    let manner =
        Manner { until: Instant::now() + run, cancels: true, secrets: secrets.clone(), redacts };
    let attended = attend(&desk, &id, started, pipes, &manner, &mut wish).await;
    let mut end = end_of(&attended);
    if end.how == How::Exited && end.code == Some(0) {
        fetch(&desk, &id, &folder, &fetched, &mut end);
    }
    drop(folder);
    // one that ends well has seen the end of its job; of all others nothing says that it is over
    let well = end.how == How::Exited && end.code == Some(0);
    if let (false, Some(job)) = (well, desk.job(&id)) {
        let detail = follow::follow(&desk, &id, &job, attended.why, &manner, &mut wish).await;
        let before = end.detail.take().map(|detail| format!("{detail}; ")).unwrap_or_default();
        end.detail = Some(format!("{before}{detail}"));
    }
    end
}

/// What is needed to begin.
struct Ready {
    program: Program,
    folder: Folder,
    arguments: Zeroizing<Vec<String>>,
    secrets: Secrets,
    redacts: bool,
    /// Options and names of the files that come back.
    fetched: Vec<(String, String)>,
}

impl Ready {
    /// Judges the program and lays out the files.
    ///
    /// # Errors
    /// Why it cannot begin.
    fn for_order(desk: &Desk, id: &Id, order: &Order) -> Result<Self, String> {
        let checked = desk.catalogue().check(order).map_err(|fault| fault.message)?;
        let program = desk.program().map_err(|refused| refused.message)?;
        let group = desk.config().tsm.file_group;
        let laid = |error| format!("the command's files cannot be laid out: {error}");
        let folder = Folder::make(desk.store().work(), id, group).map_err(laid)?;
        let mut fetched = Vec::new();
        for (option, given) in &checked.given {
            let name = checked.file_name(option);
            match given {
                Given::Sent(_, bytes) => folder.put(&name, bytes).map_err(laid)?,
                Given::Fetched => {
                    folder.place(&name).map_err(laid)?;
                    fetched.push((option.long.to_string(), name));
                }
                Given::Flag | Given::Value(_) | Given::Secret(_) => {}
            }
        }
        let place = |option: &_| folder.path().join(checked.file_name(option));
        let arguments = Zeroizing::new(checked.arguments(place));
        let secrets = Secrets::of(&checked);
        let redacts = checked.command.prints_secrets;
        Ok(Self { program, folder, arguments, secrets, redacts, fetched })
    }
}

/// It was cancelled, or the runner stops, before there was a process.
fn unwanted(wish: Wish) -> End {
    match wish {
        Wish::Cancel => ended(How::Cancelled, "it was cancelled before it began"),
        Wish::Go | Wish::Stop => ended(How::NotStarted, "the runner ended before it began"),
    }
}

fn end_of(attended: &Attended) -> End {
    let how = match attended.why {
        Why::Over => How::Exited,
        Why::Wish(Wish::Cancel) => How::Cancelled,
        Why::TooLong => How::TimedOut,
        Why::Wish(Wish::Go | Wish::Stop) => How::Lost,
    };
    let detail = match (attended.status, attended.clean) {
        (None, _) => Some("its process could not be ended"),
        (_, false) => Some("something that it started could not be ended"),
        _ if how == How::Lost => Some("the runner was stopped while it ran"),
        _ => None,
    };
    End {
        how,
        code: attended.status.as_ref().and_then(ExitStatus::code),
        signal: attended.status.as_ref().and_then(ExitStatus::signal),
        detail: detail.map(str::to_owned),
    }
}

/// Sends back what the command wrote.
fn fetch(desk: &Desk, id: &Id, folder: &Folder, names: &[(String, String)], end: &mut End) {
    for (option, name) in names {
        let content = folder.fetched(name).map(|bytes| BASE64.encode(&bytes));
        let told =
            content.map(|content| desk.tell(id, What::File { option: option.clone(), content }));
        match told {
            Ok(true) => {}
            Ok(false) => end.detail = Some(format!("--{option}: the file cannot be kept on disk")),
            Err(fault) => end.detail = Some(format!("--{option}: {fault}")),
        }
    }
}
