//! Arguments in the vendor's manner, before clap sees them: short names of two letters, and values that
//! begin with a dash. The catalogue rewrites them; which options there are, ours too, is known here.

use std::ffi::OsString;

use tsmgate_catalogue::command::arguments::{Name, rewrite};
use tsmgate_catalogue::command::{Catalogue, Command, Kind};

use super::vendor;

/// The arguments of a whole command line, as clap can read them by this grammar; and whether one of them may
/// be a secret, so that none is to be said again.
pub(in crate::cli) fn rewritten(
    arguments: Vec<OsString>,
    grammar: &clap::Command,
) -> (Vec<OsString>, bool) {
    let words: Vec<&str> = arguments.iter().skip(1).map_while(|word| word.to_str()).collect();
    let Some((command, count)) = named(Catalogue::official().commands(), &words) else {
        return (arguments, false);
    };
    let mut leaf = grammar;
    for word in command.words() {
        let Some(below) = leaf.find_subcommand(word) else { return (arguments, false) };
        leaf = below;
    }
    let mut head = arguments;
    let tail = options(command, leaf, head.split_off((count + 1).min(head.len())));
    let with_secret = has_secret(command, &tail);
    head.extend(tail);
    (head, with_secret)
}

/// Whether rewritten arguments have a secret among them.
pub(super) fn has_secret(command: &Command, tail: &[OsString]) -> bool {
    let own = command.options.iter().filter(|option| option.kind == Kind::Secret);
    let longs: Vec<&str> = own.map(|option| &*option.long).chain([vendor::PASSWORD_LONG]).collect();
    tail.iter().any(|argument| {
        let bytes = argument.as_encoded_bytes();
        let name = bytes.split(|byte| *byte == b'=').next().unwrap_or_default();
        longs.iter().any(|long| name.strip_prefix(b"--") == Some(long.as_bytes()))
    })
}

/// The command that the first words name, the longest of those, and how many they are.
pub(super) fn named<'a>(commands: &'a [Command], words: &[&str]) -> Option<(&'a Command, usize)> {
    let matches = commands.iter().filter_map(|command| {
        let count = command.words().count();
        let own = words.get(..count)?;
        command.words().eq(own.iter().copied()).then_some((command, count))
    });
    matches.max_by_key(|(_, count)| *count)
}

/// What stands after the words of a command, whose grammar this is.
pub(super) fn options(
    command: &Command,
    grammar: &clap::Command,
    tail: Vec<OsString>,
) -> Vec<OsString> {
    let shorts: Vec<Option<String>> =
        grammar.get_arguments().map(|argument| argument.get_short().map(String::from)).collect();
    let others = grammar.get_arguments().zip(&shorts).filter_map(|(argument, short)| {
        let long = argument.get_long()?;
        let own = command.option(long).is_some();
        let value = argument.get_action().takes_values();
        (!own).then_some(Name { long, short: short.as_deref(), value })
    });
    let help = [Name { long: "help", short: Some("h"), value: false }];
    let names: Vec<_> = command.options.iter().map(Name::from).chain(others).chain(help).collect();
    rewrite(tail, &names)
}
