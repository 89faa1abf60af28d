//! A command's output, for who reads along.

use std::path::PathBuf;

use tokio::sync::watch;
use tsmgate_catalogue::runner::{Event, Id, Refused};

use super::entry::Seen;
use super::{Desk, unknown};

/// Where the events of a command are.
#[derive(Debug)]
pub struct Page {
    /// Their file.
    pub path: PathBuf,
    /// How many are in it.
    pub on_disk: u64,
    /// Those that are in no file, from the wanted one on.
    pub beside: Vec<Event>,
}

impl Desk {
    /// How far a command's output is, now and at every change.
    ///
    /// # Errors
    /// There is none of that number.
    pub fn seen(&self, id: &Id) -> Result<watch::Receiver<Seen>, Refused> {
        Ok(self.lock().entry(id)?.seen.subscribe())
    }

    /// Where its events from that number on are.
    ///
    /// # Errors
    /// There is none of that number.
    pub fn page(&self, id: &Id, from: u64) -> Result<Page, Refused> {
        let inner = self.lock();
        let entry = inner.entries.iter().find(|entry| entry.task.id == *id);
        let transcript = &entry.ok_or_else(unknown)?.transcript;
        Ok(Page {
            path: transcript.path().to_owned(),
            on_disk: transcript.on_disk(),
            beside: transcript.beside(from),
        })
    }
}
