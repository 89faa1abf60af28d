//! One question to several gates at once: one table, or one JSON document, whichever of them answer.
//!
//! Only what reads can be asked so. A gate that fails costs its own rows and nothing else; its failure is told
//! with its name.

use std::rc::Rc;

use clap::ArgMatches;
use serde_json::{Value, json};
use tokio::runtime;
use tokio::task::{JoinSet, LocalSet};

use super::{Asking, Task, inventory, jobs, own, status};
use crate::api::{Api, Document, Peer};
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::cli::render;
use crate::cli::table::{Cell, table_of};
use crate::cli::whom::Chosen;
use crate::exit::{Ended, Exit};
use crate::json;
use crate::profile::ProfileName;
use crate::system::signal::Signals;

/// What one gate answered.
#[derive(Debug)]
pub(super) struct Answered {
    /// As it came.
    pub(super) answer: Document,
    /// As lines of a table.
    pub(super) rows: Vec<Vec<Cell>>,
    /// How a command that asked it alone would end.
    pub(super) ended: Ended,
}

/// A question that reads, and nothing else.
#[derive(Debug)]
enum Question {
    Own(own::Task),
    Status(status::Task),
    Inventory(inventory::Task),
    Jobs(jobs::Task),
}

impl Question {
    fn of(task: Task) -> Option<Self> {
        match task {
            Task::Own(task) if task.is_who_am_i() => Some(Self::Own(task)),
            Task::Status(task) => Some(Self::Status(task)),
            Task::Inventory(task) => Some(Self::Inventory(task)),
            Task::Jobs(task) if task.is_list() => Some(Self::Jobs(task)),
            _ => None,
        }
    }

    fn heading(&self) -> &'static [&'static str] {
        match self {
            Self::Own(_) => &own::HEADING,
            Self::Status(_) => &render::status::HEADING,
            Self::Inventory(task) => task.heading(),
            Self::Jobs(_) => &render::job::HEADING,
        }
    }

    async fn ask(&self, api: &mut Api) -> Result<Answered, Complaint> {
        match self {
            Self::Own(task) => task.one_of_several(api).await,
            Self::Status(task) => task.one_of_several(api).await,
            Self::Inventory(task) => task.one_of_several(api).await,
            Self::Jobs(task) => task.one_of_several(api).await,
        }
    }
}

/// A profile, and what came of it.
type Heard = (ProfileName, Result<Answered, Complaint>);

/// Asks the gates of all these profiles at once.
pub(super) fn perform(
    asking: &Asking,
    task: Task,
    chosen: Vec<Chosen>,
    given: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<Ended, Complaint> {
    let question = Question::of(task).ok_or_else(Chosen::too_many)?;
    let settled = |profile: Chosen| {
        let peer = asking.peer.clone().settle_one_of_several(&profile, given);
        Some((profile.name?, peer))
    };
    let peers = chosen.into_iter().filter_map(settled).collect();
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Complaint::system(&error))?;
    let heading = question.heading();
    let heard = runtime.block_on(async {
        let (mut signals, tasks) = (Signals::listen(), LocalSet::new());
        tokio::select! {
            heard = tasks.run_until(ask(question, peers)) => Ok(heard),
            () = signals.come() => Err(Complaint::interrupted()),
        }
    });
    runtime.shutdown_background();
    tell(heard?, heading, asking.json, streams)
}

async fn ask(question: Question, peers: Vec<(ProfileName, Result<Peer, Complaint>)>) -> Vec<Heard> {
    let question = Rc::new(question);
    let mut asked = JoinSet::new();
    for (place, (name, peer)) in peers.into_iter().enumerate() {
        let question = Rc::clone(&question);
        asked.spawn_local(async move {
            let answered = match peer {
                Ok(peer) => {
                    let mut api = Api::new(peer);
                    let answered = question.ask(&mut api).await;
                    api.end().await;
                    answered
                }
                Err(complaint) => Err(complaint),
            };
            (place, (name, answered))
        });
    }
    let mut heard = asked.join_all().await;
    heard.sort_by_key(|(place, _)| *place);
    heard.into_iter().map(|(_, heard)| heard).collect()
}

fn tell(
    heard: Vec<Heard>,
    heading: &[&str],
    as_json: bool,
    streams: &mut Streams<'_>,
) -> Result<Ended, Complaint> {
    if as_json {
        let profiles: Vec<_> = heard.iter().map(object).collect();
        streams.answer(json::line(&json!({ "profiles": profiles })).as_bytes())?;
    } else {
        let mut rows = Vec::new();
        for (name, answered) in &heard {
            let cells = answered.as_ref().map(|answered| answered.rows.clone());
            // one that does not answer has its line too
            let cells = cells.unwrap_or_else(|_| vec![vec![Cell::own("no answer"); 1]]);
            for cells in cells {
                let blank = heading.len().saturating_sub(cells.len());
                let mut row = vec![Cell::own(name.as_str())];
                row.extend(cells);
                row.extend(std::iter::repeat_n(Cell::own(""), blank));
                rows.push(row);
            }
        }
        let heading: Vec<_> = std::iter::once("PROFILE").chain(heading.iter().copied()).collect();
        streams.rendered(table_of(&heading, &rows, streams.out_width))?;
    }
    let mut worst = Ended::from(Exit::Done);
    for (name, answered) in heard {
        let ended = match answered {
            Ok(answered) => answered.ended,
            Err(complaint) => complaint.of(name.as_str()).tell(streams.talk).into(),
        };
        if ended.code() > worst.code() {
            worst = ended;
        }
    }
    Ok(worst)
}

fn object((name, answered): &Heard) -> Value {
    match answered {
        Ok(Answered { answer, .. }) => json!({ "profile": name.as_str(), "answer": answer.json() }),
        Err(complaint) => json!({ "profile": name.as_str(), "error": complaint.as_json() }),
    }
}
