//! How a row of the table is written: the command, and its options with what differs from the usual.

use std::borrow::Cow;

use super::super::{Command, Effect, FileKind, Kind, Mark, Opt, REQUEST_TIMEOUT};

/// A command that reads.
pub(super) fn reads<const N: usize>(
    path: &'static str,
    summary: &'static str,
    options: [Opt; N],
) -> Command {
    row(Effect::Reads, path, summary, options.into())
}

/// A command that stages a change.
pub(super) fn stages<const N: usize>(
    path: &'static str,
    summary: &'static str,
    options: [Opt; N],
) -> Command {
    row(Effect::Stages, path, summary, options.into())
}

/// A row of a command that changes something at once.
pub(super) fn changes<const N: usize>(
    path: &'static str,
    summary: &'static str,
    options: [Opt; N],
) -> Command {
    row(Effect::Changes, path, summary, options.into())
}

/// A command that starts a job.
pub(super) fn job<const N: usize>(
    path: &'static str,
    summary: &'static str,
    options: [Opt; N],
) -> Command {
    row(Effect::Job, path, summary, options.into())
}

fn row(effect: Effect, path: &'static str, summary: &'static str, options: Vec<Opt>) -> Command {
    // who takes a secret may repeat it in a complaint
    Command {
        path: path.into(),
        permission: path.replace(' ', ".").into(),
        summary: summary.into(),
        ignores_prompt: options.iter().any(|option| option.long == "ignore-prompt"),
        // nothing says what the program prints beside what it is known to
        prints_secrets: true,
        options,
        effect,
        since: None,
        until: None,
        mark: Mark::Documented,
        source: "".into(),
    }
}

/// Rows of one page.
pub(super) fn from<const N: usize>(source: &'static str, rows: [Command; N]) -> Vec<Command> {
    rows.into_iter().map(|row| Command { source: source.into(), ..row }).collect()
}

/// What a few rows have beyond the usual.
impl Command {
    /// The permission is not its path.
    pub(super) fn permission(self, permission: &'static str) -> Self {
        Self { permission: permission.into(), ..self }
    }

    /// The first version that has it.
    pub(super) fn since(self, version: &'static str) -> Self {
        Self { since: Some(version.into()), ..self }
    }

    /// The first version that has it no more.
    pub(super) fn until(self, version: &'static str) -> Self {
        Self { until: Some(version.into()), ..self }
    }
}

/// Without a value.
pub(super) fn flag(long: &'static str, summary: &'static str) -> Opt {
    option(Kind::Flag, long, summary)
}

/// One line of text.
pub(super) fn text(long: &'static str, summary: &'static str) -> Opt {
    option(Kind::Text, long, summary)
}

/// One of a few words.
pub(super) fn choice<const N: usize>(
    long: &'static str,
    words: [&'static str; N],
    summary: &'static str,
) -> Opt {
    option(Kind::Choice(words.map(Cow::Borrowed).into()), long, summary)
}

/// A file that goes along.
pub(super) fn file(long: &'static str, kind: FileKind, summary: &'static str) -> Opt {
    option(Kind::SendFile(kind), long, summary)
}

/// For how long to wait for the job.
pub(super) fn request_timeout(default: &'static str) -> Opt {
    option(Kind::Seconds, REQUEST_TIMEOUT, "seconds to wait for the command to finish").or(default)
}

/// Any other kind.
pub(super) fn option(kind: Kind, long: &'static str, summary: &'static str) -> Opt {
    Opt {
        long: long.into(),
        short: None,
        kind,
        required: false,
        default: None,
        repeatable: false,
        conflicts: Vec::new(),
        summary: summary.into(),
    }
}

/// What differs from the usual.
impl Opt {
    /// Its short name.
    pub(super) fn short(self, short: &'static str) -> Self {
        Self { short: Some(short.into()), ..self }
    }

    /// It is needed.
    pub(super) fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// What TSM takes where it is not given.
    pub(super) fn or(self, default: &'static str) -> Self {
        Self { default: Some(default.into()), ..self }
    }

    /// The options that exclude it.
    pub(super) fn without<const N: usize>(self, others: [&'static str; N]) -> Self {
        Self { conflicts: others.map(Cow::Borrowed).into(), ..self }
    }
}
