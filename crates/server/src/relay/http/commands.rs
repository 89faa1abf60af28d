//! The command lane: an order for the `tsm` program, from the caller to the runner and back.
//!
//! [`start`] takes orders: body → catalogue → authorize → record → runner → record. [`seen`] is about commands that
//! were taken: whose they are, their end, and what they print, which [`output`] passes on from wherever the caller
//! left off. A command outlives the connection that started it, and this daemon.

use hyper::StatusCode;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tsmgate_catalogue::command::Command;
use tsmgate_gate::permission::Permission;
use tsmgate_gate::policy::Client;
use tsmgate_gate::reason::Reason;

use super::answer::{Answer, Refusal};
use super::head::{Framing, Head};
use super::{Asked, Conversation, Reply};
use crate::audit::record::{Outcome, Record};

mod order;
pub(super) mod output;
mod route;
mod seen;
mod start;

pub(super) use route::Route;

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
        let orders = route == Route::Check || route == Route::All && head.method == b"POST";
        if !orders && head.framing != Framing::None {
            let what = "the route takes no body";
            return Err(self.charged(Refusal::body(400, "body_not_allowed", what)));
        }
        let answer = match route {
            Route::All if orders => self.start(socket, head, asked).await?,
            Route::Check => self.would(socket, head, asked).await?,
            Route::All => self.list(&socket, asked).await?,
            Route::Catalogue => self.catalogue()?,
            Route::One(id) => self.show(&socket, id, asked).await?,
            Route::Cancel(id) => self.cancel(&socket, id, asked).await?,
            Route::Output(id, from) => {
                let passing = self.output(&socket, (id, from), asked).await?;
                return Ok(Reply::Output(Box::new(passing)));
            }
        };
        Ok(Reply::Whole(answer, None))
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

    /// Records a question that changes nothing and needs no permission of its own: before its answer leaves.
    async fn noted(
        &self,
        operation: &'static str,
        more: &Record,
        asked: &Asked,
    ) -> Result<(), Refusal> {
        let record = Record::new("request", Outcome::Success)
            .text("tsmgate.phase", "outcome")
            .text("tsmgate.operation", operation)
            .append(more)
            .append(&asked.about);
        let written = self.house.audit.write(record).await;
        let client = &self.party.caller.client().name;
        let outcome = written.map_err(|_| Reason::AuditUnavailable);
        self.house.metrics.request(client, operation, outcome);
        Ok(outcome?)
    }
}

/// The permission of a command. A name that `gate` does not know gives nothing.
fn permission(command: &Command) -> Result<Permission, Refusal> {
    command.permission.parse().map_err(|_| Refusal::lacking(&command.permission))
}

/// Whether an entry may have a command run.
fn gives(entry: &Client, command: &Command) -> bool {
    permission(command).is_ok_and(|permission| entry.role_giving(&permission).is_some())
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
