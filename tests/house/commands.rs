//! The README's table of commands: it says what the catalogue has, and all of it.

use tsmgate_catalogue::command::{Catalogue, Command, Effect, Kind, Opt};

use crate::read;

/// An option as the table writes it: a required one plain, others in brackets.
fn option(option: &Opt) -> String {
    let value = match &option.kind {
        Kind::Flag => "",
        Kind::SendFile(_) => " FILE→",
        Kind::FetchFile => " →FILE",
        Kind::Secret => " SECRET",
        _ => " …",
    };
    match option.required {
        true => format!("`--{}{value}`", option.long),
        false => format!("[`--{}{value}`]", option.long),
    }
}

fn row(command: &Command) -> String {
    let options: Vec<_> = command.options.iter().map(option).collect();
    let effect = match command.effect {
        Effect::Reads => "reads",
        Effect::Stages => "stages",
        Effect::Changes => "at once",
        Effect::Job => "job",
    };
    let permission = match *command.permission == *command.path.replace(' ', ".") {
        true => String::new(),
        false => format!(" (`{}`)", command.permission),
    };
    format!("| `{}`{permission} | {effect} | {} |", command.path, options.join(" "))
}

#[test]
fn the_readme_has_the_table_of_commands() {
    let readme = read("README.md");
    let wanted: Vec<_> = Catalogue::official().commands().iter().map(row).collect();
    let (_, section) = readme.split_once("## Commands of `tsm`").unwrap();
    let (_, table) = section.split_once("|---|---|---|\n").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let found: Vec<_> = table.lines().collect();
    assert_eq!(found, wanted, "it should be:\n{}", wanted.join("\n"));
}
