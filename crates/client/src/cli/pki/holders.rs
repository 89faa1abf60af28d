//! Who holds what: beside a certificate what its holder was granted, and when the gate last saw it.
//!
//! The gate's audit says that, one JSON line a record. It is read line by line and no line is kept; one that
//! cannot be read says nothing.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tsmgate_pki::enrolment::{Grants, Service};
use tsmgate_pki::{ClientName, Entry, Kind, PkiError};
use tsmgate_text::escape;

/// Where the gate's audit is unless it is said.
const AUDIT: &str = "/var/log/tsmgate/audit.jsonl";
/// The longest line that is looked at, in bytes; the gate's are shorter.
const LINE_MOST: u64 = 64 * 1024;

/// What is known of holders, by their names.
#[derive(Debug, Default)]
pub(super) struct Holders {
    grants: HashMap<String, Grants>,
    seen: HashMap<String, String>,
}

/// Of a record what is asked here.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "@timestamp")]
    at: String,
    #[serde(rename = "event.action")]
    action: String,
    #[serde(rename = "client.user.name")]
    name: Option<String>,
}

/// The gate's audit: what was named, or where it usually is and can be read. Opened before we become the user
/// of the authority's folder, who may not read it.
pub(super) fn audit(named: Option<PathBuf>) -> Result<Option<File>, PkiError> {
    let path = named.clone().unwrap_or_else(|| AUDIT.into());
    match (File::open(&path), named) {
        (Ok(file), _) => Ok(Some(file)),
        (Err(error), Some(_)) => Err(PkiError::File { doing: "read", path, kind: error.kind() }),
        (Err(_), None) => Ok(None),
    }
}

impl Holders {
    /// Of the certificates in `entries`, of the authority in `dir`, as far as `audit` goes back.
    pub(super) fn of(
        dir: &Path,
        entries: &[Entry],
        audit: Option<File>,
    ) -> Result<Holders, PkiError> {
        let clients = entries.iter().filter(|entry| entry.kind == Kind::Client);
        let names: Vec<&String> = clients.filter_map(|entry| entry.names.first()).collect();
        let mut holders = Holders::default();
        if let Some(service) = Service::read(dir)? {
            let published = service.published();
            for name in &names {
                // one that somebody broke is the gate's to complain of
                let parsed = name.parse::<ClientName>().ok();
                let grants = parsed.and_then(|name| published.grants(&name).ok().flatten());
                holders.grants.extend(grants.map(|grants| ((*name).clone(), grants)));
            }
        }
        if let Some(audit) = audit {
            holders.read(audit, |name| names.iter().any(|known| *known == name));
        }
        Ok(holders)
    }

    fn read(&mut self, audit: impl Read, known: impl Fn(&str) -> bool) {
        let mut audit = BufReader::new(audit);
        let mut line = Vec::new();
        loop {
            line.clear();
            match (&mut audit).take(LINE_MOST).read_until(b'\n', &mut line) {
                Ok(1..) => {}
                _ => return,
            }
            let Ok(line) = serde_json::from_slice::<Line>(&line) else { continue };
            let name = line.name.filter(|name| line.action == "connection" && known(name));
            self.seen.extend(name.map(|name| (name, escape(&line.at))));
        }
    }

    /// What the holder of a certificate was granted.
    pub(super) fn grants(&self, entry: &Entry) -> Option<&Grants> {
        self.grants.get(entry.names.first()?).filter(|_| entry.kind == Kind::Client)
    }

    /// When the gate last saw its holder, RFC 3339.
    pub(super) fn seen(&self, entry: &Entry) -> Option<&str> {
        let name = entry.names.first().filter(|_| entry.kind == Kind::Client)?;
        self.seen.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    //! The last record of a name counts, and what is no record says nothing.
    use super::*;

    #[test]
    fn the_last_connection_of_a_known_name_is_when_it_was_seen() {
        let long = "x".repeat(200_000);
        let line = |at: &str, action: &str, name: &str| {
            format!(
                r#"{{"@timestamp":"{at}","event.action":"{action}","client.user.name":"{name}"}}"#
            )
        };
        let audit = [
            line("2026-01-01T00:00:00Z", "connection", "jump01"),
            line("2026-01-02T00:00:00Z", "connection", "jump01"),
            line("2026-01-03T00:00:00Z", "refused", "jump01"),
            line("2026-01-03T00:00:00Z", "connection", "other"),
            long,
            "{\"event.action\":".to_owned(),
        ];
        let mut holders = Holders::default();
        holders.read(audit.join("\n").as_bytes(), |name| name == "jump01");
        let seen = HashMap::from([("jump01".to_owned(), "2026-01-02T00:00:00Z".to_owned())]);
        assert_eq!(holders.seen, seen);
    }
}
