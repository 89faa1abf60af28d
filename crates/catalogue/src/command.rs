//! The commands of the `tsm` program that a gate passes on: one table, which the client reads for parsing and
//! help, the daemon for permissions, the runner for argument vectors, and the simulator for what it takes.
//!
//! A command is asked for as an [`Order`]; [`Catalogue::check`] compares it with the table, and only what
//! comes of that has an argument vector.

mod added;
pub mod arguments;
pub mod follow;
mod option;
mod order;
mod table;
mod text;
mod value;

use std::borrow::Cow;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

pub use added::{Added, AddedFault, AddedOption};
pub use option::{FileKind, Kind, Opt, VALUE_LIMIT};
pub use order::{
    Checked, Given, MASK, OPTIONS_LIMIT, OneOption, Order, OrderFault, SentFile, WAIT_BEYOND,
};
pub use text::Text;

/// What a command does at TSM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It reads; several may run beside each other.
    Reads,
    /// It stages a change, which takes effect when pending changes are applied.
    Stages,
    /// It changes something at once.
    Changes,
    /// It starts a job, which TSM goes on with when the command's process is gone.
    Job,
}

impl Effect {
    /// Whether it changes anything: one such command runs at a time.
    pub fn changes(self) -> bool {
        self != Self::Reads
    }
}

/// How sure it is that a command exists as it is described here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// The vendor's documentation describes it.
    Documented,
    /// Seen in a script or a captured output.
    Seen,
    /// Added on this host by its operator.
    Added,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Its words, with one blank between them: `security external-ssl enable`.
    pub path: Cow<'static, str>,
    /// The permission it takes.
    pub permission: Cow<'static, str>,
    /// What it does, in one line.
    pub summary: Cow<'static, str>,
    /// Its own options, in the order of its documentation.
    pub options: Vec<Opt>,
    /// What it does at TSM.
    pub effect: Effect,
    /// Whether it has `--ignore-prompt`, which is always given: there is no terminal.
    pub ignores_prompt: bool,
    /// Whether what it prints can hold secrets, which are then taken out on the host.
    pub prints_secrets: bool,
    /// The first version of TSM that has it, where that is known.
    pub since: Option<Cow<'static, str>>,
    /// The first version of TSM that has it no more.
    pub until: Option<Cow<'static, str>>,
    /// How sure it is.
    pub mark: Mark,
    /// Where that is known from.
    pub source: Cow<'static, str>,
}

impl Command {
    /// Its words.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.path.split(' ')
    }

    /// The option of that long name, without its dashes.
    pub fn option(&self, long: &str) -> Option<&Opt> {
        self.options.iter().find(|option| option.long == long)
    }

    /// Whether it waits for a job and can be told for how long (`--request-timeout`).
    pub fn waits(&self) -> bool {
        self.option(REQUEST_TIMEOUT).is_some()
    }
}

/// The option by which a command is told how long it may wait, in seconds.
pub const REQUEST_TIMEOUT: &str = "request-timeout";

/// All commands that can be asked for.
#[derive(Debug, Clone)]
pub struct Catalogue {
    commands: Vec<Command>,
}

impl Catalogue {
    /// Those of the vendor's documentation.
    pub fn official() -> &'static Self {
        static OFFICIAL: LazyLock<Catalogue> =
            LazyLock::new(|| Catalogue { commands: table::commands() });
        &OFFICIAL
    }

    /// Those, and what the operator of a host added.
    ///
    /// # Errors
    /// One of them is there already, or is not a command.
    pub fn with(added: Vec<Added>) -> Result<Self, AddedFault> {
        let mut catalogue = Self::official().clone();
        for added in added {
            let command = added.command()?;
            if catalogue.find(&command.path).is_some() {
                return Err(AddedFault::Twice(command.path.into_owned()));
            }
            if let Some(other) = catalogue.commands.iter().find(|other| begins(&command, other)) {
                let other = other.path.clone().into_owned();
                return Err(AddedFault::Beginning(command.path.into_owned(), other));
            }
            catalogue.commands.push(command);
        }
        Ok(catalogue)
    }

    /// All of them, the vendor's first.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// The command of that path, byte for byte.
    pub fn find(&self, path: &str) -> Option<&Command> {
        self.commands.iter().find(|command| command.path == path)
    }

    /// Compares an order with the table: the command exists, each option is one of its own with a value of
    /// its kind, none is missing, repeated or beside one that excludes it.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn check<'a>(&'a self, order: &'a Order) -> Result<Checked<'a>, OrderFault> {
        order::check(self, order)
    }
}

/// Whether the words of one are the first of the other's: then one could not be told from the other and its
/// words.
fn begins(one: &Command, other: &Command) -> bool {
    one.words().zip(other.words()).all(|(one, other)| one == other)
}
