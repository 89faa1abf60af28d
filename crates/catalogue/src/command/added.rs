//! Commands that the operator of a host adds, in the configuration of its daemon and its runner.

use serde::Deserialize;

use super::Command;

/// `[[command]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Added {
    /// Its words, with one blank between them.
    pub path: String,
    /// Its options.
    #[serde(default)]
    pub option: Vec<AddedOption>,
}

/// `[[command.option]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedOption {
    /// Its long name, without dashes.
    pub name: String,
}

/// Why an added command is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddedFault {
    /// There is one of that path already.
    #[error("there is a command `{0}` already")]
    Twice(String),
    /// What is wrong with it.
    #[error("`{0}`: {1}")]
    Wrong(String, String),
}

impl Added {
    pub(super) fn command(self) -> Result<Command, AddedFault> {
        Err(AddedFault::Wrong(self.path, "not yet".to_owned()))
    }
}
