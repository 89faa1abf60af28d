//! The folder's files as they were: what tells that there is something to read.
//!
//! Files come into the folder by rename, whole: unlike those of [`crate::reload`] they count at the first look.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tsmgate_settings::files::{self, Print};

/// Where the entries are, a file each.
pub(super) const CLIENTS: &str = "clients.d";
/// The deny list.
pub(super) const REVOKED: &str = "revoked.toml";
/// No more files are looked at.
pub(super) const FILES: usize = 4096;
/// Nor is a folder with more files of any name.
const NAMES: usize = 4 * FILES;

/// How the folder and what counts in it are at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prints(Vec<(PathBuf, Print)>);

impl Prints {
    /// How it is now.
    pub fn of(folder: &Path) -> Self {
        let clients = folder.join(CLIENTS);
        // where they cannot be listed, that shows when they are to be read
        let names = names(&clients).map(|(names, _)| names).unwrap_or_default();
        let entries = names.iter().map(|name| clients.join(name));
        let all = [folder.to_owned(), folder.join(REVOKED), clients.clone()];
        let print = |path: PathBuf| {
            let print = files::print(&path);
            (path, print)
        };
        Self(all.into_iter().chain(entries).map(print).collect())
    }
}

/// The names of the files in `clients.d` that count, in order, at most [`FILES`]; and how many there are beyond.
/// A file that is only being written has a name with a dot in front.
pub(super) fn names(clients: &Path) -> io::Result<(BTreeSet<OsString>, usize)> {
    let (mut names, mut more) = (BTreeSet::new(), 0);
    for (place, entry) in std::fs::read_dir(clients)?.enumerate() {
        if place >= NAMES {
            return Err(io::Error::other("there are too many files in it"));
        }
        let name = entry?.file_name();
        let bytes = name.as_bytes();
        if bytes.starts_with(b".") || !bytes.ends_with(b".toml") {
            continue;
        }
        names.insert(name);
        if names.len() > FILES {
            names.pop_last();
            more += 1;
        }
    }
    Ok((names, more))
}
