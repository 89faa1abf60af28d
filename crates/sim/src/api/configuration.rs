//! The configuration as the API shows it: secrets in clear, to whoever has a session (seen).
//!
//! The write side is all guesses, in the words of the reading side, and there only when asked for.

use serde_json::{Value, json};

use super::answers::{Answer, Outcome, Refusal};
use super::operations::{Changes, Found, object};
use super::routes::Operation;
use crate::world::World;
use crate::world::store::{Configuration, PendingChange};

pub(super) fn keys(world: &World, version: &str) -> Found {
    Ok(json!({ "configKeys": object(versioned(world, version)?.iter()) }))
}

pub(super) fn key(world: &World, version: &str, key: &str) -> Found {
    let pair = versioned(world, version)?.get_key_value(key);
    let pair = pair.ok_or_else(|| Refusal::new(404, format!("There is no key {key}.")))?;
    Ok(json!({ "configKeys": object(std::iter::once(pair)) }))
}

pub(super) fn export(world: &World, binary_version: Option<&str>) -> Value {
    json!({
        "topologyVersion": { "nodes": world.cluster.topology(binary_version == Some("true")) },
        "configKeys": object(world.store.applied().iter()),
    })
}

pub(super) fn pending(world: &World, operation: Operation) -> Value {
    let changes = world.store.changes();
    if operation == Operation::PendingKeys {
        let keys = changes.into_iter().map(|change| (change.key, json!(change.pending)));
        return json!({ "configKeys": Value::Object(keys.collect()) });
    }
    let change = |one: &PendingChange| {
        json!({
            "key": one.key,
            "currentValue": one.current,
            "pendingValue": one.pending,
            "requiresRestart": one.requires_restart,
        })
    };
    json!({ "pendingChanges": {
        "configuration": changes.iter().map(change).collect::<Vec<_>>(),
        "topology": [],
        "restartRequired": world.store.restart_is_due() && world.cluster.is_enabled(),
    }})
}

pub(super) fn stage(world: &mut World, body: &[u8], force: Option<&str>) -> Outcome {
    let bad = || Refusal::new(400, "The body is no object of keys and their values.");
    let body: Value = serde_json::from_slice(body).map_err(|_| bad())?;
    let keys = body.get("configKeys").and_then(Value::as_object).ok_or_else(bad)?;
    let change = |(key, value): (&String, &Value)| match value {
        Value::Null => Some((key.clone(), None)),
        Value::String(text) => Some((key.clone(), Some(text.clone()))),
        _ => None,
    };
    let changes: Changes = keys.iter().map(change).collect::<Option<_>>().ok_or_else(bad)?;
    world.store.stage(changes, force == Some("true")).map_err(|unknown| {
        Refusal::new(400, format!("These keys are unknown: {}.", unknown.join(", ")))
    })?;
    Ok(Answer::empty(204))
}

/// Documented: constraints of the level of a warning hold an apply up, unless they are ignored. Guess: 409.
pub(super) fn heed_warnings(world: &World, ignored: Option<&str>) -> Result<(), Refusal> {
    if ignored == Some("true") || world.warnings.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(409, world.warnings.join(" ")))
}

/// Seen: versions are numbers.
fn versioned<'a>(world: &'a World, version: &str) -> Result<&'a Configuration, Refusal> {
    let keys = version.parse().ok().and_then(|number| world.store.keys(number));
    keys.ok_or_else(|| Refusal::new(404, format!("There is no configuration version {version}.")))
}
