//! What the list covers.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use super::{Served, serves};

fn list(written: &[&str]) -> Vec<Served> {
    written.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn absence_means_no() {
    assert!(!serves(&[], "security.external-ssl.list"));
}

#[test]
fn a_name_is_that_name_alone() {
    let list = list(&["security.external-ssl.list"]);
    assert!(serves(&list, "security.external-ssl.list"));
    for other in ["security.external-ssl", "security.external-ssl.list.all", "security", ""] {
        assert!(!serves(&list, other), "{other}");
    }
}

#[test]
fn a_prefix_ends_at_a_dot() {
    let list = list(&["security.external-ssl.*"]);
    assert!(serves(&list, "security.external-ssl.enable"));
    for other in [
        "security.external-ssl",
        "security.external-ssl.",
        "security.external-sslx.enable",
        "security.kms.status",
    ] {
        assert!(!serves(&list, other), "{other}");
    }
}

#[test]
fn what_is_no_permission_is_refused() {
    for text in ["", "*", ".*", "security*", "security.*.list", "a..b", "Security.list", "a b"] {
        assert!(text.parse::<Served>().is_err(), "{text}");
    }
}
