//! The commands of the catalogue as clap sees them: words as subcommands, options by the vendor's names.
//!
//! What a value may be is the catalogue's to decide; clap has the names, and what `--help` shows. A short
//! name of two letters is not clap's: it is rewritten before.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Args, value_parser};
use std::path::PathBuf;
use tsmgate_catalogue::command::{Catalogue, Command, Effect, FileKind, Kind, Opt};

use super::options::{ApplyOptions, CommandOptions};
use super::secret;
use super::vendor;

const HEADING: &str = "Options of tsm";

/// The name in clap of an option of the catalogue's, which is none of ours.
pub(super) fn id(option: &Opt) -> String {
    format!("tsm --{}", option.long)
}

/// The name in clap of the option that names a file with a secret.
pub(super) fn file_id(option: &Opt) -> String {
    format!("tsm --{} from a file", option.long)
}

/// The first words of the vendor's commands, each once.
pub(super) fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&str> = Vec::new();
    for command in Catalogue::official().commands() {
        let word = command.words().next().unwrap_or_default();
        if !groups.contains(&word) {
            groups.push(word);
        }
    }
    groups
}

/// All of the vendor's commands below this one.
pub(super) fn augment(mut root: clap::Command) -> clap::Command {
    for group in groups() {
        root = root.subcommand(node(group));
    }
    root
}

/// The command of that path, or those below it, or both.
fn node(path: &str) -> clap::Command {
    let commands = Catalogue::official().commands();
    let below = |command: &Command| {
        let rest = command.path.strip_prefix(path)?.strip_prefix(' ')?;
        rest.split(' ').next().map(str::to_owned)
    };
    let mut words: Vec<String> = Vec::new();
    for word in commands.iter().filter_map(below) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    let word = path.rsplit(' ').next().unwrap_or(path).to_owned();
    let own = Catalogue::official().find(path);
    let mut made = match own {
        Some(own) => leaf(clap::Command::new(word), own),
        None => clap::Command::new(word)
            .about(format!("Run tsm {path} on the gate's host: {}", words.join(", ")))
            .subcommand_required(true)
            .arg_required_else_help(true),
    };
    for word in words {
        made = made.subcommand(node(&format!("{path} {word}")));
    }
    made
}

/// A command that can be run, with all that can be said to it.
fn leaf(made: clap::Command, command: &Command) -> clap::Command {
    let made = bare(made, command);
    let mut made = CommandOptions::augment_args(made.next_help_heading("Options of tsmgate"));
    if command.effect == Effect::Stages {
        made = ApplyOptions::augment_args(made);
    }
    // what the options say of themselves is not what the command is about
    made.about(about(command)).long_about(None)
}

/// A command with the vendor's own options alone.
pub(super) fn bare(made: clap::Command, command: &Command) -> clap::Command {
    let made = made.about(about(command)).after_help(after_help(command));
    let mut made = made.next_help_heading(HEADING);
    for option in &command.options {
        made = made.arg(argument(option, command));
        if option.kind == Kind::Secret {
            made = made.arg(secret_file(option));
        }
    }
    vendor::augment(made, command)
}

fn argument(option: &Opt, command: &Command) -> Arg {
    let mut made = Arg::new(id(option)).long(option.long.clone().into_owned()).help(help(option));
    let mut letters = option.short.iter().flat_map(|short| short.chars());
    if let (Some(letter), None) = (letters.next(), letters.next()) {
        made = made.short(letter);
    }
    for other in option.conflicts.iter().filter_map(|long| command.option(long)) {
        made = made.conflicts_with(id(other));
    }
    if option.kind == Kind::Flag {
        return made.action(ArgAction::SetTrue);
    }
    let action = if option.repeatable { ArgAction::Append } else { ArgAction::Set };
    made = made.action(action).value_name(value_name(&option.kind));
    made = match &option.kind {
        Kind::SendFile(_) | Kind::FetchFile => made.value_parser(value_parser!(PathBuf)),
        Kind::Choice(words) => {
            let words: Vec<_> = words.iter().map(|word| word.clone().into_owned()).collect();
            made.value_parser(PossibleValuesParser::new(words))
        }
        Kind::Boolean => made.value_parser(["true", "false"]),
        _ => made.value_parser(value_parser!(String)),
    };
    // a secret can also come from a file or the environment
    made.required(option.required && option.kind != Kind::Secret)
}

fn secret_file(option: &Opt) -> Arg {
    Arg::new(file_id(option))
        .long(format!("{}-file", option.long))
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .conflicts_with(id(option))
        .help(format!(
            "The same from this file, with mode 0600; or set {}",
            secret::variable(option)
        ))
}

/// What stands for a value in the help.
fn value_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Flag => "",
        Kind::Boolean => "true|false",
        Kind::Choice(_) => "WORD",
        Kind::Text => "TEXT",
        Kind::FileName => "NAME",
        Kind::Host => "HOST",
        Kind::Port => "PORT",
        Kind::Seconds => "SECONDS",
        Kind::Milliseconds => "MILLISECONDS",
        Kind::Protocols => "LIST",
        Kind::SendFile(_) | Kind::FetchFile => "FILE",
        Kind::Secret => "VALUE",
    }
}

fn help(option: &Opt) -> String {
    let mut text = sentence(&option.summary);
    let more = match &option.kind {
        Kind::SendFile(FileKind::Any) => "; read here, and sent",
        Kind::SendFile(_) => "; read and checked here, and sent",
        Kind::FetchFile => "; written here, - is stdout",
        Kind::Secret => "; - asks for it",
        _ => "",
    };
    text.push_str(more);
    if let Some(short) = option.short.as_ref().filter(|short| short.chars().count() > 1) {
        text.push_str(&format!("; also -{short}"));
    }
    if let Some(default) = &option.default {
        text.push_str(&format!(" [default at TSM: {default}]"));
    }
    text
}

fn about(command: &Command) -> String {
    sentence(&command.summary)
}

fn after_help(command: &Command) -> String {
    let effect = match command.effect {
        Effect::Reads => "It reads.",
        Effect::Stages => "It stages a change, for `pending-changes apply` to put into effect.",
        Effect::Changes => "It takes effect at once.",
        Effect::Job => "It starts a job, with which TSM goes on whoever leaves.",
    };
    let mut versions = String::new();
    if let Some(since) = &command.since {
        versions.push_str(&format!(" TSM has it since {since}."));
    }
    if let Some(until) = &command.until {
        versions.push_str(&format!(" TSM has it no more since {until}."));
    }
    format!(
        "Runs `tsm {}` on the gate's host. {effect}{versions}\n\
         Takes the permission {}. Exit code: that of tsm, 0 to 63; 63 also where it ended in any other way.\n\
         JSON: what happens, one object a line: n, at, and stdout, stderr, progress, state, file or end.",
        command.path, command.permission,
    )
}

/// The catalogue's lines begin with a small letter, as parts of a sentence; clap's do not.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>());
    first.unwrap_or_default() + characters.as_str()
}
