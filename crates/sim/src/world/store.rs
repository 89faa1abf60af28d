//! The configuration: numbered versions that were applied, and the changes that wait above the last.
//!
//! Documented: what is staged is not read until it is applied, unknown keys are refused unless forced,
//! and an absent value means the default. Seen: whoever may read at all reads secrets in clear, while
//! the files hold them as `ENC(…)`.

use std::collections::BTreeMap;

use aws_lc_rs::{digest, rand};
use data_encoding::{BASE64, HEXLOWER};

use super::keys::{DEFAULTS, DYNAMIC, MADE_SECRETS, SET_SECRETS};

/// Keys and their values.
pub type Configuration = BTreeMap<String, String>;

/// One staged change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingChange {
    /// Which key.
    pub key: String,
    /// What it is now; `None` if it has no value yet.
    pub current: Option<String>,
    /// What it will be; `None` if it will have none.
    pub pending: Option<String>,
    /// Whether it takes effect only after a restart.
    pub requires_restart: bool,
}

#[derive(Debug)]
pub(crate) struct Store {
    /// What a key falls back to: the defaults, and the secrets that were made.
    fallback: Configuration,
    versions: BTreeMap<u64, Configuration>,
    version: u64,
    pending: BTreeMap<String, Option<String>>,
}

/// So many versions are kept, the newest.
const VERSIONS_KEPT: usize = 64;

impl Store {
    pub(crate) fn new() -> Self {
        let owned = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
        let mut fallback: Configuration = DEFAULTS.iter().map(owned).collect();
        fallback.extend(MADE_SECRETS.iter().map(|&key| (key.to_owned(), made_secret())));
        let versions = BTreeMap::from([(1, fallback.clone())]);
        Self { fallback, versions, version: 1, pending: BTreeMap::new() }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// A version's keys, secrets in clear.
    pub(crate) fn keys(&self, version: u64) -> Option<&Configuration> {
        self.versions.get(&version)
    }

    /// What was applied last.
    pub(crate) fn applied(&self) -> &Configuration {
        self.versions.get(&self.version).unwrap_or(&self.fallback)
    }

    /// Stages changes, all or none.
    ///
    /// # Errors
    /// The keys that are unknown, where they are not forced.
    pub(crate) fn stage(
        &mut self,
        changes: BTreeMap<String, Option<String>>,
        force: bool,
    ) -> Result<(), Vec<String>> {
        let known =
            |key: &String| self.fallback.contains_key(key) || self.applied().contains_key(key);
        let unknown: Vec<_> = changes.keys().filter(|key| !known(key)).cloned().collect();
        if !force && !unknown.is_empty() {
            return Err(unknown);
        }
        self.pending.extend(changes);
        Ok(())
    }

    /// What is staged and differs from what is applied.
    pub(crate) fn changes(&self) -> Vec<PendingChange> {
        let change = |(key, value): (&String, &Option<String>)| {
            let current = self.applied().get(key).cloned();
            let pending = value.clone().or_else(|| self.fallback.get(key).cloned());
            let requires_restart = !DYNAMIC.contains(&key.as_str());
            (current != pending).then(|| PendingChange {
                key: key.clone(),
                current,
                pending,
                requires_restart,
            })
        };
        self.pending.iter().filter_map(change).collect()
    }

    /// The staged keys that take effect only after a restart.
    pub(crate) fn cold_changes(&self) -> Vec<String> {
        let cold = |change: PendingChange| change.requires_restart.then_some(change.key);
        self.changes().into_iter().filter_map(cold).collect()
    }

    pub(crate) fn restart_is_due(&self) -> bool {
        !self.cold_changes().is_empty()
    }

    pub(crate) fn discard(&mut self) {
        self.pending.clear();
    }

    /// Makes what is staged the next version. Guess: also when nothing is staged.
    pub(crate) fn apply(&mut self) {
        let mut next = self.applied().clone();
        for change in self.changes() {
            match change.pending {
                Some(value) => next.insert(change.key, value),
                None => next.remove(&change.key),
            };
        }
        self.pending.clear();
        self.keep(next);
    }

    /// What a key will be once all that is staged is applied.
    pub(crate) fn coming(&self, key: &str) -> Option<&String> {
        match self.pending.get(key) {
            Some(Some(value)) => Some(value),
            Some(None) => self.fallback.get(key),
            None => self.applied().get(key),
        }
    }

    /// Changes one key at once, without touching what is staged.
    pub(crate) fn put(&mut self, key: &str, value: &str) {
        let mut next = self.applied().clone();
        next.insert(key.to_owned(), value.to_owned());
        self.keep(next);
    }

    /// Makes the server's own secrets anew.
    pub(crate) fn renew_secrets(&mut self) {
        let mut next = self.applied().clone();
        for &key in MADE_SECRETS {
            let secret = made_secret();
            self.fallback.insert(key.to_owned(), secret.clone());
            next.insert(key.to_owned(), secret);
        }
        self.keep(next);
    }

    fn keep(&mut self, next: Configuration) {
        self.version += 1;
        self.versions.insert(self.version, next);
        while self.versions.len() > VERSIONS_KEPT {
            self.versions.pop_first();
        }
    }

    /// What was applied last, as the files hold it: a secret is never in clear.
    pub(crate) fn at_rest(&self) -> Configuration {
        let sealed = |key: &String, value: &String| {
            if is_secret(key) && !value.is_empty() {
                let sum = digest::digest(&digest::SHA256, value.as_bytes());
                format!("ENC({})", BASE64.encode(sum.as_ref()))
            } else {
                value.clone()
            }
        };
        self.applied().iter().map(|(key, value)| (key.clone(), sealed(key, value))).collect()
    }
}

fn is_secret(key: &str) -> bool {
    MADE_SECRETS.contains(&key) || SET_SECRETS.contains(&key)
}

/// A secret that no other text can hold by chance.
fn made_secret() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("the system's generator does not fail once it has started");
    format!("secret-{}", HEXLOWER.encode(&bytes))
}
