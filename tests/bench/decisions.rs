//! The cost of each decision on the way of a login: address, certificate, client, permission; and of
//! the line that records it.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use tests::Authority;
use time::OffsetDateTime;
use tsmgate_gate::admission::{Admission, AdmissionLimits};
use tsmgate_gate::clock::Clock;
use tsmgate_gate::ledger::Ledger;
use tsmgate_gate::network::{Networks, canonical};
use tsmgate_gate::permission::{Permission, Role};
use tsmgate_gate::permit::{Caller, authorize};
use tsmgate_gate::policy::{Client, ClientLimits, DenyList, Identity, Leaf, Policy};
use tsmgate_gate::rate::Rate;
use tsmgate_server::audit::chain::Head;
use tsmgate_server::audit::record::{Outcome, Record};
use tsmgate_server::digest::sha256;
use tsmgate_server::identify::read_leaf;

/// Refilled faster than a bench can take.
const ENDLESS: Rate = Rate::new(u32::MAX, u32::MAX).unwrap();
/// In the last of the networks.
const LISTED: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
/// In none of them.
const UNLISTED: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn allowlist(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("allowlist");
    for count in [16, 256] {
        let networks = networks(count);
        assert!(networks.find(LISTED).is_some() && networks.find(UNLISTED).is_none());
        group.bench_function(format!("{count} networks, hit the last"), |bencher| {
            bencher.iter(|| networks.find(canonical(black_box(LISTED))).is_some());
        });
        group.bench_function(format!("{count} networks, miss"), |bencher| {
            bencher.iter(|| networks.find(canonical(black_box(UNLISTED))).is_some());
        });
    }
    group.finish();
}

fn admit(criterion: &mut Criterion) {
    let admission = Admission::new(
        AdmissionLimits {
            connections: 1024,
            connections_per_source: 64,
            unproven: 128,
            unproven_per_source: 16,
            source_rate: ENDLESS,
            sources_remembered: 65_536,
        },
        Clock::monotonic(),
    );
    let policy = policy(16, 10);
    let mut group = criterion.benchmark_group("admit");
    group.bench_function("admit and prove", |bencher| {
        bencher.iter(|| admission.admit(&policy, black_box(LISTED), ()).unwrap().prove().unwrap());
    });
    group.bench_function("refuse an unlisted address", |bencher| {
        bencher.iter(|| admission.admit(&policy, black_box(UNLISTED), ()).unwrap_err());
    });
    group.finish();
}

fn identify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("identify");
    let identity = Authority::new("bench").client("client-7");
    let certificate = identity.certificates().remove(0);
    group.bench_function("read a certificate", |bencher| {
        bencher.iter(|| read_leaf(black_box(&certificate)).unwrap());
    });
    for count in [10, 1000] {
        let policy = policy(16, count);
        let (known, unknown) = (leaf(count - 1), leaf(count));
        assert!(policy.identify(&known, LISTED).is_ok());
        group.bench_function(format!("one of {count} clients"), |bencher| {
            bencher.iter(|| policy.identify(black_box(&known), LISTED).unwrap());
        });
        group.bench_function(format!("none of {count} clients"), |bencher| {
            bencher.iter(|| policy.identify(black_box(&unknown), LISTED).unwrap_err());
        });
    }
    group.finish();
}

fn permit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("authorize");
    for count in [10, 1000] {
        let policy = policy(16, count);
        let ledger = Ledger::new(Clock::monotonic());
        let caller = Caller::identify(&policy, Arc::new(leaf(count - 1)), LISTED).unwrap();
        group.bench_function(format!("a login of one of {count} clients"), |bencher| {
            bencher.iter(|| {
                authorize(&policy, &ledger, black_box(&caller), Permission::login()).unwrap()
            });
        });
    }
    group.finish();
}

fn audit(criterion: &mut Criterion) {
    let policy = policy(16, 10);
    let leaf = leaf(7);
    let client = policy.identify(&leaf, LISTED).unwrap();
    let record = || {
        Record::new("login", Outcome::Success)
            .text("tsmgate.tsm.username", "tsmsvc")
            .text("tsmgate.cookie.fingerprint", "0011223344556677")
            .number("tsmgate.cookie.max_age", 7200)
            .text("tsmgate.connection", "0a1b2c3d-42")
            .source(LISTED, 40_000)
            .client(&client)
            .leaf(black_box(&leaf))
    };
    let mut group = criterion.benchmark_group("audit");
    group.bench_function("fill in a record", |bencher| bencher.iter(record));
    let filled = record();
    let now = OffsetDateTime::now_utc();
    let mut head = Head::EMPTY;
    group.bench_function("append it to the chain", |bencher| {
        bencher.iter(|| {
            let (line, next) = head.append(black_box(&filled), now);
            head = next;
            line
        });
    });
    group.finish();
}

/// So many networks, of which the last holds [`LISTED`].
fn networks(count: u16) -> Networks {
    let others = (1..count).map(|number| {
        let [high, low] = number.to_be_bytes();
        format!("10.{high}.{low}.0/24")
    });
    others.chain(["127.0.0.0/8".to_owned()]).map(|text| text.parse().unwrap()).collect()
}

/// So many clients, each with a network of its own and the roles that a login needs.
fn policy(networks_count: u16, clients: usize) -> Policy {
    let roles: Vec<_> = Role::built_in().into_iter().map(Arc::new).collect();
    let role = |name: &str| Arc::clone(roles.iter().find(|role| role.name() == name).unwrap());
    let clients = (0..clients).map(|number| Client {
        name: format!("client-{number}"),
        identity: Identity::Uri(format!("tsmgate://client/client-{number}")),
        networks: Some(["127.0.0.0/24".parse().unwrap()].into_iter().collect()),
        roles: vec![role("monitor"), role("login")],
        limits: ClientLimits {
            logins: ENDLESS,
            requests: ENDLESS,
            commands: ENDLESS,
            in_flight: 4,
        },
    });
    let allow = networks(networks_count);
    Policy::new(allow, Networks::default(), clients.collect(), DenyList::default(), true)
}

/// What a certificate of this client says.
fn leaf(number: usize) -> Leaf {
    let seed = sha256(&number.to_be_bytes());
    Leaf {
        serial: format!("{number:x}"),
        fingerprint: seed,
        public_key: seed,
        uris: vec![format!("tsmgate://client/client-{number}")],
        dns: Vec::new(),
        not_after: i64::MAX,
    }
}

criterion_group!(benches, allowlist, admit, identify, permit, audit);
criterion_main!(benches);
