//! Serial numbers: spelling, randomness, order.

use std::collections::HashSet;

use super::*;

/// R49: serial numbers are random, positive and longer than 64 bits
#[test]
fn new_serials_are_random_and_positive() {
    let serials: HashSet<String> =
        (0..1000).map(|_| Serial::random().unwrap().to_string()).collect();
    assert_eq!(serials.len(), 1000);
    for serial in serials {
        assert_eq!(serial.len(), 32);
        assert!(matches!(serial.as_bytes()[0], b'4'..=b'7'), "{serial}");
    }
}

/// R50: a serial number may be written as people find it
#[test]
fn serials_are_read_as_people_write_them() {
    for text in ["0a1b2c", "0A:1B:2C", "a1b2c", "000a1b2c", "00:0a:1b:2c"] {
        assert_eq!(text.parse::<Serial>().unwrap().as_str(), "0a1b2c", "{text}");
    }
    assert_eq!("00".parse::<Serial>().unwrap().as_str(), "00");
    for text in ["", ":", "xyz", "0x12", "12 34", "-1", &"ab".repeat(22)] {
        assert!(matches!(text.parse::<Serial>(), Err(PkiError::BadSerial(_))), "{text}");
    }
}
