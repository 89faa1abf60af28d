//! `tsm authentication`: whether and how users prove themselves with certificates.
//!
//! Documented: the options. Seen: the keys, and that the two files go through the Client File Service. How they
//! get there, and that nothing refuses to enable without an authority, is not known.

use serde_json::json;

use super::{Outcome, Task};
use crate::files::Local;

/// Option, and its key.
const KEYS: &[(&str, &str)] = &[
    ("fallback-to-basic", "ssl.client_certificate_login.fallback_to_password"),
    ("user-name-mapping", "ssl.client_certificate_login.mapping_strategy"),
];
/// Option, the key that names the file at the file service, and the one that names it on disk.
const FILES: &[(&str, &str, &str)] = &[
    ("ca-cert", "cfs.ssl.cacert.file", "ssl.cacert.file"),
    ("revocation-file", "cfs.ssl.revocation.file", "ssl.revocation.file"),
];
const REQUIRED: &str = "ssl.client_certificate_login.required";

pub(super) async fn configure(mut task: Task<'_>) -> Outcome {
    let mut keys = Vec::new();
    for (option, key) in KEYS {
        if let Some(value) = task.asked.value(option) {
            keys.push(((*key).to_owned(), json!(value)));
        }
    }
    for (option, id_key, path_key) in FILES {
        let Some(path) = task.asked.value(option) else { continue };
        let file =
            if *option == "ca-cert" { Local::certificates(path)? } else { Local::read(path)? };
        let id = task.controller.send_file(&file.name, &file.bytes).await?;
        keys.push(((*path_key).to_owned(), json!(format!("files/{id}"))));
        keys.push(((*id_key).to_owned(), json!(id)));
    }
    task.controller.stage(keys, false).await
}

pub(super) async fn switch(mut task: Task<'_>, on: bool) -> Outcome {
    let value = if on { "true" } else { "false" };
    task.controller.stage(vec![(REQUIRED.to_owned(), json!(value))], false).await
}

/// Documented: settings of how users are authenticated. Which, without `--verbose` and with it, is a guess.
pub(super) async fn list(mut task: Task<'_>) -> Outcome {
    let mut keys = vec![REQUIRED];
    if task.asked.flag("verbose") {
        keys.extend(KEYS.iter().map(|(_, key)| *key));
        keys.extend(FILES.iter().map(|(_, _, key)| *key));
    }
    task.show(&keys).await
}
