//! Whose a file is, and what its mode says. Nothing is decided here.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// How a file stands, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The mode's twelve bits.
    pub(crate) mode: u32,
    /// The user it belongs to.
    pub(crate) owner: u32,
    pub(crate) is_socket: bool,
}

impl Standing {
    /// Of a file that is there, and may be looked at.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let there = path.metadata().ok()?;
        let is_socket = there.file_type().is_socket();
        Some(Self { mode: there.mode() & 0o7777, owner: there.uid(), is_socket })
    }

    /// The mode as `chmod` takes it.
    pub(crate) fn mode_text(self) -> String {
        format!("{:04o}", self.mode)
    }
}
