//! Orders: taken, or only looked at.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::SemaphorePermit;
use tokio::time::{Duration, timeout};
use tsmgate_catalogue::command::Order;
use tsmgate_catalogue::runner::{Start, Task};
use tsmgate_gate::permit::{self, Caller, Who};
use tsmgate_gate::reason::Reason;
use zeroize::Zeroizing;

use super::order::{about, run_seconds};
use super::{gives, permission, route};
use crate::audit::record::Record;
use crate::config::LocalSocket;
use crate::config::values::written;
use crate::house::Snapshot;
use crate::relay::entry::{Call, Entry};
use crate::relay::http::answer::{Answer, Refusal};
use crate::relay::http::head::{Framing, Head};
use crate::relay::http::{Asked, Conversation};
use crate::standing::Standing;

/// The most of a body that is read for who may not do anything here, so that it can be told what it lacks.
const UNENTITLED_BODY: usize = 64 * 1024;
/// From this length on an order waits for its turn, in bytes: few of them are in memory at once.
const LARGE: u64 = 256 * 1024;

/// How long a large order may take to arrive: 16 MiB within it are slower than any link that is used for this.
const LARGE_DEADLINE: Duration = Duration::from_secs(60);

/// Where a user of this host comes from: no address has a letter `l`.
const HERE: &str = "local";
/// The name of the operation in records.
const CHECK: &str = "commands-check";

/// An order as it was read.
struct Read<'h> {
    snapshot: Arc<Snapshot>,
    order: Order,
    /// Its turn, where it is a large one.
    _turn: Option<SemaphorePermit<'h>>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Conversation<'a, S> {
    /// charge → body → catalogue → authorize → record → runner → record.
    pub(super) async fn start(
        &mut self,
        socket: LocalSocket,
        head: &Head,
        asked: &Asked,
    ) -> Result<Answer, Refusal> {
        let (house, party) = (self.house, self.party);
        let (caller, client) = (party.caller, &party.caller.client().name);
        // before the body: it is large
        let entry = caller.entry(&house.snapshot().policy)?;
        let place = house.ledger.charge_command(&entry)?;
        let Read { snapshot, order, _turn } = self.order(head).await?;
        let checked = snapshot.config.catalogue.check(&order).map_err(Refusal::order)?;
        let command = checked.command;
        let of_it = |refusal: Refusal| refusal.of_command(command);
        let run = run_seconds(&checked, &order, &snapshot.config.command).map_err(of_it)?;
        let wanted = permission(command).map_err(of_it)?;
        let permit = permit::authorize_charged(&snapshot.policy, caller, wanted, place);
        let permit = permit.map_err(|reason| match reason {
            Reason::PermissionMissing => of_it(Refusal::lacking(&command.permission)),
            reason => of_it(reason.into()),
        })?;
        let about = about(house, &checked).append(&asked.about);
        let path = command.path.clone();
        // its files are in memory twice until here
        drop(checked);
        let start = Start {
            client: client.clone(),
            identity: written(&caller.client().identity),
            address: whence(caller),
            request: asked.id.clone(),
            run_seconds: run,
            queued: snapshot.config.command.queued,
            output: snapshot.config.command.output,
            order,
        };
        let entry = Entry::open(house, client, Call::Command, &about, &permit).await?;
        // before it is asked: whoever is cut meanwhile is judged all the same
        let given = house.runner.waiting.give(&asked.id, Standing::of(&party));
        let begun = |task: &Task| {
            task.client == *client && task.request == asked.id && task.command == path
        };
        let taken = house.runner.start(&socket, start, &permit).await;
        // whatever it did then, it was not this
        let taken = match taken {
            Ok(task) if !begun(&task) => Err(Reason::RunnerUncertain),
            taken => taken,
        };
        let id = |task: &Task| Record::empty().text("tsmgate.command.id", task.id.as_str());
        let more = taken.as_ref().map_or_else(|_| Record::empty(), id);
        let outcome = taken.as_ref().map(|_| ()).map_err(|reason| *reason);
        let closed = entry.close(outcome, &more).await;
        if let (Err(reason), Ok(task)) = (closed, &taken) {
            // what cannot be recorded does not happen
            let _ = house.runner.undo(&socket, task.id.clone(), reason).await;
        }
        let on_record = |reason: Reason| Refusal::from(reason).on_record();
        closed.map_err(on_record)?;
        let task = taken.map_err(on_record)?;
        if Arc::ptr_eq(&snapshot, &house.snapshot()) {
            given.settled();
        }
        let mut answer = Answer::json(StatusCode::ACCEPTED, &task);
        answer.fields.push(("location".into(), format!("{}/{}", route::PREFIX, task.id)));
        Ok(answer)
    }

    /// What would run, and whether it would. Nothing does.
    pub(super) async fn would(
        &mut self,
        socket: LocalSocket,
        head: &Head,
        asked: &Asked,
    ) -> Result<Answer, Refusal> {
        let (house, caller) = (self.house, self.party.caller);
        let entry = caller.entry(&house.snapshot().policy)?;
        let _place = house.ledger.charge_request(&entry)?;
        let Read { snapshot, order, _turn } = self.order(head).await?;
        let checked = snapshot.config.catalogue.check(&order).map_err(Refusal::order)?;
        let command = checked.command.clone();
        run_seconds(&checked, &order, &snapshot.config.command)
            .map_err(|refusal| refusal.of_command(&command))?;
        drop(checked);
        let entry = caller.entry(&snapshot.policy)?;
        let role = permission(&command)
            .ok()
            .and_then(|permission| entry.role_giving(&permission))
            .map(|role| role.name());
        let lacking = role.is_none().then_some("not_permitted");
        let (would, why) = match house.runner.would(&socket, order).await {
            Ok(would) => (Some(would), lacking),
            Err(reason @ (Reason::NotServed | Reason::RunnerProgram | Reason::RunnerBusy)) => {
                (None, lacking.or(Some(reason.code())))
            }
            Err(reason) => return Err(reason.into()),
        };
        let record = Record::empty()
            .text("tsmgate.command.path", &command.path)
            .text("tsmgate.permission", &command.permission)
            .text("tsmgate.command.verdict", why.unwrap_or("permitted"));
        self.noted(CHECK, &record, asked).await?;
        let most = snapshot.config.command.run_most.as_secs();
        let verdict = Verdict {
            arguments: would.as_ref().map(|would| would.arguments.as_slice()).unwrap_or_default(),
            permission: &command.permission,
            role,
            permitted: why.is_none(),
            run_most_seconds: would.as_ref().map_or(most, |would| would.run_most_seconds.min(most)),
            ahead: would.as_ref().map_or(0, |would| would.ahead),
            why,
        };
        Ok(Answer::json(StatusCode::OK, &verdict))
    }

    /// Reads the body: what may be an order of the catalogue.
    async fn order(&mut self, head: &Head) -> Result<Read<'a>, Refusal> {
        let house = self.house;
        let snapshot = house.snapshot();
        let entry = self.party.caller.entry(&snapshot.policy)?;
        let commands = snapshot.config.catalogue.commands();
        let limit = match commands.iter().any(|command| gives(&entry, command)) {
            true => snapshot.config.command.body,
            false => snapshot.config.command.body.min(UNENTITLED_BODY),
        };
        let large = !matches!(head.framing, Framing::Length(length) if length < LARGE);
        let turn = match large && limit > UNENTITLED_BODY {
            true => Some(house.runner.large_order().await?),
            false => None,
        };
        let body = self.body(head, limit);
        let body = match turn {
            // nobody holds a place of the few by sending slowly
            Some(_) => {
                timeout(LARGE_DEADLINE, body).await.unwrap_or(Err(Reason::RequestTooSlow.into()))
            }
            None => body.await,
        };
        let body = Zeroizing::new(body?);
        let what = "the body is an order: {\"command\": \"…\", \"options\": […]}";
        let order = serde_json::from_slice(&body);
        let order = order.map_err(|_| Refusal::body(400, "body_not_json", what))?;
        // while the body came, what decides may have been read anew
        Ok(Read { snapshot: house.snapshot(), order, _turn: turn })
    }
}

/// Where a caller comes from, in the runner's words.
fn whence(caller: &Caller) -> String {
    match caller.who() {
        Who::Certificate { address, .. } => address.to_string(),
        Who::Local(_) => HERE.to_owned(),
    }
}

/// What would run, and whether it would.
#[derive(Serialize)]
struct Verdict<'a> {
    arguments: &'a [String],
    permission: &'a str,
    role: Option<&'a str>,
    permitted: bool,
    run_most_seconds: u64,
    ahead: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}
