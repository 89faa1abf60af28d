//! How much of the sandbox stands, in words for the log and the status.
//!
//! It tells what the kernel said, and what it cannot do; nothing acts on it but a reload, which needs no
//! restart where nothing is enforced.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use landlock::{ABI, LandlockStatus, RestrictionStatus, RulesetStatus};

use super::{FILES, Folders, SCOPES, TCP};

/// How much the kernel holds us to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    enforced: Enforced,
    /// Folders that were to be granted and are not there.
    absent: Vec<PathBuf>,
    /// A configured file lies directly in `/`.
    everything: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Enforced {
    Fully(ABI),
    Partly(ABI),
    Not(String),
}

impl Level {
    /// Whether everything is enforced that we ask for, and it means something.
    pub fn is_full(&self) -> bool {
        matches!(self.enforced, Enforced::Fully(_)) && !self.everything
    }

    /// Whether anything is.
    pub(super) fn is_enforced(&self) -> bool {
        !matches!(self.enforced, Enforced::Not(_))
    }

    /// Whether that covers TCP, which an older kernel cannot restrict.
    pub(super) fn restricts_tcp(&self) -> bool {
        match &self.enforced {
            Enforced::Fully(abi) | Enforced::Partly(abi) => *abi >= TCP,
            Enforced::Not(_) => false,
        }
    }

    pub(super) fn not(why: impl Into<String>, folders: &Folders) -> Self {
        Self {
            enforced: Enforced::Not(why.into()),
            absent: folders.absent(),
            everything: folders.hold_everything(),
        }
    }

    pub(super) fn of(status: &RestrictionStatus, folders: &Folders) -> Self {
        let enforced = match (&status.ruleset, status.landlock) {
            (RulesetStatus::FullyEnforced, LandlockStatus::Available { effective_abi, .. }) => {
                Enforced::Fully(effective_abi)
            }
            (RulesetStatus::PartiallyEnforced, LandlockStatus::Available { effective_abi, .. }) => {
                Enforced::Partly(effective_abi)
            }
            (_, LandlockStatus::NotEnabled) => {
                return Self::not("landlock is switched off in this kernel", folders);
            }
            _ => return Self::not("the kernel has no landlock", folders),
        };
        Self { enforced, absent: folders.absent(), everything: folders.hold_everything() }
    }
}

/// What a kernel of that version cannot restrict.
fn beyond(abi: ABI) -> Vec<&'static str> {
    let known = [
        (ABI::V3, "truncating files"),
        (TCP, "TCP"),
        (FILES, "devices' ioctl"),
        (SCOPES, "signals"),
    ];
    known.iter().filter(|(since, _)| abi < *since).map(|(_, what)| *what).collect()
}

impl Display for Level {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.enforced {
            Enforced::Fully(abi) => write!(f, "landlock ABI {abi}, fully enforced")?,
            Enforced::Partly(abi) => {
                write!(f, "landlock ABI {abi}, partly enforced")?;
                let beyond = beyond(*abi);
                if !beyond.is_empty() {
                    write!(f, " (this kernel does not restrict {})", beyond.join(", "))?;
                }
            }
            Enforced::Not(why) => write!(f, "not enforced: {why}")?,
        }
        if self.everything {
            f.write_str("; of little use: a configured file lies directly in /")?;
        }
        for path in &self.absent {
            write!(f, "; {} is not there and not granted", path.display())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
