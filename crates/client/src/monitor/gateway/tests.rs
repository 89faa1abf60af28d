//! URLs, as they are taken and as they are shown.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use super::*;

#[test]
fn a_url_without_a_path_is_that_of_the_document() {
    for (text, name, path) in [
        ("http://tableau", "http://tableau:80", PATH),
        ("http://tableau/", "http://tableau:80", PATH),
        ("https://tableau.example.com:8443", "https://tableau.example.com:8443", PATH),
        ("https://[::1]", "https://[::1]:443", PATH),
        (
            "http://t/trusted/abc/admin/systeminfo.xml",
            "http://t:80",
            "/trusted/abc/admin/systeminfo.xml",
        ),
    ] {
        let gateway = Gateway { url: text.parse().unwrap(), authority: None };
        assert_eq!((&*gateway.name(), &*gateway.url.path), (name, path), "{text}");
    }
}

#[test]
fn other_urls_are_refused_and_not_repeated() {
    for text in [
        "tableau",
        "ftp://tableau",
        "HTTP://tableau",
        "http://",
        "http://me:secret@tableau",
        "http://tableau:0",
        "http://tableau:80:80",
        "http://tableau/a b",
        "http://tableau/a#b",
        "http://tableau/\r\nx: y",
        "http://tableau?x=/",
    ] {
        let refused = text.parse::<GatewayUrl>().unwrap_err();
        assert_eq!(refused, GatewayFailure::BadUrl, "{text}");
        assert!(!refused.to_string().contains("secret"));
    }
}

#[test]
fn the_path_is_not_shown() {
    let url: GatewayUrl = "http://t/trusted/TICKET/admin/systeminfo.xml".parse().unwrap();
    let gateway = Gateway { url, authority: None };
    let shown = format!("{gateway:?}");
    assert!(shown.contains("address") && !shown.contains("TICKET"), "{shown}");
}
