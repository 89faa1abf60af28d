//! The files whose replacement is noticed without being told: certificate, key, authority, lists.
//!
//! Looked at by name, so that a rename, a swapped symlink and a rewritten file are all seen. A change counts
//! once the same was seen at two looks: a file that is still being written is not read half.

use std::path::PathBuf;
use std::sync::Arc;

use crate::credentials::Credentials;
use tsmgate_settings::files::{self, Print};

/// Files and how they were.
#[derive(Debug)]
pub(super) struct Watched {
    files: Arc<[PathBuf]>,
    /// As they were just before they were read, or tried to be.
    known: Vec<Print>,
    /// As they were at the last look, where that differs.
    unsettled: Option<Vec<Print>>,
}

impl Watched {
    /// The files that these credentials were read from. What changed since then is news, however long
    /// ago that was.
    pub(super) fn new(credentials: &Credentials) -> Self {
        let (files, known): (Vec<_>, _) = credentials.read_from().iter().cloned().unzip();
        Self { files: files.into(), known, unsettled: None }
    }

    /// The files.
    pub(super) fn files(&self) -> Arc<[PathBuf]> {
        Arc::clone(&self.files)
    }

    /// Whether a file was replaced since it was read, by how they are `now`. Says so once for each
    /// replacement.
    pub(super) fn changed(&mut self, now: Vec<Print>) -> bool {
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

/// How files are now.
pub(super) fn prints(files: &[PathBuf]) -> Vec<Print> {
    files.iter().map(|file| files::print(file)).collect()
}
