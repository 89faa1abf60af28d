//! The rule as a table, and the system's directory on what every host has.

use super::*;

fn caller(name: &str, in_group: bool) -> Option<Caller> {
    Some(Caller { name: name.to_owned(), in_group })
}

#[test]
fn root_the_service_account_and_members_pass() {
    let policy = Policy::default();
    let cases = [
        (0, caller("root", false), Verdict::Granted),
        (0, None, Verdict::Granted),
        (999, caller("tableau", false), Verdict::Granted),
        (1000, caller("tsmuser", true), Verdict::Granted),
        (1001, caller("support", false), Verdict::Refused),
        (1001, caller("root", false), Verdict::Refused),
        (4242, None, Verdict::Refused),
    ];
    for (uid, known, expected) in cases {
        assert_eq!(policy.judge(uid, known.as_ref()), expected, "{uid} {known:?}");
    }
}

#[test]
fn a_table_is_searched_by_uid() {
    let table = [Account { uid: 7, name: "gate".into(), groups: vec!["a".into(), "tsm".into()] }];
    assert_eq!(find_in_table(&table, 7, "tsm"), caller("gate", true));
    assert_eq!(find_in_table(&table, 7, "ts"), caller("gate", false));
    assert_eq!(find_in_table(&table, 8, "tsm"), None);
}

#[test]
fn the_system_knows_root_and_its_own_group() {
    assert_eq!(find_in_system(0, "root"), Ok(caller("root", true)));
    assert_eq!(find_in_system(0, "no-such-group-here"), Ok(caller("root", false)));
}
