//! The command lane: an order for the `tsm` program, from the caller to the runner and back.
//!
//! body → catalogue → authorize → record → runner → record. What a command prints is fetched apart
//! ([`output`]), from wherever the caller left off: a command outlives the connection that started it, and
//! this daemon.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tsmgate_catalogue::command::{Command, Order};
use tsmgate_catalogue::runner::{Id, Start, State, Task};
use tsmgate_gate::permission::Permission;
use tsmgate_gate::permit::{self, Permit};
use tsmgate_gate::policy::Client;
use tsmgate_gate::reason::Reason;
use zeroize::Zeroizing;

use super::answer::{Answer, Refusal};
use super::head::{Framing, Head};
use super::{Asked, Conversation, Reply};
use crate::audit::record::Record;
use crate::config::LocalSocket;
use crate::house::Snapshot;
use crate::relay::entry::{Call, Entry};

mod order;
pub(super) mod output;
mod route;

use order::{about, run_seconds};
pub(super) use route::Route;

/// The most of a body that is read for who may not do anything here, so that it can be told what it lacks.
const UNENTITLED_BODY: usize = 64 * 1024;

/// The names of the operations in records.
const SHOW: &str = "commands-show";
const CANCEL: &str = "command-cancel";
const OUTPUT: &str = "commands-output";

/// An order that is one of the catalogue's, and the place under way of who gave it.
struct Read {
    snapshot: Arc<Snapshot>,
    socket: LocalSocket,
    order: Order,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Conversation<'a, S> {
    /// What comes of a request for the lane.
    pub(super) async fn command(
        &mut self,
        route: Result<Route, Refusal>,
        head: &Head,
        asked: &Asked,
    ) -> Result<Reply<'a>, Refusal> {
        let snapshot = self.house.snapshot();
        let Some(socket) = snapshot.config.tsm.runner.clone() else {
            return Err(self.charged(Refusal::no_operation()));
        };
        let route = route.map_err(|refusal| self.charged(refusal))?;
        if !route.methods().split(", ").any(|method| method.as_bytes() == head.method) {
            return Err(self.charged(Refusal::other_method(route.methods())));
        }
        let orders = matches!(route, Route::Check) || head.method == b"POST" && route == Route::All;
        if !orders && head.framing != Framing::None {
            let what = "the route takes no body";
            return Err(self.charged(Refusal::body(400, "body_not_allowed", what)));
        }
        let whole = |answer| Ok(Reply::Whole(answer, None));
        match route {
            Route::All if orders => whole(self.start(socket, head, asked).await?),
            Route::All => whole(self.list(&socket).await?),
            Route::Check => whole(self.would(socket, head).await?),
            Route::Catalogue => whole(self.catalogue()?),
            Route::One(id) => {
                let (task, _) = self.task(&socket, id, SHOW, asked).await?;
                whole(Answer::json(StatusCode::OK, &task))
            }
            Route::Cancel(id) => whole(self.cancel(&socket, id, asked).await?),
            Route::Output(id, from) => {
                let (task, permit) = self.task(&socket, id, OUTPUT, asked).await?;
                if task.state == State::Ended && from >= task.events {
                    // nothing comes any more: a stream without an end would look cut
                    let what = format!("the command has ended, and has {} events", task.events);
                    return Err(Refusal::value(what).of(OUTPUT));
                }
                // the place for a call under way is for calls: this may go on for hours
                let permission = permit.permission().clone();
                drop(permit);
                let client = &self.party.caller.client().name;
                let output = self.house.runner.output(&socket, client, (task.id.clone(), from));
                let output = output.await?;
                Ok(Reply::Output(Box::new(output::Passing { output, task, permission })))
            }
        }
    }

    /// Reads the body: an order that the catalogue may have.
    async fn order(&mut self, socket: LocalSocket, head: &Head) -> Result<Read, Refusal> {
        let snapshot = self.house.snapshot();
        let entry = self.party.caller.entry(&snapshot.policy)?;
        let entitled =
            snapshot.config.catalogue.commands().iter().any(|command| gives(&entry, command));
        let limit = match entitled {
            true => snapshot.config.command.body,
            false => snapshot.config.command.body.min(UNENTITLED_BODY),
        };
        let body = Zeroizing::new(self.body(head, limit).await?);
        let what = "the body is an order: {\"command\": \"…\", \"options\": […]}";
        let order = serde_json::from_slice(&body);
        let order = order.map_err(|_| Refusal::body(400, "body_not_json", what))?;
        // while the body came, what decides may have been read anew
        Ok(Read { snapshot: self.house.snapshot(), socket, order })
    }

    /// charge → body → catalogue → authorize → record → runner → record.
    async fn start(
        &mut self,
        socket: LocalSocket,
        head: &Head,
        asked: &Asked,
    ) -> Result<Answer, Refusal> {
        let (house, caller) = (self.house, self.party.caller);
        let client = &caller.client().name;
        // before the body: it is large
        let entry = caller.entry(&house.snapshot().policy)?;
        let place = house.ledger.charge_command(&entry)?;
        let Read { snapshot, socket, order } = self.order(socket, head).await?;
        let checked = snapshot.config.catalogue.check(&order).map_err(Refusal::order)?;
        let path = checked.command.path.clone();
        let run = run_seconds(&checked, &order, &snapshot.config.command)?;
        let permission = permission(checked.command)?;
        let permit = permit::authorize_charged(&snapshot.policy, caller, permission, place);
        let permit = permit.map_err(|reason| lacking(reason, &checked.command.permission))?;
        let about = about(house, &checked).append(&asked.about);
        let begun = |task: &Task| {
            task.client == *client && task.request == asked.id && task.command == path
        };
        let start = Start {
            client: client.clone(),
            address: caller.address().to_string(),
            request: asked.id.clone(),
            run_seconds: run,
            queued: snapshot.config.command.queued,
            output: snapshot.config.command.output,
            order: order.clone(),
        };
        let entry = Entry::open(house, client, Call::Command, &about, &permit).await?;
        let taken = house.runner.start(&socket, start, &permit).await;
        let taken = taken.and_then(|task| match begun(&task) {
            true => Ok(task),
            false => Err(Reason::RunnerGarbage),
        });
        let more = taken.as_ref().map_or_else(
            |_| Record::empty(),
            |task: &Task| Record::empty().text("tsmgate.command.id", task.id.as_str()),
        );
        let on_record = |reason: Reason| Refusal::from(reason).on_record();
        entry
            .close(taken.as_ref().map(|_| ()).map_err(|reason| *reason), &more)
            .await
            .map_err(on_record)?;
        let task = taken.map_err(on_record)?;
        let mut answer = Answer::json(StatusCode::ACCEPTED, &task);
        answer.fields.push(("location".into(), format!("{}/{}", route::PREFIX, task.id)));
        Ok(answer)
    }

    /// What would run, and whether it would. Nothing does.
    async fn would(&mut self, socket: LocalSocket, head: &Head) -> Result<Answer, Refusal> {
        let (house, caller) = (self.house, self.party.caller);
        let entry = caller.entry(&house.snapshot().policy)?;
        let _place = house.ledger.charge_request(&entry)?;
        let Read { snapshot, socket, order } = self.order(socket, head).await?;
        let checked = snapshot.config.catalogue.check(&order).map_err(Refusal::order)?;
        run_seconds(&checked, &order, &snapshot.config.command)?;
        let entry = caller.entry(&snapshot.policy)?;
        let permission = permission(checked.command)?;
        let role = entry.role_giving(&permission).map(|role| role.name().to_owned());
        let refused = role.is_none().then_some("not_permitted");
        let (would, why) = match house.runner.would(&socket, order.clone()).await {
            Ok(would) => (Some(would), refused),
            Err(reason @ (Reason::NotServed | Reason::RunnerProgram | Reason::RunnerBusy)) => {
                (None, refused.or(Some(reason.code())))
            }
            Err(reason) => return Err(reason.into()),
        };
        let permission = permission.name();
        let most = snapshot.config.command.run_most.as_secs();
        let verdict = Verdict {
            arguments: would.as_ref().map(|would| would.arguments.as_slice()).unwrap_or_default(),
            permission,
            role,
            permitted: why.is_none(),
            run_most_seconds: would.as_ref().map_or(most, |would| would.run_most_seconds.min(most)),
            ahead: would.as_ref().map_or(0, |would| would.ahead),
            why,
        };
        Ok(Answer::json(StatusCode::OK, &verdict))
    }

    /// The caller's own commands, or all of them.
    async fn list(&self, socket: &LocalSocket) -> Result<Answer, Refusal> {
        let (house, caller) = (self.house, self.party.caller);
        let _place = house.ledger.charge_request(&*caller.entry(&house.snapshot().policy)?)?;
        let mut tasks = house.runner.list(socket).await?;
        let snapshot = house.snapshot();
        let entry = caller.entry(&snapshot.policy)?;
        tasks.retain(|task| to_see(&entry, task).is_some());
        Ok(Answer::json(StatusCode::OK, &Tasks { commands: tasks }))
    }

    /// The commands there are, and which of them the caller may have run.
    fn catalogue(&self) -> Result<Answer, Refusal> {
        let snapshot = self.house.snapshot();
        let entry = self.party.caller.entry(&snapshot.policy)?;
        let _place = self.house.ledger.charge_request(&entry)?;
        let row = |command| Row { granted: gives(&entry, command), command };
        let commands = snapshot.config.catalogue.commands().iter().map(row).collect();
        Ok(Answer::json(StatusCode::OK, &Rows { commands }))
    }

    /// A command that the caller may see, and its permit to; on record as `operation`.
    async fn task(
        &self,
        socket: &LocalSocket,
        id: Id,
        operation: &'static str,
        asked: &Asked,
    ) -> Result<(Task, Permit), Refusal> {
        let (house, client) = (self.house, &self.party.caller.client().name);
        let (task, permit) = self.visible(socket, id, operation).await?;
        let about = which(&task, operation).append(&asked.about);
        let entry = Entry::open(house, client, Call::Request(operation), &about, &permit).await?;
        entry
            .close(Ok(()), &Record::empty())
            .await
            .map_err(|reason| Refusal::from(reason).on_record())?;
        Ok((task, permit))
    }

    /// The same, not on record yet. What is another's and may not be seen is as if it were not there.
    async fn visible(
        &self,
        socket: &LocalSocket,
        id: Id,
        operation: &'static str,
    ) -> Result<(Task, Permit), Refusal> {
        let (house, caller) = (self.house, self.party.caller);
        let of_it = |refusal: Refusal| refusal.of(operation);
        let found = house.runner.show(socket, id).await;
        let snapshot = house.snapshot();
        let entry = caller.entry(&snapshot.policy)?;
        let unknown = || self.charged(of_it(Reason::CommandUnknown.into()));
        let task = found.map_err(|reason| match reason {
            Reason::CommandUnknown => unknown(),
            reason => of_it(reason.into()),
        })?;
        let Some(permission) = to_see(&entry, &task) else {
            return Err(match task.client == entry.name {
                true => self.charged(of_it(Refusal::lacking(&task.permission))),
                false => unknown(),
            });
        };
        let permit = permit::authorize_request(&snapshot.policy, &house.ledger, caller, permission);
        Ok((task, permit.map_err(|reason| of_it(reason.into()))?))
    }

    async fn cancel(&self, socket: &LocalSocket, id: Id, asked: &Asked) -> Result<Answer, Refusal> {
        let (house, client) = (self.house, &self.party.caller.client().name);
        let (task, permit) = self.visible(socket, id, CANCEL).await?;
        let about = which(&task, CANCEL).append(&asked.about);
        let entry = Entry::open(house, client, Call::Request(CANCEL), &about, &permit).await?;
        let cancelled = house.runner.cancel(socket, task.id, client.clone(), &permit).await;
        let outcome = cancelled.as_ref().map(|_| ()).map_err(|reason| *reason);
        let on_record = |reason: Reason| Refusal::from(reason).on_record();
        entry.close(outcome, &Record::empty()).await.map_err(on_record)?;
        cancelled.map(|task| Answer::json(StatusCode::ACCEPTED, &task)).map_err(on_record)
    }
}

/// Which command a request is about, and whose that is; who asks stands beside it.
fn which(task: &Task, operation: &str) -> Record {
    Record::empty()
        .text("tsmgate.operation", operation)
        .text("tsmgate.command.id", task.id.as_str())
        .text("tsmgate.command.path", &task.command)
        .text("tsmgate.command.client", &task.client)
}

/// The permission of a command. A name that `gate` does not know gives nothing.
fn permission(command: &Command) -> Result<Permission, Refusal> {
    command.permission.parse().map_err(|_| Refusal::lacking(&command.permission))
}

/// Whether an entry may have a command run.
pub(super) fn gives(entry: &Client, command: &Command) -> bool {
    permission(command).is_ok_and(|permission| entry.role_giving(&permission).is_some())
}

/// The permission by which an entry may see a command and cancel it: its own for its own, else that for others'.
fn to_see(entry: &Client, task: &Task) -> Option<Permission> {
    let own = task.client == entry.name;
    let permission = if own { task.permission.parse().ok()? } else { Permission::others() };
    entry.role_giving(&permission).map(|_| permission)
}

fn lacking(reason: Reason, permission: &str) -> Refusal {
    match reason {
        Reason::PermissionMissing => Refusal::lacking(permission),
        reason => reason.into(),
    }
}

/// What would run, and whether it would.
#[derive(Serialize)]
struct Verdict<'a> {
    arguments: &'a [String],
    permission: &'a str,
    role: Option<String>,
    permitted: bool,
    run_most_seconds: u64,
    ahead: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}

#[derive(Serialize)]
struct Tasks {
    commands: Vec<Task>,
}

#[derive(Serialize)]
struct Rows<'a> {
    commands: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    command: &'a Command,
    granted: bool,
}
