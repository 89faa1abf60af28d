//! Commands that the operator of a host adds, in the configuration of its daemon and its runner. What is added
//! here can be run, so it is judged as strictly as what callers send.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::arguments::GLOBAL;
use super::{Command, Effect, FileKind, Kind, Mark, OPTIONS_LIMIT, Opt, REQUEST_TIMEOUT};

/// The longest path, permission or summary, in bytes.
const TEXT_LIMIT: usize = 256;

/// `[[command]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Added {
    /// Its words, with one blank between them.
    pub path: String,
    /// What it does, in one line.
    #[serde(default)]
    pub summary: String,
    /// `reads`, `stages`, `changes` or `job`; absent: `job`, which is taken with the most care.
    #[serde(default)]
    pub effect: Option<String>,
    /// Whether it has `--ignore-prompt`.
    #[serde(default)]
    pub ignore_prompt: bool,
    /// Whether what it prints can hold secrets.
    #[serde(default = "yes")]
    pub prints_secrets: bool,
    /// The permission it takes; absent: `security.…` and `authentication.…` after its path, else `tsm.` and
    /// its words.
    #[serde(default)]
    pub permission: Option<String>,
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
    /// Its short name, of one or two letters or digits, without the dash.
    #[serde(default)]
    pub short: Option<String>,
    /// What its value is: `flag`, `boolean`, `choice`, `text`, `file-name`, `host`, `port`, `seconds`,
    /// `milliseconds`, `protocols`, `send-file`, `fetch-file` or `secret`.
    pub kind: String,
    /// The words that a `choice` is among.
    #[serde(default)]
    pub choices: Vec<String>,
    /// Whether the command needs it.
    #[serde(default)]
    pub required: bool,
    /// Whether it may be given more than once. Not for files.
    #[serde(default)]
    pub repeatable: bool,
    /// Names of options that exclude it.
    #[serde(default)]
    pub conflicts: Vec<String>,
    /// What it does, in one line.
    #[serde(default)]
    pub summary: String,
}

/// Why an added command is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddedFault {
    /// There is one of that path already.
    #[error("there is a command `{0}` already")]
    Twice(String),
    /// One path begins with the other.
    #[error("`{0}` cannot be told from `{1}`: one begins with the other")]
    Beginning(String, String),
    /// What is wrong with it.
    #[error("`{0}`: {1}")]
    Wrong(String, String),
}

/// The kinds of an added option, by name.
const KINDS: &[(&str, Kind)] = &[
    ("flag", Kind::Flag),
    ("boolean", Kind::Boolean),
    ("choice", Kind::Choice(Vec::new())),
    ("text", Kind::Text),
    ("file-name", Kind::FileName),
    ("host", Kind::Host),
    ("port", Kind::Port),
    ("seconds", Kind::Seconds),
    ("milliseconds", Kind::Milliseconds),
    ("protocols", Kind::Protocols),
    ("send-file", Kind::SendFile(FileKind::Any)),
    ("fetch-file", Kind::FetchFile),
    ("secret", Kind::Secret),
];

fn yes() -> bool {
    true
}

impl Added {
    pub(super) fn command(self) -> Result<Command, AddedFault> {
        let path = shown(&self.path);
        self.judged().map_err(|fault| AddedFault::Wrong(path, fault))
    }

    fn judged(self) -> Result<Command, String> {
        let path = self.path;
        if path.len() > TEXT_LIMIT || !path.split(' ').all(is_word) {
            return Err("a path is words of a-z, 0-9 and -, with one blank between them".to_owned());
        }
        let effect = match self.effect.as_deref() {
            None | Some("job") => Effect::Job,
            Some("reads") => Effect::Reads,
            Some("stages") => Effect::Stages,
            Some("changes") => Effect::Changes,
            Some(_) => return Err("effect is one of reads, stages, changes, job".to_owned()),
        };
        let permission = permission(&path, self.permission)?;
        let options = options(self.option)?;
        let ignores = options.iter().any(|option| option.long == IGNORE_PROMPT);
        Ok(Command {
            path: path.into(),
            permission: permission.into(),
            summary: summary(self.summary)?.into(),
            options,
            effect,
            ignores_prompt: self.ignore_prompt || ignores,
            prints_secrets: self.prints_secrets,
            since: None,
            until: None,
            mark: Mark::Added,
            source: "added on this host".into(),
        })
    }
}

const IGNORE_PROMPT: &str = "ignore-prompt";

/// The permission that is named, or the one after the path.
fn permission(path: &str, named: Option<String>) -> Result<String, String> {
    let Some(named) = named else {
        let dotted = path.replace(' ', ".");
        let own = ["security ", "authentication "].iter().any(|family| path.starts_with(family));
        return Ok(if own { dotted } else { format!("tsm.{dotted}") });
    };
    // one word alone is `login`, and no command is that
    let good = named.len() <= TEXT_LIMIT && named.contains('.') && named.split('.').all(is_word);
    let should =
        "a permission is words of a-z, 0-9 and -, joined by dots, as `tsm.configuration.set`";
    if good { Ok(named) } else { Err(should.to_owned()) }
}

fn options(added: Vec<AddedOption>) -> Result<Vec<Opt>, String> {
    if added.len() > OPTIONS_LIMIT {
        return Err(format!("it has more than {OPTIONS_LIMIT} options"));
    }
    let options = added.into_iter().map(option).collect::<Result<Vec<_>, _>>()?;
    let mut names = BTreeSet::new();
    let mut shorts = BTreeSet::new();
    for option in &options {
        let name = &option.long;
        if !names.insert(name) || option.short.as_ref().is_some_and(|short| !shorts.insert(short)) {
            return Err(format!("the name or short name of `--{name}` is there twice"));
        }
    }
    for option in &options {
        for other in &option.conflicts {
            let Some(other) = options.iter().find(|one| one.long == *other) else {
                return Err(format!("`--{}` conflicts with what is no option", option.long));
            };
            if other.long == option.long || (other.required && option.required) {
                let (one, other) = (&option.long, &other.long);
                return Err(format!("`--{one}` and `--{other}` can never be given as they must"));
            }
        }
    }
    Ok(options)
}

fn option(added: AddedOption) -> Result<Opt, String> {
    let name = added.name;
    if name.len() > 64 || !is_word(&name) {
        return Err(
            "the name of an option is of a-z, 0-9 and -, and begins with no dash".to_owned()
        );
    }
    let wrong = |what: &str| Err(format!("`--{name}` {what}"));
    let short = added.short.as_deref();
    let letters = |short: &str| {
        (1..=2).contains(&short.len()) && short.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if short.is_some_and(|short| !letters(short)) {
        return wrong("has a short name that is not one or two letters or digits");
    }
    let taken = |global: &super::arguments::Name<'_>| {
        global.long == name || (short.is_some() && global.short == short)
    };
    if GLOBAL.iter().any(taken) {
        return wrong("has a name that all commands of `tsm` share");
    }
    let Some((_, kind)) = KINDS.iter().find(|(kind, _)| *kind == added.kind) else {
        let kinds: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
        return wrong(&format!("has a kind that is not one of {}", kinds.join(", ")));
    };
    let kind = match (kind, added.choices.is_empty()) {
        (Kind::Choice(_), true) => return wrong("is a choice without `choices`"),
        (Kind::Choice(_), false) => {
            let unique: BTreeSet<&String> = added.choices.iter().collect();
            let words = added.choices.iter().all(|word| Kind::Text.judge(word).is_ok());
            if !words || unique.len() != added.choices.len() {
                return wrong("has a choice twice, or one that is no text or begins with a dash");
            }
            Kind::Choice(added.choices.into_iter().map(Into::into).collect())
        }
        (_, false) => return wrong("has `choices` and is no choice"),
        (kind, true) => kind.clone(),
    };
    if added.repeatable && matches!(kind, Kind::SendFile(_) | Kind::FetchFile) {
        return wrong("is a file, which cannot be repeated");
    }
    if name == REQUEST_TIMEOUT && kind != Kind::Seconds {
        return wrong("is a number of seconds");
    }
    if name == IGNORE_PROMPT && kind != Kind::Flag {
        return wrong("is a flag");
    }
    Ok(Opt {
        short: added.short.map(Into::into),
        kind,
        required: added.required,
        default: None,
        repeatable: added.repeatable,
        conflicts: added.conflicts.into_iter().map(Into::into).collect(),
        summary: summary(added.summary)?.into(),
        long: name.into(),
    })
}

fn summary(summary: String) -> Result<String, String> {
    let good = summary.len() <= TEXT_LIMIT && !summary.contains(char::is_control);
    if good { Ok(summary) } else { Err("a summary is one line, and not long".to_owned()) }
}

/// A word of a path, a permission or the name of an option.
fn is_word(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !word.is_empty() && !word.starts_with('-') && word.bytes().all(plain)
}

/// A path as a complaint may show it.
fn shown(path: &str) -> String {
    path.chars().take(64).flat_map(char::escape_debug).collect()
}
