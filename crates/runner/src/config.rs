//! The checked configuration: what the runner needs, nothing optional by accident.
//!
//! What was written ([`raw`]) becomes a [`Config`] or a fault with file, line and column. It is read at the start
//! alone: what decides about commands does not change while they run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tsmgate_catalogue::command::Catalogue;
use tsmgate_settings::fault::{ConfigFault, parse, read_text};

use crate::serving::Served;

mod check;
pub mod raw;

/// What the runner needs to know.
#[derive(Debug)]
pub struct Config {
    /// Where it listens, unless a socket is passed in.
    pub socket: PathBuf,
    /// The users, by number, who may ask.
    pub users: Vec<u32>,
    /// The primary group of the first of them, where the host knows one.
    pub users_group: Option<u32>,
    /// What is run at all.
    pub served: Vec<Served>,
    /// The `tsm` program.
    pub tsm: Tsm,
    /// Times and sizes.
    pub limits: Limits,
    /// Where commands, output and files are.
    pub state: PathBuf,
    /// The commands, with those that were added here.
    pub catalogue: Catalogue,
}

/// The `tsm` program and what it finds around itself.
#[derive(Debug)]
pub struct Tsm {
    /// Where it is.
    pub program: PathBuf,
    /// Who may own it and the folders above it, beside root.
    pub owners: Vec<u32>,
    /// All of its environment, by name.
    pub environment: Vec<(String, String)>,
    /// The group that may read the files that go along; nobody but us where there is none.
    pub file_group: Option<u32>,
    /// Between two questions whether a job goes on.
    pub follow: Duration,
}

/// Times and sizes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of a command's process, and of the following of its job.
    pub run_most: Duration,
    /// Commands that wait.
    pub queued: usize,
    /// Commands that only read, at once.
    pub reading: usize,
    /// Bytes of output kept of one command.
    pub output: u64,
    /// Ended commands remembered.
    pub kept: usize,
    /// For how long.
    pub kept_for: Duration,
}

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// It is missing, others could have written it, or what is in it is wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigFault> {
        let text = read_text(path)?;
        Self::read(path, &text)
    }

    /// The same from its text.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn read(path: &Path, text: &str) -> Result<Self, ConfigFault> {
        check::check(parse(path, text)?, path, text)
    }
}

#[cfg(test)]
mod tests;
