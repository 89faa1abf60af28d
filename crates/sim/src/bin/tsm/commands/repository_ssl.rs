//! `tsm security repository-ssl`: TLS at the repository.
//!
//! Seen: the keys, and which of them stand for which mode. The route of the certificate is a guess.

use data_encoding::BASE64;
use serde_json::json;

use super::{Outcome, Task};
use crate::answer::text;
use crate::failure::Failure;

/// Listed. The form is inferred, the choice a guess.
const LISTED: &[&str] =
    &["pgsql.ssl.enabled", "pgsql.ssl.required", "pgsql.ssl.ciphersuite", "pgsql.ssl.cert.days"];

pub(super) async fn enable(task: Task<'_>) -> Outcome {
    let required = if task.asked.flag("internal-only") { "false" } else { "true" };
    set(task, "true", required).await
}

pub(super) async fn disable(task: Task<'_>) -> Outcome {
    set(task, "false", "false").await
}

async fn set(mut task: Task<'_>, enabled: &str, required: &str) -> Outcome {
    let keys = vec![
        ("pgsql.ssl.enabled".to_owned(), json!(enabled)),
        ("pgsql.ssl.required".to_owned(), json!(required)),
    ];
    task.controller.stage(keys, false).await
}

/// Documented: only while the repository's TLS is on, and over whatever is there already.
pub(super) async fn get_certificate_file(mut task: Task<'_>) -> Outcome {
    let path = task.asked.required("file")?;
    let answer = task.controller.get("repository/sslCertificate").await?;
    let bytes = text(&answer, "certificate/fileBytes");
    let bytes =
        BASE64.decode(bytes.as_bytes()).map_err(|error| Failure::failed(error.to_string()))?;
    std::fs::write(path, bytes)
        .map_err(|error| Failure::failed(format!("Cannot write '{path}': {error}.")))
}

pub(super) async fn list(mut task: Task<'_>) -> Outcome {
    task.show(LISTED).await
}
