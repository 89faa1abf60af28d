//! Where the installed lists and the configuration say different things, each a sentence with file and
//! line. Dropped packets are the dangerous side: the gate never hears of them, and no log has a trace.

use std::path::PathBuf;

use tsmgate_text::escape;

use super::installed::{Entry, FOLDERS, Lists};
use super::prefix::{Prefix, dropped};
use super::{Peers, Unit};

/// More are summed up in one.
const LINES_LIMIT: usize = 20;

/// The lists that are installed on this host against the configuration.
pub fn here(peers: &Peers<'_>) -> Vec<String> {
    disagreements(peers, &FOLDERS.map(PathBuf::from))
}

/// The lists in these folders, the one that counts most first, against the configuration. Empty where
/// they agree, or where nothing is installed.
pub fn disagreements(peers: &Peers<'_>, folders: &[PathBuf]) -> Vec<String> {
    let lists = Unit::ALL.map(|unit| (unit, Lists::of(unit, folders)));
    let mut lines = Vec::new();
    for (unit, lists) in &lists {
        unread(&mut lines, *unit, lists);
        too_little(&mut lines, *unit, lists, peers);
        too_much(&mut lines, *unit, lists, peers);
    }
    one_alone(&mut lines, &lists);
    let more = lines.len().saturating_sub(LINES_LIMIT);
    if more > 0 {
        lines.truncate(LINES_LIMIT);
        lines.push(format!("address lists of systemd: and {more} more disagreements"));
    }
    lines
}

fn place(entry: &Entry) -> String {
    format!("{}:{}", escape(entry.file.as_os_str().as_encoded_bytes()), entry.line)
}

fn prefixes(entries: &[Entry]) -> Vec<Prefix> {
    entries.iter().flat_map(|entry| entry.networks.iter().copied()).collect()
}

fn wanted(peers: &Peers<'_>) -> Vec<Prefix> {
    let networks = peers.networks();
    networks.iter().flat_map(|network| Prefix::of_word(&network.to_string())).collect()
}

fn unread(lines: &mut Vec<String>, unit: Unit, lists: &Lists) {
    for file in &lists.unread {
        let file = escape(file.as_os_str().as_encoded_bytes());
        lines.push(format!("{file}: not read (in full): address lists of {} unknown", unit.name()));
    }
    for entry in lists.allow.iter().chain(&lists.deny).filter(|entry| entry.networks.is_empty()) {
        let (place, word) = (place(entry), escape(&entry.word));
        lines.push(format!("{place}: `{word}` is no address or network: systemd leaves it out"));
    }
}

/// Whose packets are dropped although they are listed.
fn too_little(lines: &mut Vec<String>, unit: Unit, lists: &Lists, peers: &Peers<'_>) {
    let (allow, deny) = (prefixes(&lists.allow), prefixes(&lists.deny));
    let mut complain = |network: Prefix, whose: &str| {
        let Some(part) = dropped(network, &allow, &deny) else { return };
        let by = lists
            .deny
            .iter()
            .find(|entry| entry.networks.iter().any(|denied| denied.covers(&part)));
        let place = by.map(place).unwrap_or_default();
        let part = match part == network {
            true => String::new(),
            false => format!(" (at least of {part})"),
        };
        lines.push(format!(
            "{place}: {} drops the packets of {network}{part}, {whose}, on {}, without a trace in any \
             log; try: tsmgated print-ip-dropin --write",
            unit.name(),
            about(unit)
        ));
    };
    for network in wanted(peers) {
        complain(network, "which the configuration lists");
    }
    if unit == Unit::Service && peers.metrics_on_loopback {
        for network in Prefix::of_word("localhost").into_iter().take(1) {
            complain(network, "from where metrics.listen is asked");
        }
    }
    if unit == Unit::Service {
        for word in peers.controller.words() {
            for network in Prefix::of_word(&word).into_iter().take(1) {
                complain(network, "where tsm.api is");
            }
        }
    }
}

/// What passes although nobody lists it: only where there is a filter at all.
fn too_much(lines: &mut Vec<String>, unit: Unit, lists: &Lists, peers: &Peers<'_>) {
    if lists.deny.iter().all(|entry| entry.networks.is_empty()) {
        return;
    }
    let harmless = "which the configuration does not list: harmless, the gate itself refuses it";
    let mut listed = wanted(peers);
    if unit == Unit::Service {
        // what tsmgated does on loopback is its own
        listed.extend(Prefix::of_word("localhost"));
        listed.extend(peers.controller.words().iter().flat_map(|word| Prefix::of_word(word)));
    }
    let everything = Prefix::of_word("any");
    for entry in &lists.allow {
        // the part that nobody lists is what a filter of the listed networks alone would drop
        let beyond =
            entry.networks.iter().find_map(|&network| dropped(network, &listed, &everything));
        if let Some(part) = beyond {
            let (place, word) = (place(entry), escape(&entry.word));
            let part = match part.to_string() == word {
                true => String::new(),
                false => format!(" (at least of {part})"),
            };
            lines.push(format!("{place}: {} lets {word}{part} through, {harmless}", unit.name()));
        }
    }
    let mut covered = prefixes(&lists.deny);
    covered.extend(prefixes(&lists.allow));
    covered.extend(listed);
    let open = everything.into_iter().find_map(|family| dropped(family, &covered, &[family]));
    if let (Some(part), Some(entry)) = (open, lists.deny.first()) {
        lines.push(format!(
            "{}: {} denies less than `any`, so that {part} passes, {harmless}",
            place(entry),
            unit.name()
        ));
    }
}

/// The sockets that a unit's list is about.
fn about(unit: Unit) -> &'static str {
    match unit {
        Unit::Socket => "the socket that systemd passes in",
        Unit::Service => "the sockets that tsmgated opens itself",
    }
}

/// A list in one unit of two.
fn one_alone(lines: &mut Vec<String>, lists: &[(Unit, Lists); 2]) {
    let [(socket, of_socket), (service, of_service)] = lists;
    // where one unit is not installed there is nothing that its list could be about
    if !of_socket.present || !of_service.present {
        return;
    }
    let (with, first, without) = match (of_socket.deny.first(), of_service.deny.first()) {
        (None, Some(first)) => (service, first, socket),
        (Some(first), None) => (socket, first, service),
        _ => return,
    };
    lines.push(format!(
        "{}: only {} has an address list, and it does not cover {}; {} needs it too",
        place(first),
        with.name(),
        about(*without),
        without.name()
    ));
}
