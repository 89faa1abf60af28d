//! Whether changes wait to be applied, from what `tsm pending-changes list` prints.
//!
//! How it lists a change is not documented. So the three sentences that are known are looked for, and where
//! they do not decide there is no answer.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tsmgate_catalogue::command::Order;
use tsmgate_catalogue::runner::{End, How, What};

use crate::api::failure::Breach;
use crate::api::{Api, ApiFailure};

const NO_CONFIGURATION: &str = "There are no pending configuration changes.";
const NO_TOPOLOGY: &str = "There are no pending topology changes.";
const RESTART: &str = "These changes will require a server restart.";

/// How long the command may run: `tsm` takes ten seconds and more to start.
const RUN_MOST: Duration = Duration::from_secs(120);

/// Which of the known sentences were there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pending {
    no_configuration: bool,
    no_topology: bool,
    restart: bool,
}

impl Pending {
    /// Takes a line of the command's output.
    pub(super) fn take(&mut self, line: &str) {
        match line.trim() {
            NO_CONFIGURATION => self.no_configuration = true,
            NO_TOPOLOGY => self.no_topology = true,
            RESTART => self.restart = true,
            _ => {}
        }
    }

    /// Whether there are changes; none where the sentences do not say: there may be some that need no restart,
    /// or a server that has other sentences.
    pub(super) fn changes(self) -> Option<bool> {
        match (self.no_configuration && self.no_topology, self.restart) {
            (true, false) => Some(false),
            (false, true) => Some(true),
            _ => None,
        }
    }

    /// Has the gate run the command, and reads what it prints.
    ///
    /// # Errors
    /// Every failure of the command lane; [`Breach::Lacks`] where the command did not end well.
    pub(super) async fn ask(api: &mut Api) -> Result<Self, ApiFailure> {
        let deadline = Instant::now() + RUN_MOST;
        let peer = api.peer().name();
        let late = ApiFailure::TimedOut { peer, changing: false };
        let asked = timeout_at(deadline, Self::ask_and_wait(api)).await;
        asked.unwrap_or(Err(late))
    }

    async fn ask_and_wait(api: &mut Api) -> Result<Self, ApiFailure> {
        let order = Order {
            command: "pending-changes list".to_owned(),
            options: Vec::new(),
            run_seconds: Some(RUN_MOST.as_secs()),
        };
        let task = api.start_command(&order).await?;
        let mut output = api.command_output(&task.id, 0).await?;
        let mut pending = Self::default();
        let end = loop {
            match output.next().await? {
                Some(event) => match event.what {
                    What::Stdout(line) => pending.take(&line),
                    What::End(end) => break Some(end),
                    _ => {}
                },
                None => break None,
            }
        };
        output.close().await;
        match end {
            Some(End { how: How::Exited, code: Some(0), .. }) => Ok(pending),
            _ => {
                let breach = Breach::Lacks("the good end of `tsm pending-changes list`");
                Err(ApiFailure::Protocol { peer: api.peer().name(), breach })
            }
        }
    }
}

#[cfg(test)]
mod tests;
