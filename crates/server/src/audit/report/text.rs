//! The report in a few lines, for a terminal.

use super::figures::{Chain, Counts, Figures, Records, Report, RequestsDone, SessionUse, State};

/// Of each list, so many rows.
const ROWS: usize = 5;

impl Report {
    /// The report as JSON, in the form that [`figures`](super::figures) describes.
    pub fn json(&self) -> String {
        // our own structs, with text for keys: there is nothing that could not be written
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// A short summary, line by line.
    pub fn summary(&self) -> Vec<String> {
        let figures = &self.figures;
        let mut lines = vec![self.headline()];
        lines.extend(self.chain.breaks_told());
        if let Some((first, last)) = figures.period.first.zip(figures.period.last) {
            let count = self.records.in_period;
            lines.push(format!("{count} records from {first} to {last} UTC"));
        }
        let Counts { granted, failed, refused } = figures.totals.clients;
        let strangers = figures.totals.strangers_refused;
        lines.push(format!("logins: {granted} granted, {failed} failed, {refused} refused"));
        lines.push(format!("strangers refused: {strangers}"));
        for client in figures.clients.iter().take(ROWS) {
            let Counts { granted, failed, refused } = client.counts;
            let name = &client.name;
            lines.push(format!(
                "client {name}: {granted} granted, {failed} failed, {refused} refused"
            ));
        }
        lines.extend(more("clients", figures.clients.len(), figures.other_clients.is_some()));
        lines.extend(requests(figures));
        for reason in figures.reasons.iter().take(ROWS) {
            lines.push(format!("reason {}: {}", reason.code, reason.counts.sum()));
        }
        lines.extend(more("reasons", figures.reasons.len(), figures.other_reasons.is_some()));
        lines.push(format!("callers seen for the first time: {}", figures.first_seen.len()));
        for certificate in figures.certificates.iter().take(ROWS) {
            if let Some(days) = certificate.days_left {
                lines.push(format!("certificate of {}: {days} days left", certificate.client));
            }
        }
        for event in &figures.event_counts {
            lines.push(format!("{}: {}", event.action, event.count));
        }
        lines.push(format!("head {}", self.chain.head));
        lines
    }

    /// How the chain is, in one sentence.
    pub fn headline(&self) -> String {
        let Chain { first, last, .. } = self.chain;
        let Records { read, earliest, latest, .. } = &self.records;
        let times = match earliest.as_ref().zip(*latest) {
            Some((earliest, latest)) => format!(", from {earliest} to {latest} UTC"),
            None => String::new(),
        };
        match self.chain.state {
            State::Whole => format!("The chain is whole: {read} records{times}."),
            State::Partial => format!(
                "In order, but not from the beginning: records {first} to {last}{times}. 1 to {} are in \
                 an earlier file, or missing.",
                first.saturating_sub(1)
            ),
            State::Empty => "There is no record.".to_owned(),
            State::Broken => "BROKEN: lines are missing, changed or foreign.".to_owned(),
        }
    }
}

impl Chain {
    /// Where it breaks, a line each.
    pub(super) fn breaks_told(&self) -> Vec<String> {
        let told = |place: &super::figures::Break| {
            format!("{}: line {}: {}", place.file, place.line, place.what)
        };
        let mut lines: Vec<_> = self.breaks.iter().map(told).collect();
        let named = self.breaks.len() as u64;
        if self.breaks_total > named {
            lines.push(format!("and {} more places", self.breaks_total - named));
        }
        lines
    }
}

/// The api lane, where anything happened in it. Secrets in clear come first.
fn requests(figures: &Figures) -> Vec<String> {
    let (requests, session) = (&figures.requests, &figures.session);
    let mut lines = Vec::new();
    for read in requests.secrets_in_clear.iter().take(ROWS) {
        let (client, operation, count) = (&read.client, &read.operation, read.count);
        lines.push(format!("SECRETS IN CLEAR were given to {client} by {operation}: {count}"));
    }
    let beyond = requests.other_secrets_in_clear > 0;
    lines.extend(more("with secrets in clear", requests.secrets_in_clear.len(), beyond));
    if requests.totals.sum() > 0 {
        let told = |RequestsDone { done, failed, refused }| {
            format!("{done} done, {failed} failed, {refused} refused")
        };
        lines.push(format!("requests: {}", told(requests.totals)));
        let clients = requests.clients.iter().take(ROWS);
        lines.extend(clients.map(|one| format!("requests of {}: {}", one.name, told(one.counts))));
        let others = requests.other_clients.is_some();
        lines.extend(more("clients with requests", requests.clients.len(), others));
        let operations = requests.operations.iter().take(ROWS);
        lines.extend(operations.map(|one| format!("operation {}: {}", one.name, told(one.counts))));
        let others = requests.other_operations.is_some();
        lines.extend(more("operations", requests.operations.len(), others));
    }
    if !session.is_none() {
        let SessionUse { taken, not_given, refused, ended, not_ended, .. } = session;
        lines.push(format!(
            "sessions of the gate at TSM: {taken} taken, {not_given} not given, {refused} refused by TSM, \
             {ended} ended, {not_ended} given back without an answer"
        ));
    }
    lines
}

fn more(what: &str, count: usize, others: bool) -> Option<String> {
    let rest = count.saturating_sub(ROWS);
    match (rest, others) {
        (0, false) => None,
        (_, true) => Some(format!("and {rest} more {what}, and others beyond those told apart")),
        (_, false) => Some(format!("and {rest} more {what}")),
    }
}
