//! Who is who and what they may do: identities, roles, limits per client.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tsmgate_gate::clock::Clock;
use tsmgate_gate::ledger::Ledger;
use tsmgate_gate::network::Networks;
use tsmgate_gate::permission::{Grant, Permission, PermissionFault, Role};
use tsmgate_gate::permit::{Caller, authorize};
use tsmgate_gate::policy::{Client, ClientLimits, DenyList, Identity, Leaf, Policy, Taken};
use tsmgate_gate::rate::Rate;
use tsmgate_gate::reason::Reason;

const HERE: &str = "10.0.0.1";

fn here() -> IpAddr {
    HERE.parse().unwrap()
}

fn networks(text: &str) -> Networks {
    std::iter::once(text.parse().unwrap()).collect()
}

fn client(name: &str, identity: Identity, role: &str) -> Client {
    let roles = Role::built_in().into_iter().filter(|built_in| built_in.name() == role);
    Client {
        name: name.into(),
        identity,
        networks: None,
        roles: roles.map(Arc::new).collect(),
        limits: ClientLimits {
            logins: Rate::new(60, 3).unwrap(),
            requests: Rate::new(60, 5).unwrap(),
            commands: Rate::new(60, 5).unwrap(),
            in_flight: 2,
        },
    }
}

fn uri(text: &str) -> Identity {
    Identity::Uri(text.into())
}

fn policy(clients: Vec<Client>) -> Policy {
    Policy::new(networks("10.0.0.0/8"), Networks::default(), clients, DenyList::default(), true)
}

fn leaf(uris: &[&str], dns: &[&str]) -> Leaf {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Leaf {
        serial: "1f".into(),
        fingerprint: [1; 32],
        public_key: [7; 32],
        uris: owned(uris),
        dns: owned(dns),
        not_after: i64::MAX,
    }
}

fn who(policy: &Policy, leaf: &Leaf) -> Result<String, Reason> {
    policy.identify(leaf, here()).map(|client| client.name.clone())
}

/// R6: identity is one name of the leaf, compared as bytes, or its key; never part of a name
#[test]
fn identities_are_compared_as_bytes() {
    let policy = policy(vec![
        client("by-uri", uri("tsmgate://client/a"), "login"),
        client("by-dns", Identity::Dns("jump.example".into()), "login"),
        client("by-key", Identity::PublicKey([9; 32]), "login"),
    ]);
    let by_key = Leaf { public_key: [9; 32], ..leaf(&["x:a", "x:b"], &[]) };
    assert_eq!(who(&policy, &leaf(&["tsmgate://client/a"], &[])).unwrap(), "by-uri");
    assert_eq!(who(&policy, &leaf(&[], &["jump.example"])).unwrap(), "by-dns");
    assert_eq!(who(&policy, &by_key).unwrap(), "by-key");
    for (uris, dns) in [
        (&["tsmgate://client/A"][..], &[][..]),
        (&["tsmgate://client/a/"], &[]),
        (&["tsmgate://client/a "], &[]),
        (&["jump.example"], &[]),
        (&[], &["tsmgate://client/a"]),
        (&[], &["JUMP.example"]),
        (&[], &["sub.jump.example"]),
        (&[], &["*.example"]),
    ] {
        assert_eq!(who(&policy, &leaf(uris, dns)), Err(Reason::ClientUnknown), "{uris:?} {dns:?}");
    }
}

/// R6: several names of the kind that counts, NUL and control bytes are refused
#[test]
fn several_names_and_control_bytes_are_refused() {
    let policy = policy(vec![client("a", uri("tsmgate://client/a"), "login")]);
    for uris in [
        &["tsmgate://client/a", "tsmgate://client/b"][..],
        &["tsmgate://client/b", "tsmgate://client/a"],
        &["tsmgate://client/a", "tsmgate://client/a"],
        &["tsmgate://client/a\0.evil.test"],
        &["tsmgate://client/a\n"],
    ] {
        assert_eq!(who(&policy, &leaf(uris, &[])), Err(Reason::CertificateNames), "{uris:?}");
    }
}

/// R7: a certificate that no entry names is refused; there is no default role
#[test]
fn an_unknown_certificate_is_nobody() {
    let policy = policy(vec![client("a", uri("tsmgate://client/a"), "login")]);
    let stranger = leaf(&["tsmgate://client/b"], &[]);
    assert_eq!(who(&policy, &stranger), Err(Reason::ClientUnknown));
    assert_eq!(who(&policy, &leaf(&[], &[])), Err(Reason::ClientUnknown));
}

#[test]
fn two_entries_for_one_leaf_are_refused() {
    let policy = policy(vec![
        client("by-uri", uri("tsmgate://client/a"), "login"),
        client("by-key", Identity::PublicKey([7; 32]), "monitor"),
    ]);
    let both = leaf(&["tsmgate://client/a"], &[]);
    assert_eq!(who(&policy, &both), Err(Reason::ClientAmbiguous));
}

/// R8: the deny list holds by serial and by key, without any revocation list
#[test]
fn the_deny_list_refuses_by_serial_and_by_key() {
    let entry = || vec![client("a", uri("tsmgate://client/a"), "login")];
    let good = leaf(&["tsmgate://client/a"], &[]);
    for deny in [
        DenyList { serials: ["1f".to_owned()].into(), ..DenyList::default() },
        DenyList { public_keys: [[7; 32]].into(), ..DenyList::default() },
    ] {
        let allow = networks("10.0.0.0/8");
        let policy = Policy::new(allow, Networks::default(), entry(), deny, true);
        assert_eq!(who(&policy, &good), Err(Reason::CertificateRevoked));
    }
}

#[test]
fn a_client_comes_from_its_own_networks() {
    let mut entry = client("a", uri("tsmgate://client/a"), "login");
    entry.networks = Some(networks("10.2.0.0/16"));
    let policy = policy(vec![entry]);
    let leaf = leaf(&["tsmgate://client/a"], &[]);
    assert_eq!(who(&policy, &leaf), Err(Reason::ClientElsewhere));
    assert!(policy.identify(&leaf, "10.2.3.4".parse().unwrap()).is_ok());
}

#[test]
fn only_a_role_with_login_gets_a_permit() {
    let ledger = Ledger::new(Clock::monotonic());
    for (role, gets) in [("login", true), ("monitor", false), ("operator", false), ("admin", false)]
    {
        let policy = policy(vec![client("a", uri("tsmgate://client/a"), role)]);
        let leaf = Arc::new(leaf(&["tsmgate://client/a"], &[]));
        let caller = Caller::identify(&policy, leaf, here()).unwrap();
        let answer = authorize(&policy, &ledger, &caller, Permission::login());
        assert_eq!(answer.as_ref().err(), (!gets).then_some(&Reason::PermissionMissing), "{role}");
    }
}

/// R22: calls at once and logins a minute are limited per client
#[test]
fn limits_are_kept_per_client() {
    let (clock, hand) = Clock::by_hand();
    let ledger = Ledger::new(clock);
    let policy = policy(vec![
        client("a", uri("tsmgate://client/a"), "login"),
        client("b", uri("tsmgate://client/b"), "login"),
    ]);
    let caller = |name: &str| {
        let leaf = Arc::new(leaf(&[&format!("tsmgate://client/{name}")], &[]));
        Caller::identify(&policy, leaf, here()).unwrap()
    };
    let (a, b) = (caller("a"), caller("b"));
    let ask = |caller| authorize(&policy, &ledger, caller, Permission::login());
    let first = ask(&a).unwrap();
    let second = ask(&a).unwrap();
    assert_eq!(ask(&a).unwrap_err(), Reason::ClientInFlight);
    drop(first);
    let third = ask(&a).unwrap();
    drop((second, third));
    let wait = Duration::from_secs(1);
    assert_eq!(ask(&a).unwrap_err(), Reason::ClientOverRate(wait), "three at once, then wait");
    assert!(ask(&b).is_ok(), "another client's limits are its own");
    hand.advance(wait);
    assert!(ask(&a).is_ok());
}

/// R22: whoever can change a client's limits back and forth by reloads does not give it a new allowance
#[test]
fn changed_limits_start_no_new_account() {
    let (clock, hand) = Clock::by_hand();
    let ledger = Ledger::new(clock);
    let of = |burst: u32, in_flight: u32| {
        let mut client = client("a", uri("tsmgate://client/a"), "login");
        client.limits.logins = Rate::new(60, burst).unwrap();
        client.limits.in_flight = in_flight;
        client
    };
    let login = Permission::login();
    let first = ledger.charge(&of(3, 2), &login).unwrap();
    let second = ledger.charge(&of(3, 2), &login).unwrap();
    // what is under way stays so
    assert_eq!(ledger.charge(&of(4, 2), &login).unwrap_err(), Reason::ClientInFlight);
    assert_eq!(ledger.left(&of(4, 2)).in_flight, 2);
    drop((first, second));
    // and what is taken: of four now two are left, of one none
    assert_eq!(ledger.left(&of(4, 2)).logins, 2);
    let wait = Duration::from_secs(1);
    assert_eq!(ledger.charge(&of(1, 2), &login).unwrap_err(), Reason::ClientOverRate(wait));
    hand.advance(wait);
    assert!(ledger.charge(&of(1, 2), &login).is_ok());
    assert_eq!(ledger.left(&of(1, 2)).in_flight, 0);
}

#[test]
fn a_permit_is_asked_for_under_the_policy_of_now() {
    let ledger = Ledger::new(Clock::monotonic());
    let before = policy(vec![client("a", uri("tsmgate://client/a"), "login")]);
    let leaf = Arc::new(leaf(&["tsmgate://client/a"], &[]));
    let caller = Caller::identify(&before, leaf, here()).unwrap();
    assert!(authorize(&before, &ledger, &caller, Permission::login()).is_ok());
    let after = policy(vec![client("a", uri("tsmgate://client/a"), "monitor")]);
    assert_eq!(
        authorize(&after, &ledger, &caller, Permission::login()).unwrap_err(),
        Reason::PermissionMissing
    );
    let gone = policy(vec![client("b", uri("tsmgate://client/b"), "login")]);
    assert_eq!(
        authorize(&gone, &ledger, &caller, Permission::login()).unwrap_err(),
        Reason::ClientUnknown
    );
}

#[test]
fn built_in_roles_give_what_the_contract_says() {
    let gives = |role: &str, permission: &str| {
        let roles = Role::built_in();
        let role = roles.iter().find(|built_in| built_in.name() == role).unwrap();
        role.gives(&permission.parse().unwrap())
    };
    for role in ["monitor", "operator", "tls-admin", "admin"] {
        assert!(
            gives(role, "status.read") && gives(role, "nodes.read") && gives(role, "jobs.read")
        );
        for by_name in ["login", "api.raw", "config.secrets"] {
            assert!(!gives(role, by_name), "{role} must not give {by_name}");
        }
    }
    assert!(gives("login", "login") && !gives("login", "status.read"));
    assert!(gives("operator", "server.restart") && !gives("operator", "backup.restore"));
    assert!(gives("tls-admin", "security.external-ssl.enable"));
    assert!(gives("tls-admin", "pending-changes.apply"));
    assert!(!gives("tls-admin", "security.regenerate-internal-tokens"));
    assert!(gives("admin", "security.regenerate-internal-tokens"));
    assert!(gives("admin", "backup.restore") && gives("admin", "commands.others"));
    assert!(!gives("monitor", "server.stop") && !gives("monitor", "config.read"));
}

#[test]
fn prefixes_cover_their_family_and_never_a_secret() {
    let config = Role::new("r".into(), vec!["config.*".parse().unwrap()]);
    assert!(config.gives(&"config.read".parse().unwrap()));
    assert!(!config.gives(&"config.secrets".parse().unwrap()));
    for bad in ["*", "", "log*", "nothing.*", ".*", "login.*"] {
        assert!(bad.parse::<Grant>().is_err(), "{bad}");
    }
    assert_eq!(
        "statsu.read".parse::<Permission>(),
        Err(PermissionFault::Unknown("statsu.read".into()))
    );
    for bad in ["security.", "security..x", "security.X", "security.a b", "Login"] {
        assert!(bad.parse::<Permission>().is_err(), "{bad}");
    }
}

#[test]
fn reason_codes_are_unique_and_plain() {
    let mut codes = Reason::CODES.to_vec();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Reason::CODES.len());
    assert!(codes.iter().all(|code| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
}

/// R22: raw logins and everything else are counted apart, and calls under way together
#[test]
fn logins_and_requests_are_counted_apart() {
    let (clock, _hand) = Clock::by_hand();
    let ledger = Ledger::new(clock);
    let entry = client("jump01", Identity::Uri("x:jump01".into()), "admin");
    let read = || "status.read".parse::<Permission>().unwrap();
    for _ in 0..3 {
        drop(ledger.charge(&entry, &Permission::login()).unwrap());
    }
    let over = ledger.charge(&entry, &Permission::login()).unwrap_err();
    assert!(matches!(over, Reason::ClientOverRate(_)), "{over}");
    let under_way =
        [ledger.charge(&entry, &read()).unwrap(), ledger.charge(&entry, &read()).unwrap()];
    assert_eq!(ledger.charge(&entry, &read()).unwrap_err(), Reason::ClientInFlight);
    drop(under_way);
    for _ in 0..3 {
        drop(ledger.charge(&entry, &read()).unwrap());
    }
    assert!(matches!(ledger.charge(&entry, &read()), Err(Reason::ClientOverRate(_))));
}

/// Who is enrolled is a client like any other, but for a name or an identity of the configuration's: that one
/// counts. Others enrolled later take their place, and what is denied there is denied beside the configuration's.
#[test]
fn the_configuration_wins_over_who_is_enrolled() {
    let uri = |name: &str| Identity::Uri(format!("tsmgate://client/{name}"));
    let of = |name: &str| client(name, uri(name), "login");
    let leaf = |name: &str, serial: &str| Leaf {
        serial: serial.into(),
        fingerprint: [0; 32],
        public_key: [0; 32],
        uris: vec![format!("tsmgate://client/{name}")],
        dns: Vec::new(),
        not_after: 0,
    };
    let deny =
        |serial: &str| DenyList { serials: [serial.to_owned()].into(), ..DenyList::default() };
    let configured = vec![of("old"), client("other", uri("theirs"), "login")];
    let allow = networks("10.0.0.0/8");
    let policy = Policy::new(allow, Networks::default(), configured, deny("a"), true);
    let taken = |client: &str, by: &str| Taken { client: client.into(), by: by.into() };

    let joined = vec![client("old", uri("else"), "admin"), of("theirs"), of("new"), of("new")];
    let (policy, left_out) = policy.with_enrolled(joined, deny("b"));
    assert_eq!(left_out, [taken("old", "old"), taken("theirs", "other"), taken("new", "new")]);
    let names = |clients: &[Arc<Client>]| -> Vec<_> {
        clients.iter().map(|client| client.name.clone()).collect()
    };
    assert_eq!(names(policy.configured()), ["old", "other"]);
    assert_eq!(names(policy.enrolled()), ["new"]);
    assert_eq!(names(policy.clients()), ["old", "other", "new"]);
    let who = |policy: &Policy, name: &str, serial: &str| {
        policy.identify(&leaf(name, serial), here()).map(|client| client.name.clone())
    };
    assert_eq!(who(&policy, "new", "1").unwrap(), "new");
    assert_eq!(who(&policy, "theirs", "1").unwrap(), "other");
    assert_eq!(who(&policy, "else", "1"), Err(Reason::ClientUnknown));
    for serial in ["a", "b"] {
        assert_eq!(who(&policy, "old", serial), Err(Reason::CertificateRevoked));
    }

    let (policy, left_out) = policy.with_enrolled(vec![of("newer")], DenyList::default());
    assert!(left_out.is_empty());
    assert_eq!(who(&policy, "new", "1"), Err(Reason::ClientUnknown));
    assert_eq!(who(&policy, "newer", "1").unwrap(), "newer");
    assert_eq!(who(&policy, "old", "a"), Err(Reason::CertificateRevoked));
    assert_eq!(who(&policy, "old", "b").unwrap(), "old");
}
