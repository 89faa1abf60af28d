//! Arguments in the vendor's manner, before clap sees them: short names of two letters, and values that
//! begin with a dash.

use std::ffi::OsString;

use tsmgate_catalogue::command::{Catalogue, Command};

/// The arguments of a whole command line, as clap can read them.
pub(in crate::cli) fn rewritten(arguments: Vec<OsString>) -> Vec<OsString> {
    let words: Vec<&str> = arguments.iter().skip(1).map_while(|word| word.to_str()).collect();
    let Some((command, count)) = named(Catalogue::official().commands(), &words) else {
        return arguments;
    };
    let (head, tail) = arguments.split_at((count + 1).min(arguments.len()));
    let mut made = head.to_vec();
    made.extend(options(command, tail));
    made
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

/// What stands after the words.
pub(super) fn options(command: &Command, tail: &[OsString]) -> Vec<OsString> {
    let _ = command;
    tail.to_vec()
}
