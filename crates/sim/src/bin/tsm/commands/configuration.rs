//! Settings by key: what lists show, and `tsm configuration`.

use serde_json::{Value, json};

use super::{Outcome, Task};
use crate::answer::text;
use crate::failure::Failure;

impl Task<'_> {
    /// Shows these keys as they were applied last: what is staged is not shown (documented).
    pub(super) async fn show(&mut self, keys: &[&str]) -> Outcome {
        let configuration = self.controller.configuration().await?;
        for key in keys {
            self.output.setting(key, text(&configuration, key));
        }
        Ok(())
    }

    /// Stages the defaults of these keys.
    pub(super) async fn clear(&mut self, keys: &[&str]) -> Outcome {
        let keys = keys.iter().map(|key| ((*key).to_owned(), Value::Null)).collect();
        self.controller.stage(keys, false).await
    }
}

/// Documented: shows one key, secrets in clear (seen).
pub(super) async fn get(mut task: Task<'_>) -> Outcome {
    let key = task.asked.required("key")?;
    let configuration = task.controller.configuration().await?;
    match configuration.get(key).and_then(Value::as_str) {
        Some(value) => task.output.line(value),
        None => {
            return Err(Failure::failed(format!(
                "Configuration value with key '{key}' was not found."
            )));
        }
    }
    Ok(())
}

/// Documented: stages one key; one that is unknown has to be forced.
pub(super) async fn set(mut task: Task<'_>) -> Outcome {
    let key = task.asked.required("key")?.to_owned();
    let value = match task.asked.value("value") {
        Some(value) => json!(value),
        None if task.asked.flag("default") => Value::Null,
        None => return Err(Failure::Usage("The option '--value' is missing.".to_owned())),
    };
    let force = task.asked.flag("force-keys");
    task.controller.stage(vec![(key, value)], force).await
}
