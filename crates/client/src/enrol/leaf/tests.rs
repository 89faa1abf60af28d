//! When the next certificate is due, and when it is late.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use rcgen::{CertificateParams, KeyPair, SerialNumber};
use time::macros::datetime;

use super::*;

const BEGINS: OffsetDateTime = datetime!(2026-11-01 00:00:00 UTC);

/// A certificate with this life and the end of this serial number.
fn leaf(ends: OffsetDateTime, serial: [u8; 2]) -> Leaf {
    let mut params = CertificateParams::default();
    params.not_before = BEGINS - BACKDATED;
    params.not_after = ends;
    let serial: Vec<u8> = [1; 14].into_iter().chain(serial).collect();
    params.serial_number = Some(SerialNumber::from(serial));
    let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    Leaf::read(pem.as_bytes()).unwrap()
}

#[test]
fn the_next_one_is_due_after_two_thirds_and_at_most_a_twentieth_later() {
    let thirty_days = BEGINS + Duration::days(30);
    assert_eq!(leaf(thirty_days, [0, 0]).due(), BEGINS + Duration::days(20));
    assert_eq!(leaf(thirty_days, [0x80, 0]).due(), BEGINS + Duration::hours(20 * 24 + 18));
    let last = leaf(thirty_days, [0xff, 0xff]).due();
    assert!(last < BEGINS + Duration::hours(21 * 24 + 12), "{last}");
    assert!(last > BEGINS + Duration::hours(21 * 24 + 11), "{last}");
}

#[test]
fn a_life_of_seconds_counts_from_where_it_really_began() {
    let leaf = leaf(BEGINS + Duration::seconds(30), [0, 0]);
    assert_eq!(leaf.due(), BEGINS + Duration::seconds(20));
    assert!(!leaf.is_late(BEGINS + Duration::seconds(22)));
    assert!(leaf.is_late(BEGINS + Duration::seconds(23)));
}

#[test]
fn a_life_that_is_shorter_than_what_it_was_set_back_by_is_due_at_its_end() {
    let ends = BEGINS - Duration::seconds(30);
    assert_eq!(leaf(ends, [0xff, 0xff]).due(), ends);
}

#[test]
fn what_is_no_certificate_is_none() {
    assert!(Leaf::read(b"").is_none());
    assert!(
        Leaf::read(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_none()
    );
}
