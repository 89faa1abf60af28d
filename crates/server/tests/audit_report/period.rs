//! How far back a report goes, and in which slots of time it counts.

use time::Duration;
use tsmgate_server::audit::record::{Outcome, Record};
use tsmgate_server::audit::report::Since;

use crate::{NOW, Written, before, granted, json, of, refused};

#[test]
fn a_length_of_time_is_read_in_one_form() {
    let before = |text: &str| text.parse::<Since>().map(|since| NOW - since.before(NOW));
    assert_eq!(before("12h"), Ok(Duration::hours(12)));
    assert_eq!(before("7d"), Ok(Duration::days(7)));
    assert_eq!(before("4w"), Ok(Duration::weeks(4)));
    for bad in [
        "",
        "7",
        "d",
        "0d",
        "-1d",
        "+1d",
        "1.5d",
        "7 d",
        "7m",
        "7D",
        "7dd",
        "99999999999d",
        "７d",
        "7é",
    ] {
        assert!(bad.parse::<Since>().is_err(), "{bad}");
    }
    // longer ago than time goes: everything
    let long: Since = "2147483647w".parse().unwrap();
    assert_eq!(long.before(NOW).unix_timestamp(), 0);
}

#[test]
fn a_record_of_the_first_moment_is_in_the_period_and_the_one_before_is_not() {
    let week = Duration::days(7);
    let mut written = Written::new();
    let about = of("jump01", "0A");
    for at in [
        before(week) - Duration::NANOSECOND,
        before(week),
        before(week) + Duration::NANOSECOND,
        NOW,
    ] {
        written.add(at, &granted(&about));
        written.add(at, &refused("gate_full", &Record::empty()));
        written.add(at, &Record::new("ban", Outcome::Success));
    }
    let report = json(&written.since(week));
    assert_eq!(report["records"]["read"], 12);
    assert_eq!(report["records"]["in_period"], 9);
    assert_eq!(report["totals"]["clients"]["granted"], 3);
    assert_eq!(report["totals"]["strangers_refused"], 3);
    assert_eq!(report["event_counts"][0]["count"], 3);
    assert_eq!(report["period"]["since"], "2026-11-15T12:00:00Z");
    assert_eq!(report["period"]["first"], "2026-11-15T12:00:00Z");
    assert_eq!(report["chain"]["state"], "whole");
    assert_eq!(json(&written.report())["totals"]["clients"]["granted"], 4);
}

#[test]
fn a_period_is_shown_whole_also_where_nothing_happened() {
    let mut written = Written::new();
    written.add(before(Duration::HOUR), &granted(&of("jump01", "0A")));
    let over_time = json(&written.since(Duration::days(7)))["over_time"].clone();
    assert_eq!(over_time["slot_seconds"], 3 * 3600);
    let slots = over_time["slots"].as_array().unwrap();
    assert_eq!((slots.len(), &slots[0]["from"]), (57, &"2026-11-15T12:00:00Z".into()));
    assert_eq!(slots[55]["clients"]["granted"], 1);
    let long = json(&written.since(Duration::days(9000)));
    assert!(long["over_time"]["slots"].as_array().unwrap().len() <= 60);
}

#[test]
fn slots_are_merged_and_lose_nothing_however_far_apart_the_times_are() {
    let mut written = Written::new();
    let about = of("jump01", "0A");
    for hour in 0..2000 {
        written.add(before(Duration::hours(hour)), &granted(&about));
    }
    let slots_of = |written: &Written| {
        let report = json(&written.report());
        let slots = report["over_time"]["slots"].as_array().unwrap().clone();
        let count = |slot: &serde_json::Value| slot["clients"]["granted"].as_u64().unwrap();
        (slots.len(), slots.iter().map(count).sum::<u64>())
    };
    assert_eq!(slots_of(&written), (12, 2000));
    // a clock that was wrong, and a time that nobody can have written
    written.add(NOW - Duration::days(365 * 56), &granted(&about));
    assert!(slots_of(&written).0 <= 60 && slots_of(&written).1 == 2001);
    written.forge(NOW, &granted(&about), "2026-11-22T12:00:00Z", "9999-12-31T23:59:59Z");
    written.forge(NOW, &granted(&about), "2026-11-22T12:00:00Z", "0000-01-01T00:00:00Z");
    assert!(slots_of(&written).0 <= 60 && slots_of(&written).1 == 2003);
}

#[test]
fn a_record_without_a_time_is_in_no_figure_and_that_is_said() {
    let mut written = Written::new();
    let about = of("jump01", "0A");
    written.add(NOW, &granted(&about));
    for time in ["", "yesterday", "2026-11-22", "2026-13-01T00:00:00Z"] {
        written.forge(NOW, &granted(&about), "2026-11-22T12:00:00Z", time);
    }
    let made = written.report();
    let report = json(&made);
    assert_eq!((&report["records"]["read"], &report["records"]["undated"]), (&5.into(), &4.into()));
    assert_eq!(report["totals"]["clients"]["granted"], 1);
    assert!(made.html().contains("4 records without a time that can be read"));
}
