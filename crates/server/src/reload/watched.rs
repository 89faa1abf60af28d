//! The files whose replacement is noticed without being told: certificate, key, authority, lists.
//!
//! Looked at by name, so that a rename, a swapped symlink and a rewritten file are all seen. A change counts
//! once the same was seen at two looks: a file that is still being written is not read half.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::config::Tls;
use crate::credentials;

/// What tells a file from what it was: device, inode, size, and both its times, in nanoseconds. `None`
/// where there is none.
type Print = Option<(u64, u64, u64, i128, i128)>;

/// Files and how they were.
#[derive(Debug)]
pub(super) struct Watched {
    files: Vec<PathBuf>,
    /// As they were when they were read, or tried to be.
    known: Vec<Print>,
    /// As they were at the last look, where that differs.
    unsettled: Option<Vec<Print>>,
    /// As they were just before a reading began.
    before: Vec<Print>,
}

impl Watched {
    /// The files of a configuration, as they are now.
    pub(super) fn new(tls: &Tls) -> Self {
        let files = credentials::files_of(tls);
        let known = prints(&files);
        Self { files, before: known.clone(), known, unsettled: None }
    }

    /// All of them are about to be read: what changes from here on is news.
    pub(super) fn begin(&mut self) {
        self.before = prints(&self.files);
    }

    /// Everything was read, by this configuration.
    pub(super) fn follow(&mut self, tls: &Tls) {
        let files = credentials::files_of(tls);
        self.known = match files == self.files {
            true => std::mem::take(&mut self.before),
            false => prints(&files),
        };
        self.files = files;
        self.unsettled = None;
    }

    /// Whether a file was replaced since it was read. Says so once for each replacement.
    pub(super) fn changed(&mut self) -> bool {
        let now = prints(&self.files);
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

fn prints(files: &[PathBuf]) -> Vec<Print> {
    let print = |file: &PathBuf| {
        let it = std::fs::metadata(file).ok()?;
        let nanos =
            |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        let (changed, moved) =
            (nanos(it.mtime(), it.mtime_nsec()), nanos(it.ctime(), it.ctime_nsec()));
        Some((it.dev(), it.ino(), it.size(), changed, moved))
    };
    files.iter().map(print).collect()
}
