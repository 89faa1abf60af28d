//! Sums: exact, whole, and bounded.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value;
use time::Duration;
use tsmgate_gate::reason::Reason;
use tsmgate_server::audit::record::{Outcome, Record};

use crate::{Written, before, connection, granted, json, of, refused};

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn failed(reason: &str, about: &Record) -> Record {
    let outcome = Record::new("login", Outcome::Failure).text("tsmgate.phase", "outcome");
    outcome.text("event.reason", reason).append(about)
}

fn total(rows: &Value, field: &str) -> u64 {
    rows.as_array().unwrap().iter().map(|row| row[field].as_u64().unwrap()).sum()
}

fn by_name(rows: &Value, name: &str) -> BTreeMap<String, [u64; 3]> {
    let row = |row: &Value| {
        let counts = ["granted", "failed", "refused"].map(|field| row[field].as_u64().unwrap());
        (row[name].as_str().unwrap().to_owned(), counts)
    };
    rows.as_array().unwrap().iter().map(row).collect()
}

/// R45: whatever was put in is what the report says: by client, reason, network, and over time
#[test]
fn sums_are_what_was_put_in() {
    const REASONS: [&str; 3] = ["address_not_listed", "backend_timeout", "of_a_later_version"];
    for seed in 1..=8 {
        let mut dice = Dice(seed);
        let mut written = Written::new();
        let (mut clients, mut reasons, mut networks) =
            (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (mut strangers, mut intents, mut connections, mut bans) = (0, 0, 0, 0);
        let days = 1 + dice.roll(400);
        for _ in 0..600 {
            let ago = Duration::seconds(i64::try_from(dice.roll(days * 86_400)).unwrap());
            let (number, low) = (dice.roll(5), u8::try_from(dice.roll(250)).unwrap());
            let name = format!("client{number}");
            let address = IpAddr::from([10, 20, u8::try_from(number).unwrap(), low]);
            let network = format!("10.20.{number}.0/24");
            let about = Record::empty().text("client.user.name", &name).source(address, 1);
            let reason = REASONS[usize::try_from(dice.roll(3)).unwrap()];
            let mut count = 1;
            let (record, place, known) = match dice.roll(7) {
                0 => (granted(&about), Some(0), true),
                1 => (failed(reason, &about), Some(1), true),
                2 => (refused(reason, &about), Some(2), true),
                3 => {
                    count = dice.roll(1000);
                    let about = Record::empty().source(address, 1);
                    (refused(reason, &about).number("tsmgate.count", count), Some(2), false)
                }
                4 => {
                    intents += 1;
                    let intent = Record::new("login", Outcome::Unknown);
                    (intent.text("tsmgate.phase", "intent").append(&about), None, true)
                }
                5 => {
                    connections += 1;
                    (connection(&about), None, true)
                }
                _ => {
                    bans += 1;
                    (Record::new("ban", Outcome::Success).append(&about), None, false)
                }
            };
            written.add(before(ago), &record);
            let Some(place) = place else { continue };
            if known {
                clients.entry(name).or_insert([0; 3])[place] += count;
            } else {
                strangers += count;
            }
            if place > 0 {
                reasons.entry(reason.to_owned()).or_insert([0; 3])[place] += count;
                networks.entry(network).or_insert([0; 3])[place] += count;
            }
        }
        let report = json(&written.report());
        assert_eq!(by_name(&report["clients"], "name"), clients, "seed {seed}");
        assert_eq!(by_name(&report["reasons"], "code"), reasons, "seed {seed}");
        assert_eq!(by_name(&report["networks"], "network"), networks, "seed {seed}");
        let totals = &report["totals"];
        assert_eq!(totals["strangers_refused"], strangers);
        assert_eq!(
            (&totals["connections"], &totals["intents"]),
            (&connections.into(), &intents.into())
        );
        assert_eq!(report["event_counts"][0]["count"], bans);
        assert_eq!(report["records"]["read"], 600);
        let slots = &report["over_time"]["slots"];
        assert!((2..=60).contains(&slots.as_array().unwrap().len()), "{days} days: {slots}");
        assert_eq!(total(slots, "strangers_refused"), strangers);
        for (place, field) in ["granted", "failed", "refused"].into_iter().enumerate() {
            let expected: u64 = clients.values().map(|counts| counts[place]).sum();
            assert_eq!(totals["clients"][field], expected);
            let in_slots = slots.as_array().unwrap().iter().map(|slot| &slot["clients"][field]);
            assert_eq!(in_slots.map(|count| count.as_u64().unwrap()).sum::<u64>(), expected);
            for client in report["clients"].as_array().unwrap() {
                assert_eq!(total(&client["slots"], field), client[field].as_u64().unwrap());
            }
        }
    }
}

#[test]
fn more_names_than_there_are_rows_are_counted_in_one() {
    let mut written = Written::new();
    for number in 0..2000_u32 {
        let [_, _, high, low] = number.to_be_bytes();
        let about = Record::empty().source([10, high, low, 9].into(), 1);
        let reason = format!("reason{}", number % 200);
        written.add(before(Duration::HOUR), &refused(&reason, &about).number("tsmgate.count", 3));
        written
            .add(before(Duration::HOUR), &granted(&of(&format!("c{number}"), &number.to_string())));
        let action = format!("action{number}");
        written.add(before(Duration::HOUR), &Record::new(&action, Outcome::Success));
    }
    let made = written.report();
    let report = json(&made);
    let rows = |list: &str| report[list].as_array().unwrap().len();
    assert_eq!((rows("clients"), rows("networks"), rows("reasons")), (256, 1024, 128));
    assert_eq!(report["other_clients"]["granted"], 2000 - 256);
    assert_eq!(total(&report["networks"], "refused") + 3 * (2000 - 1024), 6000);
    assert_eq!(report["other_networks"]["refused"], 3 * (2000 - 1024));
    assert_eq!(total(&report["reasons"], "refused"), 6000 - 3 * 10 * 72);
    assert_eq!(report["other_reasons"]["refused"], 3 * 10 * 72);
    assert_eq!(total(&report["event_counts"], "count"), 2000);
    assert!(rows("event_counts") <= 49 && rows("events") <= 49 * 12);
    assert_eq!(report["totals"]["clients"]["granted"], 2000);
    assert_eq!(report["totals"]["strangers_refused"], 6000);
    let page = made.html();
    assert!(page.contains(">others<") && page.len() < 300_000, "{} bytes", page.len());
    // no figure is too large for a sum
    let mut written = Written::new();
    for _ in 0..3 {
        let record = refused("gate_full", &Record::empty()).number("tsmgate.count", u64::MAX);
        written.add(before(Duration::HOUR), &record);
    }
    assert_eq!(json(&written.report())["totals"]["strangers_refused"], u64::MAX);
    assert!(written.report().html().ends_with("</html>\n"));
}

#[test]
fn networks_are_grouped_as_a_review_reads_them() {
    let mut written = Written::new();
    let mut add =
        |about: Record| written.add(before(Duration::HOUR), &refused("gate_full", &about));
    for address in
        ["192.0.2.1", "192.0.2.254", "::ffff:192.0.2.9", "2001:db8:1:2::3", "2001:db8:1:9::"]
    {
        add(Record::empty().source(address.parse().unwrap(), 1));
    }
    add(Record::empty().text("tsmgate.source.network", "2001:db8:1:7::/64"));
    let network: Ipv6Addr = "2001:db8:2::".parse().unwrap();
    add(Record::empty()
        .source(network.into(), 0)
        .text("tsmgate.source.network", "2001:db8:2::/64"));
    add(Record::empty().text("source.ip", "somewhere"));
    let report = json(&written.report());
    let networks = by_name(&report["networks"], "network");
    let expected = [
        ("192.0.2.0/24", 3),
        ("2001:db8:1::/48", 3),
        ("2001:db8:2::/48", 1),
        ("no address recorded", 1),
    ];
    assert_eq!(networks, expected.map(|(name, count)| (name.to_owned(), [0, 0, count])).into());
}

#[test]
fn each_reason_of_the_gate_is_explained() {
    let mut written = Written::new();
    for code in Reason::CODES.iter().chain(&["refusals_beyond_the_line_limit", "another"]) {
        written.add(before(Duration::HOUR), &refused(code, &Record::empty()));
    }
    let report = json(&written.report());
    for row in report["reasons"].as_array().unwrap() {
        let known = row["code"] != "another";
        let meaning = row["meaning"].as_str().unwrap();
        assert_eq!(meaning != "Not known to this version.", known, "{row}");
        assert!(meaning.ends_with('.') && !meaning.starts_with(' '), "{row}");
    }
    assert_eq!(report["reasons"].as_array().unwrap().len(), Reason::CODES.len() + 2);
}

#[test]
fn what_is_not_a_call_is_an_event_also_where_it_is_new() {
    let mut written = Written::new();
    let at = before(Duration::HOUR);
    written.add(at, &Record::new("start", Outcome::Success).text("tsmgate.version", "9.9"));
    written.add(at, &Record::new("records-lost", Outcome::Failure).number("tsmgate.count", 7));
    for number in 0..30 {
        let record = Record::new("moon-phase", Outcome::Success).number("tsmgate.count", number);
        written.add(at, &record);
    }
    let made = written.report();
    let report = json(&made);
    let counts = serde_json::json!([
        {"action": "moon-phase", "count": 30, "meaning": "not known to this version"},
        {"action": "records-lost", "count": 1, "meaning": "records could not be written"},
        {"action": "start", "count": 1, "meaning": "the gate was started"},
    ]);
    assert_eq!(report["event_counts"], counts);
    let events = report["events"].as_array().unwrap();
    assert_eq!(events.len(), 2 + 12);
    assert_eq!((&events[1]["about"], &events[1]["failed"]), (&"count 7".into(), &true.into()));
    assert_eq!((&events[2]["number"], &events[13]["number"]), (&21.into(), &32.into()));
    assert!(made.html().contains("version 9.9"));
}
