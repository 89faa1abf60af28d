//! The text format: base units, one series once, labels escaped. promtool looks at it in the tests of the
//! programs.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::time::UNIX_EPOCH;

use super::*;

fn written(points: Vec<Point>) -> String {
    write(&Batch { at: UNIX_EPOCH, points })
}

#[test]
fn numbers_are_gauges_in_base_units_and_texts_are_labels() {
    let point = Point::new("tableau_gate").tag("gate", "a \"b\"\\").number("status_code", -1);
    let point =
        point.text("status", "so\nso").number("elapsed", 1_500).number("certificate_days_left", -2);
    assert_eq!(
        written(vec![point]),
        "# HELP tableau_gate_certificate_left_seconds Until our certificate ends.\n\
         # TYPE tableau_gate_certificate_left_seconds gauge\n\
         tableau_gate_certificate_left_seconds{gate=\"a \\\"b\\\"\\\\\"} -172800\n\
         # HELP tableau_gate_elapsed_seconds How long the answer took.\n\
         # TYPE tableau_gate_elapsed_seconds gauge\n\
         tableau_gate_elapsed_seconds{gate=\"a \\\"b\\\"\\\\\"} 0.0015\n\
         # HELP tableau_gate_info What it says of itself.\n\
         # TYPE tableau_gate_info gauge\n\
         tableau_gate_info{gate=\"a \\\"b\\\"\\\\\",status=\"so\\\\u{a}so\"} 1\n\
         # HELP tableau_gate_status_code 0 well, 1 busy or passive, 2 not well, -1 disabled, 3 not known.\n\
         # TYPE tableau_gate_status_code gauge\n\
         tableau_gate_status_code{gate=\"a \\\"b\\\"\\\\\"} -1\n"
    );
}

#[test]
fn a_thing_that_is_named_twice_is_written_once() {
    let point =
        |code| Point::new("tableau_systeminfo").tag("worker", "a:1").number("status_code", code);
    let text =
        written(vec![point(0), point(2), Point::new("tableau_gate").number("status_code", 0)]);
    let series: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        series,
        ["tableau_gate_status_code 0", "tableau_systeminfo_status_code{worker=\"a:1\"} 0"]
    );
}

#[test]
fn decimals_are_exact() {
    for (billionths, text) in
        [(0, "0"), (ONE, "1"), (-ONE, "-1"), (1, "0.000000001"), (-1_500_000_000, "-1.5")]
    {
        assert_eq!(decimal(billionths), text);
    }
    assert_eq!(decimal(i128::from(i64::MAX) * ONE / 1_000), "9223372036854775.807");
}
