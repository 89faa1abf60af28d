//! `tsmgate config get KEY…`: values of the configuration that is in force.
//!
//! TSM gives passwords in clear to whoever has a session. A gate redacts them unless the caller may have
//! them; at a controller itself it is done here, unless --secrets says otherwise.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use tsmgate_catalogue::redaction::MARKER;
use tsmgate_text::escape;

use super::shown::{value, whole};
use super::{Asking, Task as Any, lacks, member, request};
use crate::api::{Api, Peer};
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::exit::{Ended, Exit};
use crate::json::visible;

/// Read the configuration of TSM
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    Get(GetArgs),
}

/// Show the values of configuration keys
///
/// Passwords and the like are redacted. A gate shows them to who has the permission config.secrets.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate config get ssl.enabled gateway.public.port
  tsmgate config get wgserver.domain.username --json | jq -r '.configKeys[]'

JSON: configKeys{KEY: VALUE}, TSM's shape, with all the keys in one object.")]
pub(crate) struct GetArgs {
    /// Configuration key, such as ssl.enabled
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,
    /// With --direct: show passwords and the like too
    #[arg(long)]
    secrets: bool,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug)]
pub(super) struct Task {
    keys: Vec<String>,
    secrets: bool,
}

impl ConfigVerb {
    pub(super) fn settle(self) -> Result<(Asking, Any), Complaint> {
        let Self::Get(GetArgs { keys, secrets, asking }) = self;
        for key in &keys {
            // with any version: what can be wrong is the key
            request("configuration-key", &["0", key], &[])?;
        }
        Ok((asking, Any::Configuration(Task { keys, secrets })))
    }
}

impl Task {
    pub(super) async fn perform(
        self,
        api: &mut Api,
        json: bool,
        streams: &mut Streams<'_>,
    ) -> Result<Ended, Complaint> {
        let answer = api.ask(&request("configuration-version", &[], &[])?).await?;
        let version = match member(api, &answer, "version")? {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            _ => return Err(lacks(api, "version")),
        };
        let mut values = Map::new();
        for key in &self.keys {
            let request = request("configuration-key", &[&version, key], &[])?;
            let mut answer = api.ask(&request).await?.into_json();
            if !api.peer().is_gate() && !self.secrets {
                request.redact(&mut answer);
            }
            let found = answer.get_mut("configKeys").and_then(|keys| keys.get_mut(key.as_str()));
            let found = found.ok_or_else(|| lacks(api, "configKeys with the key"))?;
            values.insert(key.clone(), found.take());
        }
        let text = if json {
            let object = serde_json::json!({ "configKeys": values });
            format!("{}\n", visible(&object.to_string()))
        } else {
            let line = |key: &String| {
                let found = values.get(key).map(value).unwrap_or_default();
                format!("{}: {found}\n", whole(key))
            };
            self.keys.iter().map(line).collect()
        };
        streams.answer(text.as_bytes())?;
        self.tell_redacted(api, &values, streams);
        Ok(Exit::Done.into())
    }

    fn tell_redacted(&self, api: &Api, values: &Map<String, Value>, streams: &mut Streams<'_>) {
        let is_redacted = |key: &&String| values.get(*key).is_some_and(holds_marker);
        let redacted: Vec<_> = self.keys.iter().filter(is_redacted).map(escape).collect();
        if redacted.is_empty() {
            return;
        }
        let lifted = match api.peer() {
            Peer::Gate(_) | Peer::LocalGate(_) => "the permission config.secrets shows such values",
            Peer::Controller(_) => "--secrets shows such values",
        };
        streams.say(&format!("redacted: {}; {lifted}", redacted.join(", ")));
    }
}

fn holds_marker(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(MARKER),
        Value::Array(values) => values.iter().any(holds_marker),
        Value::Object(members) => members.values().any(holds_marker),
        _ => false,
    }
}
