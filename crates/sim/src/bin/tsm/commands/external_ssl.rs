//! `tsm security external-ssl`: TLS at the gateway.
//!
//! Seen: the keys, that files are in the configuration itself, and the form of the list. That these are the
//! commands' keys, and that disabling puts all of them back, is inferred. Whether the real one refuses files
//! that are not what they should be is not known; this one does, and does not look whether they fit.

use serde_json::{Value, json};

use super::{Outcome, Task};
use crate::files::Local;

/// Listed, in this order. Documented: names of files, no more of them. The order is a guess.
const LISTED: &[&str] = &[
    "ssl.enabled",
    "ssl.port",
    "ssl.redirect",
    "ssl.protocols",
    "ssl.ciphersuite",
    "ssl.cert.file_name",
    "ssl.key.file_name",
    "ssl.chain.file_name",
];

const CLEARED: &[&str] = &[
    "ssl.enabled",
    "ssl.protocols",
    "ssl.cert.file_name",
    "ssl.cert.file_bytes",
    "ssl.key.file_name",
    "ssl.key.file_bytes",
    "ssl.chain.file_name",
    "ssl.chain.file_bytes",
    "ssl.key.passphrase",
];

/// Seen in scripts: enabling over what is there is taken.
pub(super) async fn enable(mut task: Task<'_>) -> Outcome {
    let mut keys = vec![("ssl.enabled".to_owned(), json!("true"))];
    let certificate = Local::certificates(task.asked.required("cert-file")?)?;
    put(&mut keys, "ssl.cert", &certificate);
    put(&mut keys, "ssl.key", &Local::private_key(task.asked.required("key-file")?)?);
    if let Some(path) = task.asked.value("chain-file") {
        put(&mut keys, "ssl.chain", &Local::certificates(path)?);
    }
    if let Some(passphrase) = task.asked.value("passphrase") {
        keys.push(("ssl.key.passphrase".to_owned(), json!(passphrase)));
    }
    if let Some(protocols) = task.asked.value("protocols") {
        // Documented with commas, seen with blanks in the configuration.
        let words = protocols.split([',', ' ']).filter(|word| !word.is_empty());
        let protocols = words.collect::<Vec<_>>().join(" ");
        keys.push(("ssl.protocols".to_owned(), json!(protocols)));
    }
    task.controller.stage(keys, false).await
}

pub(super) async fn disable(mut task: Task<'_>) -> Outcome {
    task.clear(CLEARED).await
}

pub(super) async fn list(mut task: Task<'_>) -> Outcome {
    task.show(LISTED).await
}

fn put(keys: &mut Vec<(String, Value)>, which: &str, file: &Local) {
    keys.push((format!("{which}.file_name"), json!(file.name)));
    keys.push((format!("{which}.file_bytes"), file.base64()));
}
