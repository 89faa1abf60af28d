//! What the three sentences decide, and what they do not.

use super::*;

fn changes(lines: &[&str]) -> Option<bool> {
    let mut pending = Pending::default();
    lines.iter().for_each(|line| pending.take(line));
    pending.changes()
}

#[test]
fn only_known_sentences_decide() {
    assert_eq!(changes(&[NO_CONFIGURATION, NO_TOPOLOGY]), Some(false));
    assert_eq!(changes(&["ssl.enabled: true", NO_TOPOLOGY, RESTART]), Some(true));
    assert_eq!(changes(&["  These changes will require a server restart.\t"]), Some(true));
    for unknown in [
        &[][..],
        &["ssl.enabled: true", NO_TOPOLOGY],
        &[NO_CONFIGURATION],
        &["Es gibt keine ausstehenden Änderungen."],
        // they contradict each other
        &[NO_CONFIGURATION, NO_TOPOLOGY, RESTART],
        &["x There are no pending configuration changes.", NO_TOPOLOGY],
    ] {
        assert_eq!(changes(unknown), None, "{unknown:?}");
    }
}
