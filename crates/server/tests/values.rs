//! The values of the configuration, good and bad.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use tsmgate_gate::policy::Identity;
use tsmgate_server::config::values::{WrittenId, key_hash, serial};
use tsmgate_server::identify::normal_serial;
use tsmgate_settings::values::{Size, Time};

/// R55: a length of time has a number and a unit, is more than nothing and at most a week
#[test]
fn lengths_of_time() {
    for (text, millis) in [
        ("1ms", 1),
        ("250ms", 250),
        ("5s", 5_000),
        ("015m", 900_000),
        ("1h", 3_600_000),
        ("168h", 604_800_000),
    ] {
        assert_eq!(text.parse(), Ok(Time(Duration::from_millis(millis))), "{text}");
    }
    for text in [
        "",
        "5",
        "s",
        "5 s",
        " 5s",
        "5s ",
        "-5s",
        "+5s",
        "5.5s",
        "5S",
        "5min",
        "5d",
        "1h30m",
        "0s",
        "0ms",
        "169h",
        "18446744073709551615h",
        "99999999999999999999s",
        "٥s",
    ] {
        assert!(text.parse::<Time>().is_err(), "{text}");
    }
}

/// R55: a size has a number and at most a unit of 1024, and fits
#[test]
fn sizes() {
    for (text, bytes) in
        [("0", 0), ("512", 512), ("16KiB", 16_384), ("1MiB", 1_048_576), ("2GiB", 2_147_483_648)]
    {
        assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
    }
    for text in ["", "KiB", "16KB", "16kib", "16 KiB", "1.5MiB", "-1", "18446744073709551615KiB"] {
        assert!(text.parse::<Size>().is_err(), "{text}");
    }
}

/// R6: an identity is written with its kind; patterns, blanks and control bytes are none
#[test]
fn identities() {
    let hash = [0xfb; 32];
    let key = data_encoding::BASE64.encode(&hash);
    for (text, identity) in [
        ("URI:tsmgate://client/a", Identity::Uri("tsmgate://client/a".into())),
        ("URI:*", Identity::Uri("*".into())),
        ("DNS:a.example", Identity::Dns("a.example".into())),
        ("DNS:A.Example", Identity::Dns("A.Example".into())),
        (format!("KEY:{key}").as_str(), Identity::PublicKey(hash)),
    ] {
        assert_eq!(text.parse(), Ok(WrittenId(identity)), "{text}");
    }
    let short = format!("KEY:{}", data_encoding::BASE64.encode(&[1; 31]));
    for text in [
        "",
        "a",
        "URI:",
        "DNS:",
        "KEY:",
        "uri:a",
        "CN:a",
        "URI: a",
        "URI:a b",
        "URI:a\n",
        "URI:a\0",
        "URI:é",
        "DNS:*.example",
        "KEY:xyz",
        &short,
        "spiffe://a/b",
    ] {
        assert!(text.parse::<WrittenId>().is_err(), "{text:?}");
    }
    assert_eq!(key_hash(&key), Ok(hash));
    assert!(key_hash(&key.replace('+', "-")).is_err(), "not the alphabet for URLs");
}

/// R50: a serial number has one spelling, however it is written
#[test]
fn serial_numbers() {
    for (text, normal) in [
        ("0", "0"),
        ("00", "0"),
        ("0A", "a"),
        ("00:0a:FF", "aff"),
        ("deadBEEF", "deadbeef"),
        ("10", "10"),
    ] {
        assert_eq!(serial(text).as_deref(), Ok(normal), "{text}");
        assert_eq!(normal_serial(normal), normal);
    }
    for text in ["", ":", "0x1", "g", "1 2", "-1", "é"] {
        assert!(serial(text).is_err(), "{text}");
    }
}
