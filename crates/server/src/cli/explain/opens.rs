//! What a permission is good for: the operations that it opens, and whether there is a lane to ask for them.

use tsmgate_catalogue::api::PREFIX;
use tsmgate_catalogue::api::operation::{Operation, Segment};
use tsmgate_catalogue::api::raw::RAW;
use tsmgate_catalogue::api::table::OPERATIONS;
use tsmgate_gate::permission::Permission;

const ON: &str = "lane: the api lane is on (tsm.api is set)";
const OFF: &str = "lane: the api lane is OFF: tsm.api is not set, see `tsmgated trust-tsm`";

/// What it opens, a line each; `http` is whether the api lane is on in this configuration.
pub(super) fn told(permission: &Permission, http: bool) -> Vec<String> {
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
    let last = match (lines.is_empty(), http) {
        (true, _) => "opens: nothing in this version",
        (false, true) => ON,
        (false, false) => OFF,
    };
    lines.push(last.to_owned());
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
