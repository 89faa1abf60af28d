//! What a permission is good for: the operations that it opens, and whether there is a lane to ask for them.

use tsmgate_catalogue::api::PREFIX;
use tsmgate_catalogue::api::operation::{Operation, Segment};
use tsmgate_catalogue::api::raw::RAW;
use tsmgate_catalogue::api::table::OPERATIONS;
use tsmgate_gate::permission::Permission;

use crate::config::Config;

const ON: &str = "lane: the api lane is on (tsm.api is set)";
const OFF: &str = "lane: the api lane is OFF: tsm.api is not set, see `tsmgated trust-tsm`";
const COMMANDS_ON: &str =
    "lane: the command lane is on (tsm.command_socket is set); the runner has its own list too";
const COMMANDS_OFF: &str = "lane: the command lane is OFF: tsm.command_socket is not set";

/// What it opens in this configuration, a line each.
pub(super) fn told(permission: &Permission, config: &Config) -> Vec<String> {
    let http = config.tsm.api.is_some();
    if permission.is_login() {
        // this lane is always on
        let more = match http {
            true => "opens: logout (POST /v1/logout): giving such a cookie back",
            false => "lane: without tsm.api there is no logout",
        };
        return vec!["opens: the login lane: TSM's raw session cookie".to_owned(), more.to_owned()];
    }
    let rows = OPERATIONS.iter().filter(|operation| operation.permission == permission.name());
    let mut lines: Vec<_> = rows.map(row).collect();
    if *permission == Permission::secrets() {
        lines.push("opens: the secrets in answers, which are taken out without it".to_owned());
    }
    if permission.name() == RAW {
        lines.push("opens: any other path below /api/ but those of sessions".to_owned());
    }
    let name = permission.name();
    let commands = config.catalogue.commands().iter().filter(|command| command.permission == name);
    let mut commands: Vec<_> =
        commands.map(|command| format!("opens: the command `{}`", command.path)).collect();
    if *permission == Permission::others() {
        commands.push("opens: the commands of other clients, to see and to cancel".to_owned());
    }
    if !lines.is_empty() {
        lines.push(if http { ON } else { OFF }.to_owned());
    }
    if !commands.is_empty() {
        lines.append(&mut commands);
        let on = config.tsm.runner.is_some();
        lines.push(if on { COMMANDS_ON } else { COMMANDS_OFF }.to_owned());
    }
    if lines.is_empty() {
        lines.push("opens: nothing in this version".to_owned());
    }
    lines
}

/// An operation with its method and path; parts that vary are in braces.
fn row(operation: &Operation) -> String {
    let part = |segment: &Segment| match segment {
        Segment::Literal(literal) => format!("/{literal}"),
        Segment::Typed(kind) => format!("/{{{kind:?}}}"),
    };
    let path: String = operation.path.iter().map(part).collect();
    format!("opens: {} ({} {PREFIX}{path})", operation.name, operation.method.name())
}
