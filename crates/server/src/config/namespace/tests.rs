//! What is such a name, and what it holds.

use tsmgate_gate::policy::Leaf;

use super::{Namespace, hold};

fn leaf(uris: &[&str], dns: &[&str]) -> Leaf {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let (serial, uris, dns) = ("1".to_owned(), owned(uris), owned(dns));
    Leaf { serial, fingerprint: [0; 32], public_key: [0; 32], uris, dns, not_after: 0 }
}

#[test]
fn every_name_of_a_certificate_must_be_held() {
    let names = ["URI:spiffe://a.example/", "DNS:.corp.example"].map(|text| text.parse().unwrap());
    let cases: [(&[&str], &[&str], bool); 9] = [
        (&["spiffe://a.example/x"], &[], true),
        (&["spiffe://a.example.evil/x"], &[], false),
        (&["spiffe://b.example/x"], &[], false),
        (&["SPIFFE://a.example/x"], &[], false),
        (&["spiffe://a.example/x", "spiffe://b.example/x"], &[], false),
        (&["spiffe://a.example/x"], &["h.corp.example"], true),
        (&["spiffe://a.example/x"], &["h.other.example"], false),
        (&[], &["evilcorp.example"], false),
        (&[], &[], true),
    ];
    for (uris, dns, held) in cases {
        assert_eq!(hold(&names, &leaf(uris, dns)), held, "{uris:?} {dns:?}");
    }
}

#[test]
fn what_would_hold_everybody_is_refused() {
    for text in [
        "URI:spiffe://a.example",
        "URI:spiffe://",
        "URI:spiffe:///",
        "URI:/",
        "URI:",
        "DNS:corp.example",
        "DNS:.",
        "DNS:",
        "KEY:abc",
        "a.example",
        "",
        "URI:spiffe://a b/",
    ] {
        assert!(text.parse::<Namespace>().is_err(), "{text}");
    }
}
