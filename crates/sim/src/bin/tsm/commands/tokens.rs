//! `tsm security regenerate-internal-tokens`: a long job, which ends every session in its middle.
//!
//! Documented: what it does. The route, the job's type and all words are guesses. Later versions are said to
//! ask before they restart the server, so where the table has `--ignore-prompt`, this one asks.

use super::{Outcome, Task};
use crate::job::Words;
use crate::prompt;

const WORDS: Words =
    Words { what: "regenerate internal tokens", done: "Successfully regenerated internal tokens." };

pub(super) async fn regenerate(mut task: Task<'_>) -> Outcome {
    if task.asked.command.ignores_prompt && !task.asked.flag("ignore-prompt") {
        prompt::confirm("This will restart the server. Do you want to continue?")?;
    }
    task.run_job("regenerateInternalTokens", &[], &WORDS).await
}
