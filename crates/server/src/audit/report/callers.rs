//! Who called with which certificate, since when, and which of the certificates run out.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::figures::{Certificate, FirstSeen, Moment};
use super::line::Line;

/// Callers told apart; of more, the records are counted.
const MOST: usize = 4096;

/// Callers by client name and serial number, also those from before the period: who was there then is
/// not new.
#[derive(Debug, Default)]
pub(super) struct Callers {
    rows: BTreeMap<(String, String), Caller>,
    /// Records of callers that there was no row for.
    pub(super) beyond: u64,
}

#[derive(Debug)]
struct Caller {
    first: OffsetDateTime,
    last: OffsetDateTime,
    network: String,
    ends: Option<OffsetDateTime>,
}

impl Callers {
    /// Takes a line's caller, if it says both who it is and with which certificate.
    pub(super) fn see(&mut self, line: &Line, at: OffsetDateTime) {
        let serial = line.text("tls.client.x509.serial_number");
        let Some(key) = line.text("client.user.name").zip(serial) else { return };
        if self.rows.len() >= MOST && !self.rows.contains_key(&key) {
            self.beyond = self.beyond.saturating_add(1);
            return;
        }
        let caller = self.rows.entry(key).or_insert_with(|| Caller {
            first: at,
            last: at,
            network: line.network(),
            ends: None,
        });
        caller.first = caller.first.min(at);
        caller.last = caller.last.max(at);
        if let Some(ends) = line.time("tls.client.x509.not_after") {
            caller.ends = Some(ends);
        }
    }

    /// Those who were not there before the period, the latest first.
    pub(super) fn first_seen(&self, since: Option<OffsetDateTime>) -> Vec<FirstSeen> {
        let within = self.rows.iter().filter(|(_, c)| since.is_none_or(|since| c.first >= since));
        let row = |((client, serial), caller): (&(String, String), &Caller)| FirstSeen {
            client: client.clone(),
            serial: serial.clone(),
            at: Moment(caller.first),
            network: caller.network.clone(),
        };
        let mut rows: Vec<_> = within.map(row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.at.0));
        rows
    }

    /// For each client seen in the period the certificate that ends first of those it still uses: one
    /// that it has replaced since does not count. What is not recorded comes last.
    pub(super) fn certificates(
        &self,
        since: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Vec<Certificate> {
        let mut soonest: BTreeMap<&str, Certificate> = BTreeMap::new();
        // in the order of names, so that those of one client are next to each other
        let rows: Vec<_> = self.rows.iter().collect();
        for group in rows.chunk_by(|((left, _), _), ((right, _), _)| left == right) {
            let newest = group.iter().map(|(_, caller)| caller.first).max();
            for ((client, serial), caller) in group {
                let replaced = newest.is_some_and(|newest| newest > caller.last);
                if replaced || since.is_some_and(|since| caller.last < since) {
                    continue;
                }
                let certificate = Certificate {
                    client: client.clone(),
                    serial: serial.clone(),
                    ends: caller.ends.map(Moment),
                    days_left: caller.ends.map(|ends| (ends - now).whole_days()),
                    last_seen: Moment(caller.last),
                };
                match soonest.get(client.as_str()) {
                    Some(kept) if order(kept) <= order(&certificate) => {}
                    _ => drop(soonest.insert(client, certificate)),
                }
            }
        }
        let mut certificates: Vec<_> = soonest.into_values().collect();
        certificates.sort_by_key(order);
        certificates
    }
}

/// The soonest first, those without an end last.
fn order(certificate: &Certificate) -> (bool, Option<OffsetDateTime>) {
    (certificate.ends.is_none(), certificate.ends.as_ref().map(|ends| ends.0))
}
