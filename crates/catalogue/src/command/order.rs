//! What a caller asks for, and its comparison with the table.

mod check;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Command, Opt, Text};

pub use check::OPTIONS_LIMIT;
pub(super) use check::check;

/// A command that somebody asks for: the body of `POST /v1/commands`, and what the runner is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Its path: `security external-ssl enable`.
    pub command: String,
    /// Its options, in the order in which they were given.
    #[serde(default)]
    pub options: Vec<OneOption>,
    /// For how many seconds it may run; absent: as the gate is configured. At least
    /// `--request-timeout` counts, where that is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_seconds: Option<u64>,
}

/// One option of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneOption {
    /// Its long name, without dashes.
    pub name: String,
    /// Its value, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Text>,
    /// The file that goes along, where it takes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<SentFile>,
}

/// A file that goes along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentFile {
    /// Its name without folders: `server.crt`.
    pub name: String,
    /// Its bytes, in base64.
    pub content: Text,
}

/// Why an order is not one that the table has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OrderFault {
    /// `unknown_command`, `unknown_option`, `option_missing`, `option_repeated`, `options_conflict`,
    /// `bad_value` or `bad_file`.
    pub code: &'static str,
    /// A sentence that names the option and never a value.
    pub message: String,
}

/// An order that the table has. Only this has an argument vector.
#[derive(Debug, Clone)]
pub struct Checked<'a> {
    /// The command.
    pub command: &'a Command,
    /// Its options, each with what was given for it, in the order of the order.
    pub given: Vec<(&'a Opt, Given<'a>)>,
    /// `--request-timeout`, where it was given, in seconds.
    pub request_timeout: Option<u64>,
    /// For how many seconds the caller lets it run, where that was said.
    pub run_seconds: Option<u64>,
}

/// What was given for an option.
#[derive(Clone)]
pub enum Given<'a> {
    /// That it is there.
    Flag,
    /// A value that may be shown.
    Value(&'a str),
    /// A value that may not.
    Secret(&'a Text),
    /// A file that goes along: its name and its bytes.
    Sent(&'a str, zeroize::Zeroizing<Vec<u8>>),
    /// A file that is to come back.
    Fetched,
}

impl fmt::Debug for Given<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => formatter.write_str("Flag"),
            Self::Value(value) => formatter.debug_tuple("Value").field(value).finish(),
            Self::Secret(text) => formatter.debug_tuple("Secret").field(text).finish(),
            // the bytes can be those of a private key
            Self::Sent(name, _) => formatter.debug_tuple("Sent").field(name).finish(),
            Self::Fetched => formatter.write_str("Fetched"),
        }
    }
}

/// What stands where a secret would in a shown argument vector.
pub const MASK: &str = "********";

/// How much longer than `--request-timeout` a command may run, in seconds: the process that waits for a job is
/// itself waited for a little longer than that, so that it can say how the job stands.
pub const WAIT_BEYOND: u64 = 300;

impl Checked<'_> {
    /// For how many seconds it may run: what the caller says, else `usual`; at least as long as it is told to
    /// wait for its job, and [`WAIT_BEYOND`]; never longer than `most`.
    pub fn may_run(&self, usual: u64, most: u64) -> u64 {
        let waits = self.request_timeout.map_or(0, |seconds| seconds.saturating_add(WAIT_BEYOND));
        self.run_seconds.unwrap_or(usual).max(waits).min(most)
    }

    /// The arguments for `tsm`, without the program itself. `place` tells where the file of an option
    /// is on the host. Each value is an argument of its own; one that begins with a dash is joined to its
    /// option by `=`, so that none can become an option.
    pub fn arguments(&self, place: impl Fn(&Opt) -> PathBuf) -> Vec<String> {
        self.vector(place, |secret| secret.expose().to_owned())
    }

    /// The same for people: secrets masked, files by name in `folder`.
    pub fn shown(&self, folder: &Path) -> Vec<String> {
        let place = |option: &Opt| folder.join(self.file_name(option));
        self.vector(place, |_| MASK.to_owned())
    }

    /// The secrets that were given, so that they can be taken out of what the command prints.
    pub fn secrets(&self) -> impl Iterator<Item = &Text> {
        self.given.iter().filter_map(|(_, given)| match given {
            Given::Secret(text) => Some(*text),
            _ => None,
        })
    }

    /// The name that the file of an option has on the host: made of the option's name, and of nothing that the
    /// caller wrote but a harmless extension.
    pub fn file_name(&self, option: &Opt) -> String {
        let sent = self.given.iter().find(|(other, _)| other.long == option.long);
        let extension = match sent {
            Some((_, Given::Sent(name, _))) => Path::new(name).extension(),
            _ => None,
        };
        let plain = |text: &&str| {
            (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        match extension.and_then(|extension| extension.to_str()).filter(plain) {
            Some(extension) => format!("{}.{extension}", option.long),
            None => option.long.clone().into_owned(),
        }
    }

    fn vector(
        &self,
        place: impl Fn(&Opt) -> PathBuf,
        secret: impl Fn(&Text) -> String,
    ) -> Vec<String> {
        let mut arguments: Vec<String> = self.command.words().map(str::to_owned).collect();
        for (option, given) in &self.given {
            let name = format!("--{}", option.long);
            let value = match given {
                Given::Flag => None,
                Given::Value(value) => Some((*value).to_owned()),
                Given::Secret(text) => Some(secret(text)),
                Given::Sent(..) | Given::Fetched => Some(place(option).display().to_string()),
            };
            match value {
                None => arguments.push(name),
                // by `@` some readers of arguments are led to a file
                Some(value) if value.starts_with(['-', '@']) => {
                    arguments.push(format!("{name}={value}"));
                }
                Some(value) => arguments.extend([name, value]),
            }
        }
        if self.command.ignores_prompt && self.given.iter().all(|(o, _)| o.long != "ignore-prompt")
        {
            arguments.push("--ignore-prompt".to_owned());
        }
        arguments
    }
}
