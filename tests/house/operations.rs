//! Who may do what: every operation of the catalogue against every built-in role, as one table.

use tsmgate_catalogue::api::raw::RAW;
use tsmgate_catalogue::api::table::OPERATIONS;
use tsmgate_gate::permission::{Permission, Role};

/// Operation, its permission, and the built-in roles that allow it; the last line is what no row describes.
const ALLOWED: &str = "
status                status.read          monitor operator tls-admin admin
server-info           status.read          monitor operator tls-admin admin
nodes                 nodes.read           monitor operator tls-admin admin
node                  nodes.read           monitor operator tls-admin admin
ports                 nodes.read           monitor operator tls-admin admin
topologies            nodes.read           monitor operator tls-admin admin
topology-version      nodes.read           monitor operator tls-admin admin
topology              nodes.read           monitor operator tls-admin admin
repository-master     nodes.read           monitor operator tls-admin admin
jobs                  jobs.read            monitor operator tls-admin admin
latest-job            jobs.read            monitor operator tls-admin admin
job                   jobs.read            monitor operator tls-admin admin
cancel-job            jobs.cancel          operator admin
start                 server.start         operator admin
stop                  server.stop          operator admin
restart               server.restart       operator admin
backup                backup.create        operator admin
restore               backup.restore       admin
cleanup               maintenance.cleanup  operator admin
configuration-version config.read          admin
configuration         config.read          admin
configuration-key     config.read          admin
export                config.read          admin
support-info          config.read          admin
reindex-search        api.raw              nobody
licensing             api.raw              nobody
product-keys          api.raw              nobody
registration          api.raw              nobody
raw                   api.raw              nobody
";

fn permission(name: &str) -> Permission {
    name.parse().unwrap_or_else(|fault| panic!("{fault}"))
}

/// R57: by default denied: a role allows an operation only where this table says so
#[test]
fn every_operation_against_every_built_in_role() {
    let roles = Role::built_in();
    let names: Vec<_> = roles.iter().map(Role::name).collect();
    assert_eq!(names, ["login", "monitor", "operator", "tls-admin", "admin"]);
    let rows = OPERATIONS.iter().map(|row| (row.name, row.permission));
    let mut table = "\n".to_owned();
    for (name, wanted) in rows.chain([("raw", RAW)]) {
        let wanted = permission(wanted);
        let gives = roles.iter().filter(|role| role.gives(&wanted)).map(Role::name);
        let mut gives = gives.collect::<Vec<_>>().join(" ");
        if gives.is_empty() {
            "nobody".clone_into(&mut gives);
        }
        table += &format!("{name:<21} {:<20} {gives}\n", wanted.name());
    }
    println!("{table}");
    assert_eq!(table, ALLOWED);
}

/// Secrets in clear, the raw cookie and what no row describes are given by name alone.
#[test]
fn no_built_in_role_but_login_has_what_is_given_by_name_only() {
    for role in Role::built_in() {
        for name in [RAW, "config.secrets"] {
            assert!(!role.gives(&permission(name)), "{} gives {name}", role.name());
        }
        assert_eq!(role.gives(&permission("login")), role.name() == "login");
    }
}
