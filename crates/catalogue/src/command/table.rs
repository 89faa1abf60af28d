//! The vendor's commands, one row each, by family. What is not documented has no row.

mod around;
mod later;
mod row;
mod security;

use super::Command;

/// All of them, in the order of the vendor's pages.
pub(super) fn commands() -> Vec<Command> {
    let families = [
        security::commands(),
        later::security(),
        later::authentication(),
        around::pending_changes(),
        around::maintenance(),
    ];
    families.into_iter().flatten().collect()
}
