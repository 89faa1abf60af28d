//! What is a life and an address, and what is none.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;

#[test]
fn lives_are_of_a_second_to_a_year() {
    for (text, seconds) in
        [("1s", 1), ("20s", 20), ("90m", 5400), ("24h", 86_400), ("365d", 31_536_000)]
    {
        assert_eq!(text.parse(), Ok(Life(Duration::seconds(seconds))), "{text}");
    }
    for text in ["", "d", "0s", "366d", "1", "1w", "1.5h", "-1h", "+1h", "1 h", "9999999999999999d"]
    {
        assert!(text.parse::<Life>().is_err(), "{text}");
    }
}

#[test]
fn an_address_is_a_host_and_a_port() {
    for text in ["tsm.example.com:18850", "10.0.0.1:1", "[2001:db8::1]:18850"] {
        assert_eq!(text.parse(), Ok(HostAndPort(text.to_owned())));
    }
    for text in [
        "",
        "host",
        ":1",
        "host:",
        "host:0",
        "host:+1",
        "host:01",
        "host:65536",
        "a b:1",
        "2001:db8::1:18850",
        "[host]:1",
        "x@y:1",
    ] {
        assert!(text.parse::<HostAndPort>().is_err(), "{text}");
    }
}
