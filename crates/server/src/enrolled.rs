//! Who joined at the authority's service, and who is out: what `[enrolment]` names, read, and taken as far as the
//! configuration allows it.
//!
//! The service's user writes there, and he is no administrator of the gate: an entry that says more than one
//! client's name, networks and roles is left out, and none replaces a client of the configuration. What cannot
//! be read is never taken for "nobody is revoked": what was denied before stays so, and nobody new comes in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tsmgate_gate::policy::{DenyList, Policy, Taken};

use crate::config::{ConfigFault, Enrolment};

mod entry;
mod folder;
mod prints;

use entry::{Entry, LeftOut};
use folder::Folder;
use prints::CLIENTS;
pub use prints::Prints;

/// So many of those that are left out are told of one by one.
const TOLD: usize = 20;

/// What the folder says, as far as it could be read.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// The folder, and whose files counted there.
    source: (PathBuf, u32),
    /// As it was just before it was read, or tried to be.
    prints: Prints,
    reading: Arc<Reading>,
    /// Why what is there now cannot be read.
    fault: Option<String>,
    /// Entries that the configuration does not take.
    refused: Vec<LeftOut>,
}

/// What counts of the folder.
#[derive(Debug)]
struct Reading {
    entries: Vec<Entry>,
    /// Files that are no entry.
    broken: Vec<LeftOut>,
    deny: DenyList,
}

impl Enrolled {
    /// Reads the folder.
    ///
    /// # Errors
    /// It is not there, others could have written it, or its deny list cannot be read.
    pub fn load(order: &Enrolment) -> Result<Self, ConfigFault> {
        Self::load_after(None, order)
    }

    /// The same while `last` is in force. Where the folder cannot be read, what `last` denies stays denied, and
    /// of its entries those stay that are still there: see [`Self::fault`].
    ///
    /// # Errors
    /// As [`Self::load`], where `last` is none of the same folder.
    pub fn load_after(last: Option<&Self>, order: &Enrolment) -> Result<Self, ConfigFault> {
        let source = (order.folder.clone(), order.owner);
        let prints = Prints::of(&order.folder);
        let folder = Folder::of(order);
        let last = last.filter(|last| last.source == source);
        let (reading, fault) = match (folder.denied(), folder.entries(), last) {
            (Ok(deny), Ok((entries, broken)), _) => (Reading { entries, broken, deny }, None),
            (Err(fault), _, None) | (Ok(_), Err(fault), None) => return Err(fault),
            (Ok(deny), Err(fault), Some(last)) => (last.reading.with_denied(deny), Some(fault)),
            (Err(fault), now, Some(last)) => (last.reading.still_in(now.ok()), Some(fault)),
        };
        let fault = fault.map(|fault| fault.to_string());
        Ok(Self { source, prints, reading: Arc::new(reading), fault, refused: Vec::new() })
    }

    /// The policy with those enrolled whom it takes, and this with those whom it does not.
    #[must_use]
    pub fn joined_to(self, policy: &Policy, order: &Enrolment) -> (Policy, Self) {
        let (mut clients, mut refused) = (Vec::new(), Vec::new());
        for entry in &self.reading.entries {
            match entry.client(order, &policy.allow) {
                Ok(client) => clients.push(client),
                Err(fault) => refused.push(LeftOut::of(entry.name(), &fault)),
            }
        }
        let (policy, taken) = policy.with_enrolled(clients, self.reading.deny.clone());
        refused.extend(taken.iter().map(taken_by));
        (policy, Self { refused, ..self })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.source.0
    }

    /// How it was just before it was read, or tried to be.
    pub fn prints(&self) -> &Prints {
        &self.prints
    }

    /// Why what is there now cannot be read, where it cannot: what could be read before counts, and nobody
    /// new.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// How many files give no client.
    pub fn left_out(&self) -> usize {
        self.all_left_out().count()
    }

    /// Why the file of a client of that name gives none, where there is one and it does not.
    pub fn why_not(&self, name: &str) -> Option<&str> {
        let file = format!("{name}.toml");
        self.all_left_out().find(|one| one.file == file).map(|one| one.why.as_str())
    }

    /// What is wrong there, each a sentence; of many the first.
    pub fn trouble(&self) -> Vec<String> {
        let stays = "nobody new is taken from there, and who was denied stays so";
        let fault = self.fault.iter().map(|fault| format!("enrolment: {fault}; {stays}"));
        let left_out =
            self.all_left_out().take(TOLD).map(|one| format!("enrolment: left out: {}", one.why));
        let more = self.left_out().checked_sub(TOLD).filter(|more| *more > 0);
        let more = more.map(|more| format!("enrolment: {more} more files are left out"));
        fault.chain(left_out).chain(more).collect()
    }

    fn all_left_out(&self) -> impl Iterator<Item = &LeftOut> {
        self.reading.broken.iter().chain(&self.refused)
    }
}

impl Reading {
    /// These entries, and who is denied now.
    fn with_denied(&self, deny: DenyList) -> Self {
        Self { entries: self.entries.clone(), broken: self.broken.clone(), deny }
    }

    /// Who was denied, and of these entries those that are there `now` as they were; all of them, where that
    /// is not known.
    fn still_in(&self, now: Option<(Vec<Entry>, Vec<LeftOut>)>) -> Self {
        let deny = self.deny.clone();
        let Some((now, broken)) = now else { return self.with_denied(deny) };
        let there: HashMap<_, _> = now.iter().map(|entry| (entry.name(), entry)).collect();
        let is_there =
            |entry: &&Entry| there.get(entry.name()).is_some_and(|now| now.says_as(entry));
        Self { entries: self.entries.iter().filter(is_there).cloned().collect(), broken, deny }
    }
}

/// That an entry is in the way of the configuration's own.
fn taken_by(Taken { client, by }: &Taken) -> LeftOut {
    let file = format!("{client}.toml");
    let whose = if client == by { "name" } else { "identity" };
    let why = format!("{CLIENTS}/{file}: its {whose} is that of the configuration's client `{by}`");
    LeftOut { file, why }
}
