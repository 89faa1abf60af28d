//! The files that an operator sent and that are not in the configuration itself: TSM's Client File Service.
//!
//! Seen: keys that begin with `cfs.` name such files. What the names look like is a guess.

use std::collections::BTreeMap;

/// So many files are kept, the newest.
const FILES_KEPT: usize = 256;

#[derive(Debug)]
pub(crate) struct SentFile {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug, Default)]
pub(crate) struct Files {
    kept: BTreeMap<u64, SentFile>,
    last: u64,
}

impl Files {
    /// Keeps a file and gives the name by which a key refers to it.
    pub(crate) fn keep(&mut self, name: &str, bytes: Vec<u8>) -> String {
        self.last += 1;
        self.kept.insert(self.last, SentFile { name: name.to_owned(), bytes });
        while self.kept.len() > FILES_KEPT {
            self.kept.pop_first();
        }
        format!("file-{}", self.last)
    }

    pub(crate) fn find(&self, id: &str) -> Option<&SentFile> {
        self.kept.get(&id.strip_prefix("file-")?.parse().ok()?)
    }
}
