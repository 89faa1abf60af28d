//! The command lane of a gate: `tsm` commands that its host runs for us, by their numbers.
//!
//! Each function is one request. A command outlives the connection that started it, and this program: only
//! [`Api::cancel_command`] ends one. Nothing is sent twice.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tsmgate_catalogue::api::operation::Method;
use tsmgate_catalogue::command::{Command, Order};
use tsmgate_catalogue::runner::{Id, Task};
use zeroize::Zeroizing;

use super::answer::Document;
use super::asked::Asked;
use super::failure::Breach;
use super::output::Output;
use super::session::wiped;
use super::{Api, ApiFailure};

const COMMANDS: &str = "/v1/commands";

/// What would come of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The program and its arguments, secrets masked.
    pub arguments: Vec<String>,
    /// The permission that it takes.
    pub permission: String,
    /// The role of ours that gives it, where one does.
    #[serde(default)]
    pub role: Option<String>,
    /// Whether it would run.
    pub permitted: bool,
    /// For how many seconds it might run at most.
    pub run_most_seconds: u64,
    /// How many changing commands run or wait before it.
    pub ahead: u32,
    /// Why it would not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A command that a gate offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// The command.
    #[serde(flatten)]
    pub command: Command,
    /// Whether we may run it.
    pub granted: bool,
}

impl Api {
    /// Has the gate run a command, as soon as it is its turn.
    ///
    /// # Errors
    /// Every [`ApiFailure`] of a gate. After [`ApiFailure::TimedOut`] and a connection that was cut it may run
    /// all the same: [`Api::commands`] shows it.
    pub async fn start_command(&mut self, order: &Order) -> Result<Task, ApiFailure> {
        let answer = self.ordered(COMMANDS, order).await?;
        self.task(&answer)
    }

    /// Asks what would run, and whether it would. Nothing is run.
    ///
    /// # Errors
    /// Every [`ApiFailure`] of a gate.
    pub async fn check_command(&mut self, order: &Order) -> Result<Verdict, ApiFailure> {
        let answer = self.ordered("/v1/commands/check", order).await?;
        self.read(&answer, "what would run")
    }

    /// Our commands, the newest first; everybody's with the permission `commands.others`.
    ///
    /// # Errors
    /// Every [`ApiFailure`] of a gate.
    pub async fn commands(&mut self) -> Result<Vec<Task>, ApiFailure> {
        #[derive(Deserialize)]
        struct List {
            commands: Vec<Task>,
        }
        let answer = self.got(COMMANDS).await?;
        let List { commands } = self.read(&answer, "a list of commands")?;
        commands.into_iter().map(|task| self.numbered(task)).collect()
    }

    /// One command as it stands.
    ///
    /// # Errors
    /// Every [`ApiFailure`] of a gate.
    pub async fn command(&mut self, id: &Id) -> Result<Task, ApiFailure> {
        let answer = self.got(&format!("{COMMANDS}/{id}")).await?;
        self.task(&answer)
    }

    /// Ends a command, or takes it out of the queue; gives it as it was then. A job that it began at TSM may
    /// go on there.
    ///
    /// # Errors
    /// Every [`ApiFailure`] of a gate.
    pub async fn cancel_command(&mut self, id: &Id) -> Result<Task, ApiFailure> {
        let path = format!("{COMMANDS}/{id}/cancel");
        let asked = Asked { method: Method::Post.name(), path: &path, body: None };
        let answer = self.document(asked).await?;
        self.task(&answer)
    }

    /// The commands that the gate offers, also those that its operator added. One that this version cannot
    /// read, for its options are of a kind that is not known here, is left out.
    ///
    /// # Errors
    /// Every [`ApiFailure`] of a gate.
    pub async fn command_catalogue(&mut self) -> Result<Vec<Offered>, ApiFailure> {
        #[derive(Deserialize)]
        struct List {
            commands: Vec<Value>,
        }
        let answer = self.got("/v1/commands/catalogue").await?;
        let List { commands } = self.read(&answer, "a catalogue")?;
        Ok(commands.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect())
    }

    /// What a command printed and still prints, from the event of that number on.
    ///
    /// # Errors
    /// Every [`ApiFailure`] of a gate.
    pub async fn command_output(&mut self, id: &Id, from: u64) -> Result<Output, ApiFailure> {
        let path = format!("{COMMANDS}/{id}/output?from={from}");
        let asked = Asked { method: Method::Get.name(), path: &path, body: None };
        self.asking = true;
        let answer = self.good(&asked, self.peer.deadline()).await?;
        // the connection is the stream's from here on
        let connection = self.connection.take().ok_or_else(|| self.breach(Breach::Closed))?;
        self.asking = false;
        Output::new(answer, connection, self.peer.name(), from)
    }

    async fn got(&mut self, path: &str) -> Result<Document, ApiFailure> {
        self.document(Asked { method: Method::Get.name(), path, body: None }).await
    }

    async fn ordered(&mut self, path: &str, order: &Order) -> Result<Document, ApiFailure> {
        let body = Some(wiped(written(order)));
        self.document(Asked { method: Method::Post.name(), path, body }).await
    }

    fn task(&self, answer: &Document) -> Result<Task, ApiFailure> {
        self.numbered(self.read(answer, "a command")?)
    }

    /// A command whose number is one: it is shown, and stands in paths and in what a person is told to type.
    fn numbered(&self, task: Task) -> Result<Task, ApiFailure> {
        match Id::new(task.id.as_str()) {
            Some(_) => Ok(task),
            None => Err(self.breach(Breach::Lacks("the number of a command"))),
        }
    }

    fn read<T: DeserializeOwned>(
        &self,
        answer: &Document,
        what: &'static str,
    ) -> Result<T, ApiFailure> {
        serde_json::from_slice(answer.bytes()).map_err(|_| self.breach(Breach::Lacks(what)))
    }
}

/// An order as JSON. It may hold secrets and keys.
fn written(order: &Order) -> Zeroizing<Vec<u8>> {
    // the full size from the start, for a buffer that grows leaves copies behind: JSON makes at most six
    // bytes of one, and of base64 none more
    let option = |option: &tsmgate_catalogue::command::OneOption| {
        let value = option.value.as_ref().map_or(0, |value| value.expose().len());
        let file = option.file.as_ref();
        let file = file.map_or(0, |file| 6 * file.name.len() + file.content.expose().len());
        128 + 6 * (option.name.len() + value) + file
    };
    let room = 128 + 6 * order.command.len() + order.options.iter().map(option).sum::<usize>();
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    // writing to a Vec cannot fail, and every part of an order is text or a number
    let _ = serde_json::to_writer(&mut *body, order);
    debug_assert!(body.len() <= room, "the body grew, and left a copy behind");
    body
}
