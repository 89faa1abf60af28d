//! `tsm pending-changes`: what is staged, and what comes of it.
//!
//! Seen: the two sentences of an empty list, the last line of one that needs a restart, and that secrets stand
//! in it in clear. How a change is listed is a guess. Seen: all that an apply prints.

use hyper::Method;

use super::{Outcome, Task};
use crate::job::Words;
use crate::prompt;

const WORDS: Words = Words {
    what: "deployments",
    done: "Successfully deployed nodes with updated configuration and topology version.",
};
const CHANGES: &str = "configurations/pending/changes";

pub(super) async fn list(mut task: Task<'_>) -> Outcome {
    let changes = task.controller.get(CHANGES).await?["pendingChanges"].take();
    let (configuration, topology) = which(&task);
    if configuration {
        let staged = changes["configuration"].as_array().map(Vec::as_slice).unwrap_or_default();
        for change in staged {
            let key = change["key"].as_str().unwrap_or_default();
            task.output.setting(key, change["pendingValue"].as_str().unwrap_or_default());
        }
        if staged.is_empty() {
            task.output.line("There are no pending configuration changes.");
        }
    }
    if topology {
        task.output.line("There are no pending topology changes.");
    }
    if configuration && changes["restartRequired"] == true {
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
        let staged = changes["pendingChanges"]["configuration"].as_array();
        if staged.is_some_and(|staged| staged.iter().any(|one| one["requiresRestart"] == true)) {
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
