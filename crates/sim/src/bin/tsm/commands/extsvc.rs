//! `tsm security vizql-extsvc-ssl`: the external service for SCRIPT functions.
//!
//! Seen: the keys, but for the one with the certificate's name, which is a guess: the page says that it is
//! listed. That these are the command's keys is inferred.

use serde_json::json;

use super::{Outcome, Task};
use crate::files::Local;

/// Option, and its key.
const KEYS: &[(&str, &str)] = &[
    ("connection-type", "vizqlserver.extsvc.connection_type"),
    ("extsvc-host", "vizqlserver.extsvc.host"),
    ("extsvc-port", "vizqlserver.extsvc.port"),
    ("extsvc-username", "vizqlserver.extsvc.username"),
    ("extsvc-password", "vizqlserver.extsvc.password"),
    ("connect-timeout-ms", "vizqlserver.extsvc.connect_timeout_ms"),
    ("script-disabled", "vizqlserver.script.disabled"),
];
const CERTIFICATE_NAME: &str = "vizqlserver.extsvc.cert_file_name";
const CERTIFICATE: &str = "vizqlserver.extsvc.cert_bytes";

/// Documented: all but the password, and of the certificate its name. The order is a guess.
const LISTED: &[&str] = &[
    "vizqlserver.extsvc.connection_type",
    "vizqlserver.extsvc.host",
    "vizqlserver.extsvc.port",
    CERTIFICATE_NAME,
    "vizqlserver.extsvc.username",
    "vizqlserver.extsvc.connect_timeout_ms",
    "vizqlserver.script.disabled",
];

/// Documented: an option that is not given has its default.
pub(super) async fn enable(mut task: Task<'_>) -> Outcome {
    let mut keys = Vec::new();
    for (option, key) in KEYS {
        let known = task.asked.command.option(option).and_then(|option| option.default.as_deref());
        if let Some(value) = task.asked.value(option).or(known) {
            keys.push(((*key).to_owned(), json!(value)));
        }
    }
    if let Some(path) = task.asked.value("cert-file") {
        let certificate = Local::certificates(path)?;
        keys.push((CERTIFICATE_NAME.to_owned(), json!(certificate.name)));
        keys.push((CERTIFICATE.to_owned(), certificate.base64()));
    }
    task.controller.stage(keys, false).await
}

pub(super) async fn disable(mut task: Task<'_>) -> Outcome {
    let mut keys: Vec<_> = KEYS.iter().map(|(_, key)| *key).collect();
    keys.extend([CERTIFICATE_NAME, CERTIFICATE]);
    task.clear(&keys).await
}

pub(super) async fn list(mut task: Task<'_>) -> Outcome {
    task.show(LISTED).await
}
