//! Who is new, which certificates end, which calls have no end.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use tsmgate_server::audit::record::{Outcome, Record};

use crate::{NOW, Written, before, connection, granted, json, of};

fn days(count: i64) -> Duration {
    Duration::days(count)
}

fn ending(about: &Record, ends: OffsetDateTime) -> Record {
    connection(about).text("tls.client.x509.not_after", &ends.format(&Rfc3339).unwrap())
}

#[test]
fn who_was_there_before_the_period_is_not_new() {
    let mut written = Written::new();
    written.add(before(days(20)), &connection(&of("old", "01")));
    written.add(before(days(9)), &connection(&of("gone", "02")));
    written.add(before(days(3)), &connection(&of("old", "01")));
    written.add(before(days(2)), &connection(&of("old", "03")));
    written.add(before(days(1)), &granted(&of("new", "04")));
    written.add(before(days(0)), &granted(&of("new", "04")));
    // nobody's certificate is no caller's
    let stranger = Record::empty().text("tls.client.x509.serial_number", "05");
    written.add(NOW, &Record::new("refused", Outcome::Failure).append(&stranger));
    let seen = |report: serde_json::Value| {
        let rows = report["first_seen"].as_array().unwrap().clone();
        let name = |row: &serde_json::Value| {
            format!("{} {}", row["client"].as_str().unwrap(), row["serial"].as_str().unwrap())
        };
        rows.iter().map(name).collect::<Vec<_>>()
    };
    let report = json(&written.since(days(7)));
    assert_eq!(report["first_seen"][0]["at"], "2026-11-21T12:00:00Z");
    assert_eq!(report["first_seen"][0]["network"], "10.20.1.0/24");
    assert_eq!(seen(report), ["new 04", "old 03"]);
    assert_eq!(seen(json(&written.report())), ["new 04", "old 03", "gone 02", "old 01"]);
}

#[test]
fn of_each_client_the_certificate_that_ends_first_and_is_in_use() {
    let mut written = Written::new();
    // renewed: the old one is not used any more, and does not count
    written.add(before(days(6)), &ending(&of("renewed", "01"), NOW + days(1)));
    written.add(before(days(5)), &ending(&of("renewed", "02"), NOW + days(80)));
    // two that are used in turn: the one that ends first
    for ago in [4, 3] {
        written.add(before(days(ago)), &ending(&of("both", "03"), NOW + days(10)));
        written.add(before(days(ago)), &ending(&of("both", "04"), NOW + days(50)));
    }
    written.add(before(days(2)), &ending(&of("ended", "05"), NOW - days(1)));
    written.add(before(days(1)), &connection(&of("unsaid", "06")));
    written.add(
        before(days(1)),
        &connection(&of("odd", "07")).text("tls.client.x509.not_after", "soon"),
    );
    written.add(before(days(1)), &granted(&of("both", "03")));
    let made = written.since(days(7));
    let rows: Vec<_> = made.figures.certificates.iter().collect();
    let told: Vec<_> =
        rows.iter().map(|row| (row.client.as_str(), row.serial.as_str(), row.days_left)).collect();
    let expected = [
        ("ended", "05", Some(-1)),
        ("both", "03", Some(10)),
        ("renewed", "02", Some(80)),
        ("odd", "07", None),
        ("unsaid", "06", None),
    ];
    assert_eq!(told, expected);
    let page = made.html();
    for words in [">ENDED<", ">10 days, SOON<", ">80 days<", ">not recorded<"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains("<dt>certificates ending within 30 days</dt><dd>2</dd>"));
    // who was not seen in the period is not in the list
    assert_eq!(written.since(Duration::hours(30)).figures.certificates.len(), 3);
}

#[test]
fn calls_without_an_end_are_told() {
    let mut written = Written::new();
    let about = of("jump01", "0A");
    let intent =
        Record::new("login", Outcome::Unknown).text("tsmgate.phase", "intent").append(&about);
    for _ in 0..3 {
        written.add(NOW, &intent);
    }
    written.add(NOW, &granted(&about));
    let made = written.report();
    assert_eq!((made.figures.totals.intents, made.figures.totals.without_outcome), (3, 2));
    assert!(made.html().contains("2 of 3 calls passed on to TSM have no end on file"));
}
