//! The sandbox from inside: what the process gives up for good once everything is loaded and bound.
//!
//! The kernel's landlock holds us to the folders of [`Folders`]: nothing is executed, no TCP connection
//! made but to the port of TSM's controller, no port bound, no other process sent a signal. It is a second wall behind the unit's: it never
//! keeps the gate from starting, and says how much of it stands.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, NetPort, PathBeneath, PathFd, RestrictionStatus, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, Scope,
};

use crate::config::Config;
use crate::process;

mod folders;
mod level;
#[cfg(test)]
mod tests;

pub use folders::{Folders, Surroundings};
pub use level::Level;

/// The newest version whose rights we take away from ourselves on files. The ninth knows one more, to
/// connect to a Unix socket by its path, and that we keep: a rule binds the folder as it is now, TSM
/// makes its folder anew whenever it starts, and the gate would be cut off from then on. Who may answer
/// there is judged by the owner of the folder and of the process, for each call.
const FILES: ABI = ABI::V5;
/// The version that knows TCP.
const TCP: ABI = ABI::V4;
/// The version that knows signals and abstract Unix sockets; with it, all of the above is enforced.
const SCOPES: ABI = ABI::V6;

/// What this process gave up when it started, for the log, the status, and reloads.
#[derive(Debug, Clone)]
pub struct Sandbox {
    entered: Option<(Folders, Level)>,
}

impl Sandbox {
    /// A process that gave up nothing, as a daemon within a test is.
    pub fn none() -> Self {
        Self { entered: None }
    }

    /// Enters the one of a configuration, as [`enter`] does and under the same conditions.
    pub fn for_config(config: &Config, config_file: &Path) -> Self {
        let folders = Folders::of(config, config_file);
        let level = enter(&folders);
        Self { entered: Some((folders, level)) }
    }

    /// Whether everything is enforced that we ask for.
    pub fn is_full(&self) -> bool {
        self.entered.as_ref().is_some_and(|(_, level)| level.is_full())
    }

    /// Whether the configuration file itself, and those of `clients.d`, can be read from in here.
    ///
    /// # Errors
    /// A folder is outside of it: that takes a restart.
    pub fn holds_file(&self, config_file: &Path) -> Result<(), String> {
        self.holds_all(&Folders::of_file(config_file))
    }

    /// Whether certificates, key and lists can be read from in here.
    ///
    /// # Errors
    /// A folder is outside of it: that takes a restart.
    pub fn holds_credentials(&self, config: &Config) -> Result<(), String> {
        self.holds_all(&Folders::of_credentials(config))
    }

    /// Whether who joined and who is out can be read from in here.
    ///
    /// # Errors
    /// The folder is outside of it: that takes a restart.
    pub fn holds_enrolled(&self, config: &Config) -> Result<(), String> {
        self.holds_all(&Folders::of_enrolled(config))
    }

    /// Whether everything that a configuration names is within reach from in here.
    ///
    /// # Errors
    /// A folder, or the port of `tsm.api`, is outside of it: that takes a restart.
    pub fn holds(&self, config: &Config, config_file: &Path) -> Result<(), String> {
        let folders = Folders::of(config, config_file);
        self.holds_all(&folders)?;
        match (&self.entered, folders.port()) {
            (Some((entered, level)), Some(port))
                if level.restricts_tcp() && entered.port() != Some(port) =>
            {
                let what = "tsm.api, is outside of what the sandbox allows";
                Err(format!("restart needed: port {port}, of {what}"))
            }
            _ => Ok(()),
        }
    }

    fn holds_all(&self, folders: &Folders) -> Result<(), String> {
        let missing = match &self.entered {
            Some((entered, level)) if level.is_enforced() => entered.missing(folders),
            _ => Vec::new(),
        };
        match missing.as_slice() {
            [] => Ok(()),
            missing => Err(restart_needed(missing)),
        }
    }
}

impl Display for Sandbox {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.entered {
            Some((_, level)) => level.fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// Gives up everything but these folders and their port, for the calling thread and every thread and program it starts
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
    if let Some(port) = folders.port() {
        ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
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

/// What to say of folders that a reload needs and the sandbox does not give.
fn restart_needed(missing: &[PathBuf]) -> String {
    let names: Vec<_> = missing.iter().map(|folder| folder.display().to_string()).collect();
    let be = if names.len() == 1 { "is" } else { "are" };
    format!("restart needed: {} {be} outside of what the sandbox allows", names.join(", "))
}
