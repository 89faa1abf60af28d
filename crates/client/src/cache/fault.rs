//! Why the cache cannot be used, and what to do about it.

use std::path::PathBuf;

use super::Amiss;
use crate::failure::shown;

/// Why the cache cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CacheFault {
    /// The system keeps no folder for this user.
    #[error("there is no runtime folder for the session cache")]
    NoFolder,
    /// The folder is missing and cannot be made, or is not its owner's alone.
    #[error("session cache in {}: {what}", shown(.path))]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What is wrong with it.
        what: Amiss,
    },
    /// A file in the folder cannot be made, written or removed.
    #[error("cannot write {}: {what}", shown(.path))]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: Amiss,
    },
    /// Another process has been getting the session for longer than we may wait.
    #[error("another tsmgate is still getting a session, and has {} locked", shown(.path))]
    Busy {
        /// The lock.
        path: PathBuf,
    },
}

impl CacheFault {
    /// What can be done about it, in one line.
    pub fn hint(&self) -> String {
        match self {
            Self::NoFolder => {
                "set TSMGATE_RUNTIME_DIR to a folder of yours with mode 0700, have the system keep \
                               one: loginctl enable-linger, or do without: `exec --no-cache`, as in \
                               cron and services"
                    .into()
            }
            Self::Folder { path, what: Amiss::TooOpen } => format!("chmod 700 {}", shown(path)),
            Self::Folder { .. } => {
                "set TSMGATE_RUNTIME_DIR to a folder of yours with mode 0700, in one that is there"
                    .into()
            }
            Self::Unwritable { .. } => {
                "check that the folder has room, and remove what others put there".into()
            }
            Self::Busy { .. } => "try again, or raise --timeout".into(),
        }
    }
}
