//! Who may do what: every operation of the catalogue against every built-in role, as one table.

use tests::operations::{ROLES, rows};
use tsmgate_catalogue::api::find::find;
use tsmgate_catalogue::api::raw::{RAW, find_or_raw};
use tsmgate_catalogue::api::table::OPERATIONS;
use tsmgate_gate::permission::{Permission, Role};

fn permission(name: &str) -> Permission {
    name.parse().unwrap_or_else(|fault| panic!("{fault}"))
}

/// R57: by default denied: a role allows an operation only where this table says so
#[test]
fn every_operation_against_every_built_in_role() {
    let roles = Role::built_in();
    let names: Vec<_> = roles.iter().map(Role::name).collect();
    assert_eq!(names, ROLES);
    let operations = OPERATIONS.iter().map(|row| (row.name, row.permission));
    let ours: Vec<_> = operations
        .chain([("raw", RAW)])
        .map(|(name, wanted)| {
            let wanted = permission(wanted);
            let gives = roles.iter().filter(|role| role.gives(&wanted)).map(Role::name);
            format!("{name} {} {:?}", wanted.name(), gives.collect::<Vec<_>>())
        })
        .collect();
    let rows = rows();
    let wanted: Vec<_> =
        rows.iter().map(|row| format!("{} {} {:?}", row.name, row.permission, row.roles)).collect();
    assert_eq!(ours, wanted);
}

/// Each request of the table is for the operation beside it, and goes to TSM as it is.
#[test]
fn each_request_of_the_table_is_for_its_operation() {
    for row in rows() {
        let (method, target) = (row.method.as_bytes(), row.target.as_bytes());
        let matched = match row.name {
            "raw" => find_or_raw(method, target),
            _ => find(method, target),
        };
        let matched = matched.unwrap_or_else(|refusal| panic!("{row:?}: {refusal:?}"));
        assert_eq!((matched.name(), matched.upstream()), (row.name, row.target));
    }
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
