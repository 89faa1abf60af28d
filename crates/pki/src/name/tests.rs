//! Which names are taken, and which are refused.

use super::*;

/// R49: names of [a-z0-9.-]{1,64} only, and nothing that plays tricks with paths
#[test]
fn client_names_are_harmless_or_refused() {
    let longest = "a".repeat(64);
    for good in ["a", "7", "jump01", "jump-01.example.com", "a..b", "x-", longest.as_str()] {
        assert_eq!(good.parse::<ClientName>().map(|name| name.to_string()), Ok(good.to_owned()));
    }
    let too_long = "a".repeat(65);
    let bad = [
        "",
        ".",
        "..",
        ".a",
        "-a",
        "--force",
        "A",
        "jump 01",
        "a/b",
        "../a",
        "a\0b",
        "a\nb",
        "é",
        "a_b",
        "a:b",
        "a%2fb",
        "a\u{202e}b",
        too_long.as_str(),
    ];
    for name in bad {
        assert!(matches!(name.parse::<ClientName>(), Err(PkiError::BadClientName(_))), "{name:?}");
    }
}

#[test]
fn a_refused_name_is_escaped_in_its_error() {
    let error = "a\u{1b}[31m\u{202e}".parse::<ClientName>().unwrap_err();
    assert_eq!(error, PkiError::BadClientName("a\\u{1b}[31m\\u{202e}".into()));
}

#[test]
fn server_names_are_dns_names_or_addresses() {
    for (text, shown) in [
        ("localhost", "localhost"),
        ("TSM.Example.COM", "tsm.example.com"),
        ("192.0.2.7", "192.0.2.7"),
        ("::1", "::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ] {
        assert_eq!(text.parse::<ServerName>().map(|name| name.to_string()), Ok(shown.to_owned()));
    }
    let long_label = "a".repeat(64);
    let long_name = format!("{}a", "abcdefg.".repeat(32));
    let bad = [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "*.example.com",
        "-a",
        "a-",
        "a_b",
        "a b",
        "10.0.0.300",
        "1",
        "a/b",
        "bücher.example",
        "a\0b",
        &long_label,
        &long_name,
    ];
    for name in bad {
        assert!(matches!(name.parse::<ServerName>(), Err(PkiError::BadServerName(_))), "{name:?}");
    }
}

#[test]
fn an_ipv6_address_makes_a_plain_file_name() {
    assert_eq!("::1".parse::<ServerName>().unwrap().file_stem(), "ipv6-0-0-0-0-0-0-0-1");
}
