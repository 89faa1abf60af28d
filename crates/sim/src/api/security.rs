//! What the security commands need and no published route has: custom certificate, files, repository, tokens.
//!
//! All of it is guesses, in the shape that the fact sheet proposes, and there only when asked for.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::Api;
use super::answers::{Answer, Outcome, Refusal};
use super::desk::Call;
use super::operations::Found;
use super::options::ApiOptions;
use crate::world::World;
use crate::world::custom::NotChanged;

/// What a test sees of it.
impl Api {
    /// Has deployments be held up by this warning, unless warnings are ignored.
    pub fn warn(&self, warning: &str) {
        self.world().warnings.push(warning.to_owned());
    }

    /// The certificate of the repository, in PEM, while its TLS is on.
    #[must_use]
    pub fn repository_certificate(&self) -> Option<String> {
        self.world().repository.clone()
    }

    /// A file that an operator sent, by the name that its `cfs.` key holds.
    #[must_use]
    pub fn sent_file(&self, id: &str) -> Option<Vec<u8>> {
        self.world().files.find(id).map(|file| file.bytes.clone())
    }
}

pub(super) fn add_custom(world: &mut World, call: &Call<'_>) -> Outcome {
    let (name, bytes) = file(&call.body, "customCertificate")?;
    let at_once = call.api.options.custom_certificate_at_once;
    world.add_custom(&name, bytes, at_once).map_err(refused)?;
    Ok(Answer::empty(204))
}

pub(super) fn custom(world: &World) -> Found {
    let details = world.custom().ok_or_else(|| refused(NotChanged::Nothing))?;
    Ok(json!({ "customCertificate": {
        "fileName": details.file_name,
        "subject": details.subject,
        "issuer": details.issuer,
        "serialNumber": details.serial,
        "notBefore": details.not_before,
        "notAfter": details.not_after,
        "sha256Fingerprint": details.fingerprint,
    }}))
}

pub(super) fn delete_custom(world: &mut World, call: &Call<'_>) -> Outcome {
    world.delete_custom(call.api.options.custom_certificate_at_once).map_err(refused)?;
    Ok(Answer::empty(204))
}

/// Documented: only while the repository's TLS is on.
pub(super) fn repository_certificate(world: &World) -> Found {
    let pem = world.repository.as_ref().ok_or_else(|| {
        Refusal::new(409, "SSL is not enabled for communication with the repository.")
    })?;
    Ok(json!({ "certificate": {
        "fileName": "server.crt",
        "fileBytes": BASE64.encode(pem.as_bytes()),
    }}))
}

pub(super) fn send_file(world: &mut World, body: &[u8]) -> Found {
    let (name, bytes) = file(body, "file")?;
    Ok(json!({ "file": { "id": world.files.keep(&name, bytes), "fileName": name } }))
}

pub(super) fn may_regenerate(world: &World, options: &ApiOptions) -> Result<(), Refusal> {
    if options.tokens_need_nothing_staged && !world.store.changes().is_empty() {
        return Err(Refusal::new(409, "There are pending changes; apply or discard them first."));
    }
    Ok(())
}

/// A name and bytes, under `field`.
fn file(body: &[u8], field: &str) -> Result<(String, Vec<u8>), Refusal> {
    let bad = || Refusal::new(400, "The body holds no file.");
    let body: Value = serde_json::from_slice(body).map_err(|_| bad())?;
    let text = |name: &str| body.get(field)?.get(name)?.as_str();
    let (name, bytes) = text("fileName").zip(text("fileBytes")).ok_or_else(bad)?;
    Ok((name.to_owned(), BASE64.decode(bytes.as_bytes()).map_err(|_| bad())?))
}

fn refused(why: NotChanged) -> Refusal {
    match why {
        NotChanged::Taken => Refusal::new(409, "A custom certificate already exists."),
        NotChanged::NoCertificate => Refusal::new(400, "The file is not a valid certificate."),
        NotChanged::Nothing => Refusal::new(404, "There is no custom certificate."),
    }
}
