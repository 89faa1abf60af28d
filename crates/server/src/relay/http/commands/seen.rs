//! Commands that were taken: who may see them, and end them.
//!
//! A command is its caller's own, by the name of its entry and by what its certificate says: a name that is given
//! to somebody else brings nothing of the former one's. What is another's is as if it were not there, but for who
//! has the permission for it.

use hyper::StatusCode;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tsmgate_catalogue::runner::{Id, State, Task};
use tsmgate_gate::permission::Permission;
use tsmgate_gate::permit::{self, Permit};
use tsmgate_gate::policy::Client;
use tsmgate_gate::reason::Reason;

use super::output::Passing;
use crate::audit::record::Record;
use crate::config::LocalSocket;
use crate::config::values::written;
use crate::relay::entry::{Call, Entry};
use crate::relay::http::answer::{Answer, Refusal};
use crate::relay::http::{Asked, Conversation};

/// The names of the operations in records.
const LIST: &str = "commands-list";
const SHOW: &str = "commands-show";
pub(super) const OUTPUT: &str = "commands-output";
const CANCEL: &str = "command-cancel";

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<'_, S> {
    /// The caller's own commands, or all of them.
    pub(super) async fn list(
        &self,
        socket: &LocalSocket,
        asked: &Asked,
    ) -> Result<Answer, Refusal> {
        let (house, caller) = (self.house, self.party.caller);
        let _place = house.ledger.charge_request(&*caller.entry(&house.snapshot().policy)?)?;
        let mut tasks = house.runner.list(socket).await?;
        let snapshot = house.snapshot();
        let entry = caller.entry(&snapshot.policy)?;
        tasks.retain(|task| to_see(&entry, task).is_some());
        let others = entry.role_giving(&Permission::others()).is_some();
        let record = Record::empty().flag("tsmgate.commands.others", others);
        self.noted(LIST, &record, asked).await?;
        Ok(Answer::json(StatusCode::OK, &Tasks { commands: tasks }))
    }

    /// One command.
    pub(super) async fn show(
        &self,
        socket: &LocalSocket,
        id: Id,
        asked: &Asked,
    ) -> Result<Answer, Refusal> {
        let (task, _) = self.recorded(socket, id, SHOW, asked).await?;
        Ok(Answer::json(StatusCode::OK, &task))
    }

    /// What it prints, from the event of that number on.
    pub(super) async fn output(
        &self,
        socket: &LocalSocket,
        (id, from): (Id, u64),
        asked: &Asked,
    ) -> Result<Passing, Refusal> {
        let (task, permit) = self.recorded(socket, id, OUTPUT, asked).await?;
        if task.state == State::Ended && from >= task.events {
            let what = format!("it has ended after {} events", task.events);
            return Err(Refusal::value(what).of(OUTPUT));
        }
        // the place for a call under way is for calls: this may go on for hours
        let permission = permit.permission().clone();
        drop(permit);
        let client = &self.party.caller.client().name;
        let output = self.house.runner.output(socket, client, (task.id.clone(), from)).await?;
        Ok(Passing { output, task, permission })
    }

    /// Has a command ended.
    pub(super) async fn cancel(
        &self,
        socket: &LocalSocket,
        id: Id,
        asked: &Asked,
    ) -> Result<Answer, Refusal> {
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

    /// A command that the caller may see, and its permit to; on record as `operation`.
    async fn recorded(
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
        let closed = entry.close(Ok(()), &Record::empty()).await;
        closed.map_err(|reason| Refusal::from(reason).on_record())?;
        Ok((task, permit))
    }

    /// The same, not on record yet. Charged before the runner is asked: also where there is nothing to see.
    async fn visible(
        &self,
        socket: &LocalSocket,
        id: Id,
        operation: &'static str,
    ) -> Result<(Task, Permit), Refusal> {
        let (house, caller) = (self.house, self.party.caller);
        let of_it = |refusal: Refusal| refusal.of(operation);
        let place = house.ledger.charge_request(&*caller.entry(&house.snapshot().policy)?)?;
        let found = house.runner.show(socket, id).await;
        let task = found.map_err(|reason| of_it(reason.into()))?;
        let snapshot = house.snapshot();
        let entry = caller.entry(&snapshot.policy)?;
        let permission = to_see(&entry, &task).ok_or_else(|| match is_own(&entry, &task) {
            true => of_it(Refusal::lacking(&task.permission)),
            false => of_it(Reason::CommandUnknown.into()),
        })?;
        let permit = permit::authorize_charged(&snapshot.policy, caller, permission, place);
        Ok((task, permit.map_err(|reason| of_it(reason.into()))?))
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

fn is_own(entry: &Client, task: &Task) -> bool {
    task.client == entry.name && task.identity == written(&entry.identity)
}

/// The permission by which an entry may see a command and end it: its own for its own, that for others' else.
fn to_see(entry: &Client, task: &Task) -> Option<Permission> {
    let permission = match is_own(entry, task) {
        true => task.permission.parse().ok()?,
        false => Permission::others(),
    };
    entry.role_giving(&permission).map(|_| permission)
}

#[derive(Serialize)]
struct Tasks {
    commands: Vec<Task>,
}
