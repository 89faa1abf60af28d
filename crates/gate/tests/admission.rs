//! Who may open a connection: networks, bans, rates, the two budgets. Time is moved by hand.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tsmgate_gate::admission::penalty::{Offence, Penalties};
use tsmgate_gate::admission::{Admission, AdmissionLimits};
use tsmgate_gate::clock::{Clock, Hand};
use tsmgate_gate::network::{Network, NetworkFault, Networks, Source, canonical};
use tsmgate_gate::permission::Role;
use tsmgate_gate::policy::{Client, ClientLimits, Closed, DenyList, Identity, Policy};
use tsmgate_gate::rate::Rate;
use tsmgate_gate::reason::Reason;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn networks(texts: &[&str]) -> Networks {
    texts.iter().map(|text| text.parse::<Network>().unwrap()).collect()
}

fn policy(allow: &[&str], exempt: &[&str]) -> Policy {
    let client = Client {
        name: "jump01".into(),
        identity: Identity::Uri("tsmgate://client/jump01".into()),
        networks: None,
        roles: Role::built_in().into_iter().map(Arc::new).collect(),
        limits: ClientLimits {
            logins: Rate::new(12, 6).unwrap(),
            requests: Rate::new(12, 6).unwrap(),
            commands: Rate::new(12, 6).unwrap(),
            in_flight: 4,
        },
    };
    Policy::new(networks(allow), networks(exempt), vec![client], DenyList::default(), true)
}

const LIMITS: AdmissionLimits = AdmissionLimits {
    connections: 4,
    connections_per_source: 2,
    unproven: 4,
    unproven_per_source: 3,
    source_rate: match Rate::new(6000, 1000) {
        Some(rate) => rate,
        None => unreachable!(),
    },
    sources_remembered: 100,
};

fn house(limits: AdmissionLimits) -> (Arc<Admission<Arc<()>>>, Hand) {
    let (clock, hand) = Clock::by_hand();
    (Admission::new(limits, clock), hand)
}

fn offend(house: &Arc<Admission<Arc<()>>>, policy: &Policy, address: &str, offence: Offence) {
    house.admit(policy, ip(address), Arc::default()).unwrap().offend(offence);
}

/// R55: a network with bits beyond its prefix, or in another spelling, is refused by name
#[test]
fn networks_are_read_strictly() {
    for good in ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1", "0.0.0.0/0", "::/0"] {
        assert!(good.parse::<Network>().is_ok(), "{good}");
    }
    let fault = "10.0.0.1/8".parse::<Network>().unwrap_err();
    assert!(fault.to_string().contains("10.0.0.0/8"), "{fault}");
    for bad in ["10.0.0.0/33", "10.0.0", "jump01", "", "10.0.0.0/8 ", "fe80::1%eth0"] {
        let fault = bad.parse::<Network>().unwrap_err();
        assert_eq!(fault, NetworkFault::Unreadable(bad.into()));
    }
    for mapped in ["::ffff:10.0.0.0/104", "::ffff:10.0.0.1/104"] {
        assert!(matches!(mapped.parse::<Network>(), Err(NetworkFault::Mapped(_))), "{mapped}");
    }
}

/// R24: a mapped address is its IPv4 address, in rules and in limits
#[test]
fn mapped_addresses_meet_ipv4_rules() {
    let mapped = canonical(ip("::ffff:10.1.2.3"));
    assert_eq!(mapped, ip("10.1.2.3"));
    assert!(networks(&["10.0.0.0/8"]).find(mapped).is_some());
    assert_eq!(Source::of(mapped), Source::of(ip("10.1.2.3")));
}

/// R23: one source is an IPv4 address or an IPv6 /64
#[test]
fn an_ipv6_source_is_its_64() {
    assert_eq!(Source::of(ip("2001:db8:0:1::1")), Source::of(ip("2001:db8:0:1:ffff::9")));
    assert_ne!(Source::of(ip("2001:db8:0:1::1")), Source::of(ip("2001:db8:0:2::1")));
    assert_ne!(Source::of(ip("10.0.0.1")), Source::of(ip("10.0.0.2")));
}

#[test]
fn a_closed_gate_says_why_and_lets_nobody_in() {
    let nobody = Policy::default();
    assert_eq!(nobody.closed(), [Closed::NoNetworks, Closed::NoClients, Closed::NoAuthority]);
    let (house, _) = house(LIMITS);
    let refused = house.admit(&nobody, ip("10.0.0.1"), Arc::default()).unwrap_err();
    assert_eq!(refused, Reason::GateClosed);
}

#[test]
fn unlisted_addresses_are_refused() {
    let (house, _) = house(LIMITS);
    let policy = policy(&["10.0.0.0/8"], &[]);
    let refused = house.admit(&policy, ip("11.0.0.1"), Arc::default()).unwrap_err();
    assert_eq!(refused, Reason::AddressNotListed);
    assert!(house.admit(&policy, ip("10.0.0.1"), Arc::default()).is_ok());
}

/// R21: the newest unproven connection comes in and the oldest of the heaviest source goes
#[test]
fn the_heaviest_source_makes_room() {
    let (house, _) = house(LIMITS);
    let policy = policy(&["10.0.0.0/8"], &[]);
    let flooder: Vec<_> = (0..5)
        .map(|_| {
            let handle = Arc::new(());
            (Arc::downgrade(&handle), house.admit(&policy, ip("10.0.0.1"), handle).unwrap())
        })
        .collect();
    let alive = |list: &[(std::sync::Weak<()>, _)]| {
        list.iter().map(|(handle, _)| handle.upgrade().is_some()).collect::<Vec<_>>()
    };
    assert_eq!(alive(&flooder), [false, false, true, true, true], "three of one source at most");
    let honest = Arc::new(());
    let held = Arc::downgrade(&honest);
    let _second = house.admit(&policy, ip("10.0.0.2"), honest).unwrap();
    let _third = house.admit(&policy, ip("10.0.0.3"), Arc::default()).unwrap();
    assert_eq!(alive(&flooder), [false, false, false, true, true], "four in all at most");
    assert!(held.upgrade().is_some(), "a light source is not touched");
    assert_eq!(house.occupancy(), (4, 0));
    drop(flooder);
    assert_eq!(house.occupancy(), (2, 0));
}

/// R21: proven connections have their own caps, in all and per source
#[test]
fn proven_connections_are_capped() {
    let (house, _) = house(LIMITS);
    let policy = policy(&["10.0.0.0/8"], &[]);
    let prove = |address: &str| {
        house.admit(&policy, ip(address), Arc::default()).and_then(|unproven| unproven.prove())
    };
    let kept = [prove("10.0.0.1").unwrap(), prove("10.0.0.1").unwrap()];
    assert_eq!(prove("10.0.0.1").unwrap_err(), Reason::SourceOverConnections);
    let _others = [prove("10.0.0.2").unwrap(), prove("10.0.0.3").unwrap()];
    assert_eq!(prove("10.0.0.4").unwrap_err(), Reason::GateFull);
    drop(kept);
    assert!(prove("10.0.0.4").is_ok());
}

/// R23: penalties add up, bite from fifteen seconds on, run off, and touch no neighbour
#[test]
fn penalties_add_up_and_run_off() {
    let (house, hand) = house(LIMITS);
    let policy = policy(&["10.0.0.0/8"], &[]);
    offend(&house, &policy, "10.0.0.1", Offence::BadCertificate);
    offend(&house, &policy, "10.0.0.1", Offence::BadCertificate);
    offend(&house, &policy, "10.0.0.1", Offence::BadCertificate);
    let again = || house.admit(&policy, ip("10.0.0.1"), Arc::default());
    assert_eq!(again().unwrap_err(), Reason::SourceBanned);
    assert!(house.admit(&policy, ip("10.0.0.2"), Arc::default()).is_ok(), "the neighbour");
    hand.advance(Duration::from_secs(14));
    assert_eq!(again().unwrap_err(), Reason::SourceBanned, "to the end, not to the threshold");
    hand.advance(Duration::from_secs(1));
    assert!(again().is_ok(), "attempts in vain have not made it longer");
}

/// R23: no ban lasts longer than ten minutes, however many offences there are
#[test]
fn bans_have_an_end() {
    let mut penalties = Penalties::new(10);
    let source = Source::of(ip("10.0.0.1"));
    for _ in 0..1000 {
        penalties.add(source, Offence::Garbage, Duration::ZERO);
    }
    assert!(penalties.banned(source, Duration::from_secs(599)));
    assert!(!penalties.banned(source, Duration::from_secs(600)));
}

/// R23: an exempt network is not banned, nor a source from which somebody proved himself
#[test]
fn exempt_and_proven_sources_are_not_banned() {
    let (house, hand) = house(LIMITS);
    let policy = policy(&["10.0.0.0/8"], &["10.9.0.0/16"]);
    for _ in 0..9 {
        offend(&house, &policy, "10.9.0.1", Offence::Garbage);
    }
    let prove = || house.admit(&policy, ip("10.0.0.1"), Arc::default()).unwrap().prove().unwrap();
    drop(prove());
    for _ in 0..9 {
        offend(&house, &policy, "10.0.0.1", Offence::Garbage);
    }
    hand.advance(Duration::from_secs(601));
    offend(&house, &policy, "10.0.0.1", Offence::Garbage);
    offend(&house, &policy, "10.0.0.1", Offence::Garbage);
    let refused = house.admit(&policy, ip("10.0.0.1"), Arc::default()).unwrap_err();
    assert_eq!(refused, Reason::SourceBanned, "ten minutes later it is like any other");
}

/// R26: tables are bounded, and a flood of new sources does not free the loudest
#[test]
fn a_flood_of_sources_does_not_free_the_loudest() {
    let (house, _) = house(LIMITS);
    let policy = policy(&["0.0.0.0/0"], &[]);
    let held: Vec<_> =
        (0..3).map(|_| house.admit(&policy, ip("10.0.0.1"), Arc::default()).unwrap()).collect();
    for one in held {
        one.offend(Offence::Garbage);
    }
    for number in 0..1000_u32 {
        let address = IpAddr::from(std::net::Ipv4Addr::from(0x0b00_0000 + number));
        let unproven = house.admit(&policy, address, Arc::default()).unwrap();
        unproven.offend(Offence::BadCertificate);
    }
    let refused = house.admit(&policy, ip("10.0.0.1"), Arc::default()).unwrap_err();
    assert_eq!(refused, Reason::SourceBanned);
}

/// R26: nor does hammering at an empty bucket make the limiter forget the source
#[test]
fn a_hammering_source_is_not_forgotten() {
    let rate = Rate::new(60, 2).unwrap();
    let (house, _) = house(AdmissionLimits { source_rate: rate, ..LIMITS });
    let policy = policy(&["0.0.0.0/0"], &[]);
    let knock = |address: IpAddr| house.admit(&policy, address, Arc::default()).map(drop);
    assert!(knock(ip("10.0.0.1")).is_ok() && knock(ip("10.0.0.1")).is_ok());
    for number in 0..1000_u32 {
        let stranger = IpAddr::from(std::net::Ipv4Addr::from(0x0b00_0000 + number));
        assert_eq!(knock(stranger), Ok(()));
        assert_eq!(knock(ip("10.0.0.1")), Err(Reason::SourceOverRate), "after {number}");
    }
}

#[test]
fn the_rate_of_a_source_is_kept_and_refills() {
    let rate = Rate::new(60, 2).unwrap();
    let (house, hand) = house(AdmissionLimits { source_rate: rate, ..LIMITS });
    let policy = policy(&["10.0.0.0/8"], &[]);
    let knock = || house.admit(&policy, ip("10.0.0.1"), Arc::default()).map(drop);
    assert_eq!((knock(), knock(), knock()), (Ok(()), Ok(()), Err(Reason::SourceOverRate)));
    hand.advance(Duration::from_secs(1));
    assert_eq!((knock(), knock()), (Ok(()), Err(Reason::SourceOverRate)));
}
