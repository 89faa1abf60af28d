//! Callers on this host: whom entries name, what a policy read anew makes of him, and how many come in.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::sync::Arc;
use std::time::Duration;

use tsmgate_gate::admission::local::{
    CONNECTIONS, CONNECTIONS_PER_USER, LocalAdmission, UNIDENTIFIED,
};
use tsmgate_gate::clock::Clock;
use tsmgate_gate::ledger::Ledger;
use tsmgate_gate::local::{LocalEntry, LocalUser, Named};
use tsmgate_gate::network::Networks;
use tsmgate_gate::permission::{Permission, Role};
use tsmgate_gate::permit::{Caller, authorize};
use tsmgate_gate::policy::{ClientLimits, DenyList, Identity, Policy};
use tsmgate_gate::rate::Rate;
use tsmgate_gate::reason::Reason;

const fn limits(burst: u32) -> ClientLimits {
    let rate = Rate::new(1, burst).unwrap();
    ClientLimits { logins: rate, requests: rate, commands: rate, in_flight: 4 }
}

fn entry(who: Named, role: &str, burst: u32) -> LocalEntry {
    let role = Role::built_in().into_iter().find(|known| known.name() == role).unwrap();
    LocalEntry { who, roles: vec![Arc::new(role)], limits: limits(burst) }
}

fn user(name: &str) -> Named {
    Named::User(name.into())
}

fn group(name: &str) -> Named {
    Named::Group(name.into())
}

fn policy(entries: Vec<LocalEntry>) -> Policy {
    let (allow, exempt) = (Networks::default(), Networks::default());
    Policy::new(allow, exempt, Vec::new(), DenyList::default(), false).with_local(entries)
}

fn alice(groups: &[&str]) -> LocalUser {
    let groups = groups.iter().map(|&name| name.to_owned()).collect();
    LocalUser { uid: 1001, name: "alice".into(), groups }
}

/// R6: by name and nothing else, in full and in its case; absence is no
#[test]
fn an_entry_names_exactly() {
    for entries in [
        vec![],
        vec![entry(user("alic"), "login", 1), entry(user("Alice"), "login", 1)],
        vec![entry(user("alice "), "login", 1), entry(user("1001"), "login", 1)],
        // a group is no user of the same name, nor the other way round
        vec![entry(group("alice"), "login", 1), entry(user("staff"), "login", 1)],
    ] {
        let refused = Caller::local(&policy(entries), alice(&["staff"])).unwrap_err();
        assert_eq!(refused, Reason::LocalUserNotListed);
    }
    let root = LocalUser { uid: 0, name: "root".into(), groups: Default::default() };
    let entries = vec![entry(user("alice"), "login", 1)];
    assert!(Caller::local(&policy(entries), root).is_err(), "root is no exception");
}

/// R6: all entries that name a user count: the roles of each, the limits of the first
#[test]
fn several_entries_are_one_caller() {
    let entries = vec![
        entry(group("others"), "admin", 9),
        entry(group("staff"), "monitor", 2),
        entry(user("alice"), "login", 3),
        entry(group("wheel"), "monitor", 4),
    ];
    let policy = policy(entries);
    let caller = Caller::local(&policy, alice(&["staff", "wheel"])).unwrap();
    let client = caller.client();
    let roles: Vec<_> = client.roles.iter().map(|role| role.name()).collect();
    assert_eq!((client.name.as_str(), roles), ("local:alice", vec!["monitor", "login"]));
    assert_eq!(client.identity, Identity::User(1001));
    assert_eq!(client.limits, limits(2));
}

/// R10: a policy read anew decides each call; and who has left a group that counts may not stay
#[test]
fn what_is_read_anew_decides() {
    let (before, after) = (
        policy(vec![entry(group("staff"), "login", 9), entry(user("alice"), "monitor", 9)]),
        policy(vec![entry(user("alice"), "monitor", 9)]),
    );
    let ledger = Ledger::new(Clock::monotonic());
    let caller = Caller::local(&before, alice(&["staff"])).unwrap();
    let login = Permission::login;
    assert!(authorize(&before, &ledger, &caller, login()).is_ok());
    assert_eq!(
        authorize(&after, &ledger, &caller, login()).unwrap_err(),
        Reason::PermissionMissing
    );
    assert_eq!(caller.stays(&after, Some(&login())), Err(Reason::PermissionMissing));
    assert_eq!(caller.stays(&after, None), Ok(()));
    assert_eq!(caller.stays(&policy(vec![]), None), Err(Reason::LocalUserNotListed));
    assert_eq!(caller.is_still(&before, &alice(&["staff", "more"])), Ok(()));
    assert_eq!(caller.is_still(&before, &alice(&[])), Err(Reason::ClientChanged));
    assert_eq!(caller.is_still(&after, &alice(&[])), Ok(()), "no entry names that group now");
    let renamed = LocalUser { name: "alicia".into(), ..alice(&["staff"]) };
    assert_eq!(caller.is_still(&before, &renamed), Err(Reason::ClientChanged));
}

/// R22: each user has an account of his own, also by the same entry
#[test]
fn accounts_are_each_users_own() {
    let policy = policy(vec![entry(group("staff"), "login", 1)]);
    let ledger = Ledger::new(Clock::monotonic());
    for name in ["alice", "bob"] {
        let user = LocalUser { name: name.into(), ..alice(&["staff"]) };
        let caller = Caller::local(&policy, user).unwrap();
        drop(authorize(&policy, &ledger, &caller, Permission::login()).unwrap());
        let over = authorize(&policy, &ledger, &caller, Permission::login()).unwrap_err();
        assert!(matches!(over, Reason::ClientOverRate(_)));
    }
}

fn admission(burst: u32) -> Arc<LocalAdmission> {
    LocalAdmission::new(Rate::new(1, burst).unwrap(), &Clock::monotonic())
}

/// R21: strangers take half of the places at most, one user a quarter, and a place that is left is free
#[test]
fn places_are_bounded() {
    let door = admission(1000);
    let mut strangers: Vec<_> = (0..100).filter_map(|uid| door.admit(uid).ok()).collect();
    assert_eq!(strangers.len(), UNIDENTIFIED);
    assert_eq!(door.callers(), []);
    // known now: there is room for as many again
    for place in &mut strangers {
        place.identified("local:somebody");
        place.identified("local:somebody");
    }
    let mut all: Vec<_> = (200..300).filter_map(|uid| door.admit(uid).ok()).collect();
    assert_eq!(strangers.len() + all.len(), CONNECTIONS);
    assert_eq!(door.admit(7).unwrap_err(), Reason::LocalFull);
    all.pop();
    assert!(door.admit(7).is_ok());
    drop((all, strangers));
    let of_one: Vec<_> = (0..100).filter_map(|_| door.admit(7).ok()).collect();
    assert_eq!(of_one.len(), CONNECTIONS_PER_USER);
    assert!(door.admit(8).is_ok());
}

/// R21: a rate is each user's own
#[test]
fn a_rate_is_each_users_own() {
    let door = admission(2);
    for uid in [1, 2] {
        for _ in 0..2 {
            drop(door.admit(uid).unwrap());
        }
        assert_eq!(door.admit(uid).unwrap_err(), Reason::SourceOverRate);
    }
}

/// R26: accounts that nobody uses are forgotten, and none of them is somebody's way to start anew
#[test]
fn unused_accounts_are_forgotten() {
    let policy = policy(vec![entry(group("staff"), "login", 1)]);
    let ledger = Ledger::new(Clock::monotonic());
    let call = |number: u32| {
        let user = LocalUser { uid: number, name: format!("user{number}"), ..alice(&["staff"]) };
        let caller = Caller::local(&policy, user).unwrap();
        authorize(&policy, &ledger, &caller, Permission::login()).map(drop)
    };
    call(0).unwrap();
    for number in 1..10_000 {
        // looked at, and nothing is taken
        let user = LocalUser { uid: number, name: format!("user{number}"), ..alice(&["staff"]) };
        ledger.left(Caller::local(&policy, user).unwrap().client());
    }
    assert!(ledger.len() <= 4097, "{}", ledger.len());
    let Err(Reason::ClientOverRate(wait)) = call(0) else { panic!("it started anew") };
    assert!(wait > Duration::from_secs(30));
}
