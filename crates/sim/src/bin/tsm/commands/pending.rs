//! `tsm pending-changes`: what is staged, and what comes of it.
//!
//! Seen: the two sentences of an empty list, the last line of one that needs a restart, and that secrets stand
//! in it in clear. How a change is listed is a guess. Seen: all that an apply prints.

use hyper::Method;

use super::{Outcome, Task};
use crate::answer::{self, part, text};
use crate::job::Words;
use crate::prompt;

const WORDS: Words = Words {
    what: "deployments",
    done: "Successfully deployed nodes with updated configuration and topology version.",
};
const CHANGES: &str = "configurations/pending/changes";
/// Where the answer has them.
const STAGED: &str = "pendingChanges/configuration";

pub(super) async fn list(mut task: Task<'_>) -> Outcome {
    let changes = task.controller.get(CHANGES).await?;
    let (configuration, topology) = which(&task);
    if configuration {
        let staged = answer::list(&changes, STAGED);
        for change in staged {
            task.output.setting(text(change, "key"), text(change, "pendingValue"));
        }
        if staged.is_empty() {
            task.output.line("There are no pending configuration changes.");
        }
    }
    if topology {
        task.output.line("There are no pending topology changes.");
    }
    if configuration && *part(&changes, "pendingChanges/restartRequired") == true {
        task.output.line("These changes will require a server restart.");
    }
    Ok(())
}

pub(super) async fn discard(mut task: Task<'_>) -> Outcome {
    let (configuration, topology) = which(&task);
    for (wanted, path) in
        [(configuration, "configurations/pending"), (topology, "topologies/pending")]
    {
        if wanted {
            task.controller.ask(Method::DELETE, path, None).await?;
        }
    }
    Ok(())
}

/// Documented: it asks where a restart will follow, also when the server is stopped.
pub(super) async fn apply(mut task: Task<'_>) -> Outcome {
    if !task.asked.flag("ignore-prompt") {
        let changes = task.controller.get(CHANGES).await?;
        let restarts = |change| *part(change, "requiresRestart") == true;
        if answer::list(&changes, STAGED).iter().any(restarts) {
            prompt::confirm(
                "This operation will perform a server restart. Are you sure you wish to continue?",
            )?;
        }
    }
    let ignored = if task.asked.flag("ignore-warnings") { "true" } else { "false" };
    task.run_job("deployments", &[("ignoreWarnings", ignored)], &WORDS).await
}

/// Documented: both, or one of them.
fn which(task: &Task<'_>) -> (bool, bool) {
    let (configuration, topology) =
        (task.asked.flag("config-only"), task.asked.flag("topology-only"));
    (configuration || !topology, topology || !configuration)
}
