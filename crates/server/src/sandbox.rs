//! The sandbox from inside: what the process gives up for good once everything is loaded and bound.
//!
//! The kernel's landlock holds us to the folders of [`Folders`]: nothing is executed, no TCP connection
//! made, no port bound, no other process sent a signal. It is a second wall behind the unit's: it never
//! keeps the gate from starting, and says how much of it stands.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, PathBeneath, PathFd, RestrictionStatus,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use crate::config::Config;
use crate::process;

mod folders;
#[cfg(test)]
mod tests;

pub use folders::{Folders, Surroundings};

/// The newest version whose rights we take away from ourselves on files. The ninth knows one more, to
/// connect to a Unix socket by its path, and that we keep: a rule binds the folder as it is now, TSM
/// makes its folder anew whenever it starts, and the gate would be cut off from then on. Who may answer
/// there is judged by the owner of the folder and of the process, for each call.
const FILES: ABI = ABI::V5;
/// The version that knows TCP.
const TCP: ABI = ABI::V4;
/// The version that knows signals and abstract Unix sockets; with it, all of the above is enforced.
const SCOPES: ABI = ABI::V6;

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

    fn not(why: impl Into<String>, folders: &Folders) -> Self {
        Self {
            enforced: Enforced::Not(why.into()),
            absent: folders.absent(),
            everything: folders.hold_everything(),
        }
    }

    fn of(status: &RestrictionStatus, folders: &Folders) -> Self {
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

/// Gives up everything but these folders, for the calling thread and every thread and program it starts
/// from then on; there is no way back. So it is to be called on the main thread, before the runtime or
/// any other thread exists, and after all listening sockets are open. It is no reason not to start where
/// the kernel cannot do it, or only some of it.
pub fn enter(folders: &Folders) -> Level {
    // the generator of random numbers may look for a device when it is first used, and takes one that
    // is there and cannot be opened for a fault
    let _ = process::random_name();
    match restrict(folders) {
        Ok(status) => Level::of(&status, folders),
        Err(error) => Level::not(causes(&error), folders),
    }
}

fn restrict(folders: &Folders) -> Result<RestrictionStatus, RulesetError> {
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(FILES))?
        .handle_access(AccessNet::from_all(TCP))?
        .scope(Scope::Signal)?;
    if !folders.notify_abstractly() {
        ruleset = ruleset.scope(Scope::AbstractUnixSocket)?;
    }
    let mut ruleset = ruleset.create()?;
    for (folder, rights) in folders.granted() {
        // one that vanished since it was looked at is as if it had not been there
        if let Ok(folder) = PathFd::new(folder) {
            ruleset = ruleset.add_rule(PathBeneath::new(folder, rights))?;
        }
    }
    ruleset.restrict_self()
}

/// An error with what caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// What to say of a folder that a reload needs and the sandbox does not give.
pub fn restart_needed(folder: &Path) -> String {
    let folder = folder.display();
    format!("restart needed: {folder} is outside of what the sandbox allows")
}

/// The sandbox that the process is in, or none.
#[derive(Debug)]
pub struct Sandbox(Option<(Folders, Level)>);

impl Sandbox {
    /// No sandbox: where the daemon is a part of another program, such as a test.
    pub fn none() -> Self {
        Self(None)
    }

    /// [`enter`] the one for this configuration, read from `file`.
    pub fn for_config(config: &Config, file: &Path) -> Self {
        let folders = Folders::of(config, file);
        let level = enter(&folders);
        Self(Some((folders, level)))
    }

    /// Whether another configuration finds everything it needs in here.
    ///
    /// # Errors
    /// A folder that it needs and that is outside, in a sentence.
    pub fn holds(&self, config: &Config, file: &Path) -> Result<(), String> {
        let Some((folders, _)) = &self.0 else { return Ok(()) };
        match folders.missing(&Folders::of(config, file)).first() {
            None => Ok(()),
            Some(folder) => Err(restart_needed(folder)),
        }
    }
}

impl Display for Sandbox {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("none"),
            Some((_, level)) => level.fmt(f),
        }
    }
}
