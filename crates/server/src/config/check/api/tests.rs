//! What is an address of a controller, what is a fingerprint, and which of them belong together.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::{Path, PathBuf};

use super::{Api, ApiTrust, Origin, api, fingerprint, host_and_port};
use crate::config::raw::Raw;
use tsmgate_settings::fault;

#[test]
fn an_address_is_a_host_and_a_port_and_nothing_else() {
    for (text, host, port) in [
        ("https://localhost:8850", "localhost", 8850),
        ("https://tsm01.example.com:1", "tsm01.example.com", 1),
        ("https://127.0.0.1:65535", "127.0.0.1", 65535),
        ("https://[::1]:8850", "::1", 8850),
        ("https://[2001:db8::7]:443", "2001:db8::7", 443),
    ] {
        assert_eq!(host_and_port(text), Some((host.to_owned(), port)), "{text}");
    }
    for text in [
        "",
        "localhost:8850",
        "http://localhost:8850",
        "HTTPS://localhost:8850",
        "https://localhost",
        "https://localhost:",
        "https://localhost:0",
        "https://localhost:08850",
        "https://localhost:+8850",
        "https://localhost:65536",
        "https://localhost:8850/",
        "https://localhost:8850/api/0.5",
        "https://localhost:8850?a=b",
        "https://localhost:8850#top",
        "https://user@localhost:8850",
        "https://user:word@localhost:8850",
        "https://:8850",
        "https://::1:8850",
        "https://[::1]",
        "https://[::1:8850",
        "https://[localhost]:8850",
        "https://[127.0.0.1]:8850",
        "https://[fe80::1%eth0]:8850",
        "https://local host:8850",
        "https://local\u{7}host:8850",
        " https://localhost:8850",
        "https://localhost:8850 ",
    ] {
        assert_eq!(host_and_port(text), None, "{text}");
    }
}

#[test]
fn a_fingerprint_is_64_digits_with_or_without_colons() {
    let pairs = vec!["aB"; 32];
    for text in [pairs.concat(), pairs.join(":"), pairs.join(":").to_lowercase()] {
        assert_eq!(fingerprint(&text), Some([0xab; 32]), "{text}");
    }
    for text in [
        String::new(),
        "00".to_owned(),
        "aB".repeat(31),
        "aB".repeat(33),
        format!("{}g0", "aB".repeat(31)),
        pairs.join(" "),
        format!("sha256:{}", "aB".repeat(32)),
    ] {
        assert_eq!(fingerprint(&text), None, "{text}");
    }
}

fn checked(tsm: &str) -> Result<Option<Api>, String> {
    let path = Path::new("/etc/tsmgate/tsmgated.toml");
    let text = format!("[tsm]\n{tsm}");
    let raw: Raw = fault::parse(path, &text).unwrap();
    let origin = Origin { folder: "/etc/tsmgate".into(), files: vec![(path.to_owned(), text, 0)] };
    api(&raw.tsm, &origin).map_err(|fault| fault.to_string())
}

/// R63: exactly one of the two ways to check the certificate, or no controller at all
#[test]
fn a_controller_has_exactly_one_way_to_be_checked() {
    let address = "api = \"https://localhost:8850\"\n";
    let pin = format!("api_certificate_sha256 = \"{}\"\n", "AB".repeat(32));
    let authority = "api_authority = \"tsm-ca.pem\"\n";
    let with = |trust| Some(Api { host: "localhost".to_owned(), port: 8850, trust });
    assert_eq!(checked(""), Ok(None));
    assert_eq!(checked(&format!("{address}{pin}")), Ok(with(ApiTrust::Pin([0xab; 32]))));
    let file = PathBuf::from("/etc/tsmgate/tsm-ca.pem");
    assert_eq!(checked(&format!("{address}{authority}")), Ok(with(ApiTrust::Authority(file))));
    for (tsm, place, says) in [
        (address.to_owned(), "2:7", "`tsmgated trust-tsm` shows it"),
        (pin.clone(), "2:26", "says how `tsm.api` is checked, which is not set"),
        (authority.to_owned(), "2:17", "says how `tsm.api` is checked, which is not set"),
        (format!("{address}{pin}{authority}"), "4:17", "one of them decides, remove the other"),
        (format!("{pin}{authority}"), "3:17", "one of them decides, remove the other"),
        (format!("{address}api_certificate_sha256 = \"\"\n"), "3:26", "is not a SHA-256"),
        (format!("api = \"http://localhost:8850\"\n{pin}"), "2:7", "write it like https://"),
        (format!("api = \"\"\n{pin}"), "2:7", "write it like https://"),
    ] {
        let said = checked(&tsm).unwrap_err();
        assert!(said.contains(says) && said.contains(&format!(".toml:{place}: ")), "{tsm}{said}");
    }
}
