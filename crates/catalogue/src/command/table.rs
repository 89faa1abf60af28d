//! The vendor's commands, one row each, by family. What is not documented has no row.

mod row;
mod security;

use super::Command;

/// All of them, in the order of the vendor's pages.
pub(super) fn commands() -> Vec<Command> {
    security::commands()
}
