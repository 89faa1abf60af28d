//! What each operation does and answers, once the session is good.
//!
//! The shapes are those that working clients read. What an operation refuses is mostly a guess; said
//! where it stands.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::answers::{Answer, Outcome, Refusal};
use super::desk::Call;
use super::routes::Operation;
use super::{configuration, inventory, job, login, security};
use crate::world::World;
use crate::world::plan::JobKind;

pub(super) fn operate(operation: Operation, call: &Call<'_>) -> Outcome {
    if operation == Operation::Logout {
        return Ok(login::log_out(call));
    }
    let mut world = call.api.world();
    let world = &mut *world;
    world.settle();
    let now = world.clock.epoch_ms();
    Ok(Answer::json(match operation {
        Operation::Status => world.cluster.status(now),
        Operation::Ports => world.cluster.ports(),
        Operation::Nodes => inventory::nodes(world),
        Operation::Node => inventory::node(world, call.variable(0))?,
        Operation::Topologies => inventory::topologies(),
        Operation::TopologyVersion => json!({ "version": inventory::TOPOLOGY }),
        Operation::Topology => inventory::topology(world, call.variable(0))?,
        Operation::CurrentMaster => inventory::current_master(world),
        Operation::ServerInfo => inventory::server(),
        Operation::SupportInfo => inventory::support(),
        Operation::Licensing => inventory::licensing(),
        Operation::ProductKeys => inventory::product_keys(),
        Operation::Bootstrap => inventory::bootstrap(world),
        Operation::Registration => {
            return match serde_json::from_slice::<Value>(&call.body) {
                Ok(Value::Object(_)) => Ok(Answer::empty(204)),
                _ => Err(Refusal::new(400, "The body is no registration.")),
            };
        }
        Operation::Jobs => job::list(world, call.argument("status")),
        Operation::LatestJob => job::latest(world)?,
        Operation::Job => job::one(world, call.variable(0))?,
        Operation::CancelJob => job::cancel(world, call.variable(0), now)?,
        Operation::Enable => begin(world, call, JobKind::Start)?,
        Operation::Disable => begin(world, call, JobKind::Stop)?,
        Operation::Restart => begin(world, call, JobKind::Restart)?,
        Operation::Cleanup => begin(world, call, JobKind::Cleanup)?,
        Operation::Ziplogs => {
            let name = call.argument("fileName").unwrap_or("logs.zip");
            let name = file_name(Some(name))?;
            // Documented: an archive of that name is replaced only where that is wanted.
            let replaced = call.argument("overwrite") != Some("false");
            if !replaced && world.backups.path().join(&name).exists() {
                return Err(Refusal::new(409, format!("The file {name} already exists.")));
            }
            begin(world, call, JobKind::Ziplogs(name))?
        }
        Operation::Reindex => begin(world, call, JobKind::Reindex)?,
        Operation::Backup => {
            let name = file_name(call.argument("writePath"))?;
            begin(world, call, JobKind::Backup(name))?
        }
        Operation::Restore => {
            let name = file_name(call.argument("fixedFile"))?;
            begin(world, call, JobKind::Restore(name))?
        }
        Operation::Deploy => {
            configuration::heed_warnings(world, call.argument("ignoreWarnings"))?;
            begin(world, call, JobKind::Deployments)?
        }
        Operation::RegenerateTokens => {
            security::may_regenerate(world, &call.api.options)?;
            begin(world, call, JobKind::RegenerateTokens)?
        }
        Operation::AddCustomCertificate => return security::add_custom(world, call),
        Operation::CustomCertificate => security::custom(world)?,
        Operation::DeleteCustomCertificate => return security::delete_custom(world, call),
        Operation::RepositoryCertificate => security::repository_certificate(world)?,
        Operation::SendFile => security::send_file(world, &call.body)?,
        Operation::ConfigurationVersion => json!({ "version": world.store.version() }),
        Operation::Keys => configuration::keys(world, call.variable(0))?,
        Operation::Key => configuration::key(world, call.variable(0), call.variable(1))?,
        Operation::Export => configuration::export(world, call.argument("includeBinaryVersion")),
        Operation::PendingKeys | Operation::PendingChanges => {
            configuration::pending(world, operation)
        }
        Operation::StageKeys => {
            return configuration::stage(world, &call.body, call.argument("forceKeys"));
        }
        Operation::Discard => {
            world.store.discard();
            return Ok(Answer::empty(204));
        }
        // there is one topology, and no change of it
        Operation::DiscardTopology => return Ok(Answer::empty(204)),
        // both are answered before they come here
        Operation::Login | Operation::Logout => {
            return Err(Refusal::new(500, "There is no such operation."));
        }
    }))
}

/// Seen: 200 with the job, at once. Seen: `jobTimeoutSeconds`; that a wrong one is refused is a guess.
fn begin(world: &mut World, call: &Call<'_>, kind: JobKind) -> Found {
    let timeout_s = match call.argument("jobTimeoutSeconds") {
        None => None,
        Some(text) => match text.parse::<u64>() {
            Ok(seconds) if seconds > 0 => Some(seconds),
            _ => return Err(Refusal::new(400, "jobTimeoutSeconds is no number of seconds.")),
        },
    };
    let id = world.queue(kind, timeout_s);
    std::mem::take(&mut world.said).iter().for_each(|line| call.api.note(line));
    job::found(world, id)
}

/// A value, or why there is none.
pub(super) type Found = Result<Value, Refusal>;

/// A name in the folder of backups. Guess: a path that leads elsewhere is refused.
fn file_name(text: Option<&str>) -> Result<String, Refusal> {
    let name = text.unwrap_or_default();
    let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
    if plain { Ok(name.to_owned()) } else { Err(Refusal::new(400, "A file name is needed.")) }
}

/// An object of texts.
pub(super) fn object<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Value {
    let pairs: Map<_, _> = pairs.map(|(key, value)| (key.clone(), json!(value))).collect();
    Value::Object(pairs)
}

/// Keys with new values, `None` for the default.
pub(super) type Changes = BTreeMap<String, Option<String>>;
