//! Commands of later versions, of which no more is known than their pages.
//!
//! What they do at TSM is not known, so they do nothing but keep what they were given: staged, under keys made
//! of the command's words. `disable`, `delete` and the like put those back, lists show them.

use serde_json::{Value, json};
use tsmgate_catalogue::command::{Effect, Kind};

use super::{Outcome, Task};
use crate::answer::part;
use crate::failure::Failure;
use crate::files::Local;
use crate::job::Words;

/// Last words of commands that take back what another one set.
const TAKES_BACK: &[&str] = &["disable", "delete", "remove", "unset"];

pub(super) async fn carry_out(mut task: Task<'_>) -> Outcome {
    let path = task.asked.command.path.replace(' ', ".");
    let (family, verb) = path.rsplit_once('.').unwrap_or((&path, ""));
    match task.asked.command.effect {
        Effect::Reads => list(task, family).await,
        _ if TAKES_BACK.contains(&verb) => {
            let mut keys = kept(&mut task, family).await?;
            let staged = task.controller.get("configurations/pending/keys").await?;
            keys.extend(of_family(part(&staged, "configKeys"), family));
            let keys = keys.into_iter().map(|(key, _)| (key, Value::Null)).collect();
            task.controller.stage(keys, true).await
        }
        Effect::Job => {
            // no job is known for it: what is staged is applied, as the vendor's pages end
            stage(&mut task, family, verb).await?;
            let words = Words { what: "deployments", done: "The operation finished successfully." };
            task.run_job("deployments", &[("ignoreWarnings", "true")], &words).await
        }
        Effect::Stages | Effect::Changes => stage(&mut task, family, verb).await,
    }
}

async fn stage(task: &mut Task<'_>, family: &str, verb: &str) -> Outcome {
    let mut keys = vec![(format!("{family}.last"), json!(verb))];
    for option in &task.asked.command.options {
        for value in task.asked.values(&option.long) {
            let key = format!("{family}.{}", option.long);
            match option.kind {
                Kind::SendFile(_) => {
                    let file = Local::read(value)?;
                    keys.push((format!("{key}.file_name"), json!(file.name)));
                    keys.push((format!("{key}.file_bytes"), file.base64()));
                }
                Kind::FetchFile => {
                    std::fs::write(value, "").map_err(|error| {
                        Failure::failed(format!("Cannot write '{value}': {error}."))
                    })?;
                }
                _ => keys.push((key, json!(value))),
            }
        }
    }
    task.controller.stage(keys, true).await
}

async fn list(mut task: Task<'_>, family: &str) -> Outcome {
    let kept = kept(&mut task, family).await?;
    for (key, value) in &kept {
        if !key.ends_with(".file_bytes") {
            task.output.setting(key, value);
        }
    }
    if kept.is_empty() {
        task.output.line("Nothing is configured.");
    }
    Ok(())
}

/// The keys of a family that were applied.
async fn kept(task: &mut Task<'_>, family: &str) -> Result<Vec<(String, String)>, Failure> {
    Ok(of_family(&task.controller.configuration().await?, family))
}

/// Those of its keys that are in an object.
fn of_family(keys: &Value, family: &str) -> Vec<(String, String)> {
    let all = keys.as_object().into_iter().flatten();
    let own = |key: &str| key.strip_prefix(family).is_some_and(|rest| rest.starts_with('.'));
    all.filter(|(key, _)| own(key))
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}
