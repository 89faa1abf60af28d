//! The files whose replacement is noticed without being told: certificate, key, authority, lists, and what an
//! enrolment service publishes.
//!
//! Looked at by name, so that a rename, a swapped symlink and a rewritten file are all seen. A change counts
//! once the same was seen at two looks: a file that is still being written is not read half.

use std::path::PathBuf;

use crate::credentials::Credentials;
use crate::enrolled::{self, Prints};
use crate::house::Snapshot;
use tsmgate_settings::files::{self, Print};

/// Files and how they were.
#[derive(Debug)]
pub(super) struct Watched {
    files: Vec<PathBuf>,
    /// As they were just before they were read, or tried to be.
    known: Vec<Print>,
    /// As they were at the last look, where that differs.
    unsettled: Option<Vec<Print>>,
}

impl Watched {
    /// The files that these credentials were read from. What changed since then is news, however long
    /// ago that was.
    pub(super) fn new(credentials: &Credentials) -> Self {
        let (files, known) = credentials.read_from().iter().cloned().unzip();
        Self { files, known, unsettled: None }
    }

    /// Whether a file was replaced since it was read. Says so once for each replacement.
    pub(super) fn changed(&mut self) -> bool {
        let now: Vec<_> = self.files.iter().map(|file| files::print(file)).collect();
        if now == self.known {
            self.unsettled = None;
            return false;
        }
        if self.unsettled.as_ref() != Some(&now) {
            self.unsettled = Some(now);
            return false;
        }
        self.known = now;
        self.unsettled = None;
        true
    }
}

/// The folder of the enrolment service. Its files come whole, by rename: a change counts at once.
#[derive(Debug)]
pub(super) struct Published {
    folder: Option<PathBuf>,
    known: Prints,
}

impl Published {
    /// What a snapshot was made of.
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let folder = snapshot.config.enrolment.as_ref().map(|enrolment| enrolment.folder.clone());
        Self { folder, known: snapshot.joined.prints.clone() }
    }

    /// Whether anything in it changed since it was read. Says so once for each change.
    pub(super) fn changed(&mut self) -> bool {
        let Some(folder) = &self.folder else { return false };
        let now = enrolled::prints(folder);
        let changed = now != self.known;
        self.known = now;
        changed
    }
}
