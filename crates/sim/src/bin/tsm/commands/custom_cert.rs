//! `tsm security custom-cert`: one certificate that the server trusts.
//!
//! Documented: PEM or DER, and one at a time. The routes are guesses; the form of the list too.

use hyper::Method;
use serde_json::json;

use super::{Outcome, Task};
use crate::answer::{part, text};
use crate::failure::Failure;
use crate::files::Local;

const ROUTE: &str = "security/customCertificate";

/// What is listed, and under which names it comes.
const DETAILS: &[(&str, &str)] = &[
    ("File name", "fileName"),
    ("Subject", "subject"),
    ("Issuer", "issuer"),
    ("Serial number", "serialNumber"),
    ("Valid from", "notBefore"),
    ("Valid until", "notAfter"),
    ("SHA-256 fingerprint", "sha256Fingerprint"),
];

pub(super) async fn add(mut task: Task<'_>) -> Outcome {
    let file = Local::read(task.asked.required("cert-file")?)?;
    // whether it is a certificate, and whether there is one already, the controller finds
    let body =
        json!({ "customCertificate": { "fileName": file.name, "fileBytes": file.base64() } });
    task.controller.post(ROUTE, Some(body)).await.map(drop)
}

pub(super) async fn delete(mut task: Task<'_>) -> Outcome {
    task.controller.ask(Method::DELETE, ROUTE, None).await.map(drop)
}

pub(super) async fn list(mut task: Task<'_>) -> Outcome {
    let found = match task.controller.get(ROUTE).await {
        Err(Failure::Refused(404, detail)) if !detail.is_empty() => {
            task.output.line(&detail);
            return Ok(());
        }
        found => found?,
    };
    for (name, field) in DETAILS {
        task.output.setting(name, text(part(&found, "customCertificate"), field));
    }
    Ok(())
}
