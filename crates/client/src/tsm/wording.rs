//! TSM's words as `tsm status` says them to people, and its services by the names of its help.
//!
//! Source of the phrases: Tableau's help for `tsm status`, which lists these nine and the four words
//! for nodes. Which process status is said with which phrase is inferred from their meaning. A word
//! without a phrase is quoted.

#[cfg(test)]
mod tests;

/// A process status (TSM's API and systeminfo.xml, both spellings of the latter), and its phrase. Of a
/// repository, `Active` and `Passive` say which of two it is.
const PHRASES: &[(&str, &str)] = &[
    ("Active", "is running"),
    ("Running", "is running"),
    ("Passive", "is running"),
    ("Busy", "is running"),
    ("Down", "is stopped"),
    ("Stopped", "is stopped"),
    ("Disabled", "is stopped"),
    ("StatusUnavailable", "status is unavailable"),
    ("StatusNotAvailable", "status is unavailable"),
    ("NotAvailable", "status is unavailable"),
    ("Degraded", "is in a degraded state"),
    ("Error", "is in an error state"),
    ("ActiveSyncing", "is synchronizing"),
    ("StatusNotAvailableSyncing", "is synchronizing"),
];
/// A file store on its way out says so in several words, two of them misspelt on the wire; all begin so.
const DECOMMISSIONING: &str = "decom";

const REPOSITORY: &str = "pgsql";

/// Services by the names that people know, as Tableau's help on processes has them.
const SERVICES: &[(&str, &str)] = &[
    ("gateway", "Gateway"),
    ("vizportal", "Application Server"),
    ("vizqlserver", "VizQL Server"),
    ("cacheserver", "Cache Server"),
    ("searchserver", "Search & Browse"),
    ("backgrounder", "Backgrounder"),
    ("dataserver", "Data Server"),
    ("hyper", "Data Engine"),
    ("filestore", "File Store"),
    (REPOSITORY, "Repository"),
    ("flowprocessor", "Tableau Prep Conductor"),
    ("nlp", "Ask Data"),
    ("elasticserver", "Elastic Server"),
    ("samlservice", "SAML Service"),
    ("interactive", "Interactive Microservice Container"),
    ("noninteractive", "Non-Interactive Microservice Container"),
    ("indexandsearchserver", "Index and Search Server"),
    ("activemqserver", "Messaging Service"),
    ("clustercontroller", "Cluster Controller"),
    ("appzookeeper", "Coordination Service"),
    ("zookeeper", "Coordination Service"),
    ("tabadmincontroller", "Administration Controller"),
    ("tabadminagent", "Administration Agent"),
    ("clientfileservice", "Client File Service"),
    ("licenseservice", "License Service"),
    ("databasemaintenance", "Database Maintenance"),
    ("backuprestore", "Backup/Restore"),
    ("siteimportexport", "Site Import/Export"),
];

/// What `tsm status --verbose` says of a process of this service with this status. `None` for a word
/// that has no phrase: the caller quotes it.
pub fn service_phrase(service: &str, status: &str) -> Option<&'static str> {
    if same(service, REPOSITORY) {
        if same(status, "Active") {
            return Some("is running (Active Repository)");
        }
        if same(status, "Passive") {
            return Some("is running (Passive Repository)");
        }
    }
    if let Some((_, phrase)) = PHRASES.iter().find(|(known, _)| same(status, known)) {
        return Some(phrase);
    }
    let status = status.to_ascii_lowercase();
    let leaves = status.starts_with(DECOMMISSIONING) && !status.contains("failed");
    leaves.then_some("is decommissioning")
}

/// The word of `tsm status` for a node or the cluster: `RUNNING`, `DEGRADED`, `ERROR` or `STOPPED`.
/// Another word in upper case; it is TSM's text and not escaped.
pub fn node_word(rollup: Option<&str>) -> String {
    let Some(rollup) = rollup else { return "UNKNOWN".to_owned() };
    match service_phrase("", rollup) {
        Some("is running") => "RUNNING".to_owned(),
        Some("is stopped") if !same(rollup, "Down") => "STOPPED".to_owned(),
        _ => rollup.to_ascii_uppercase(),
    }
}

/// The name that people know a service by, if we know it.
pub fn service_name(service: &str) -> Option<&'static str> {
    SERVICES.iter().find(|(own, _)| same(own, service)).map(|(_, name)| *name)
}

/// Whether these are one word: `StatusUnavailable` is also written `STATUS_UNAVAILABLE`.
pub(super) fn same(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

fn letters(word: &str) -> impl Iterator<Item = u8> {
    word.bytes().filter(|&byte| byte != b'_').map(|byte| byte.to_ascii_lowercase())
}
