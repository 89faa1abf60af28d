//! Every known word, said as `tsm status` says it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use super::*;

#[test]
fn known_statuses_have_the_phrases_of_tsm_status() {
    let table = [
        ("vizportal", "Active", Some("is running")),
        ("vizportal", "Passive", Some("is running")),
        ("pgsql", "Active", Some("is running (Active Repository)")),
        ("pgsql", "PASSIVE", Some("is running (Passive Repository)")),
        ("pgsql", "Busy", Some("is running")),
        ("gateway", "Down", Some("is stopped")),
        ("gateway", "STATUS_UNAVAILABLE", Some("status is unavailable")),
        ("gateway", "Error", Some("is in an error state")),
        ("gateway", "Degraded", Some("is in a degraded state")),
        ("filestore", "ActiveSyncing", Some("is synchronizing")),
        ("filestore", "DecomisioningReadOnly", Some("is decommissioning")),
        ("filestore", "DecommissioningReadOnly", Some("is decommissioning")),
        ("filestore", "DecommissionFailedReadOnly", None),
        ("filestore", "ReadOnly", None),
        ("gateway", "Unlicensed", None),
        ("gateway", "", None),
        ("gateway", "dec\u{202e}", None),
    ];
    for (service, status, phrase) in table {
        assert_eq!(service_phrase(service, status), phrase, "{service} {status}");
    }
}

#[test]
fn nodes_have_the_four_words_and_others_their_own() {
    let words = [
        ("Running", "RUNNING"),
        ("Active", "RUNNING"),
        ("Busy", "RUNNING"),
        ("Stopped", "STOPPED"),
        ("Disabled", "STOPPED"),
        ("Degraded", "DEGRADED"),
        ("Error", "ERROR"),
        ("Unlicensed", "UNLICENSED"),
        ("Down", "DOWN"),
    ];
    for (rollup, word) in words {
        assert_eq!(node_word(Some(rollup)), word);
    }
    assert_eq!(node_word(None), "UNKNOWN");
}

#[test]
fn services_have_the_names_that_scripts_look_for() {
    assert_eq!(service_name("tabadmincontroller"), Some("Administration Controller"));
    assert_eq!(service_name("pgsql"), Some("Repository"));
    assert_eq!(service_name("filestore"), Some("File Store"));
    assert_eq!(service_name("pgsql2"), None);
}
