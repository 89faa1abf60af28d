//! Commands of `tsm`: the README's table says what the catalogue has, and all of it; and who may have which
//! run, as one table written by hand.

use std::path::Path;

use tests::commands::rows;
use tsmgate_catalogue::command::{Catalogue, Command, Effect, Kind, Opt, Order};
use tsmgate_gate::permission::{Permission, Role};

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

/// R57: by default denied: a role has a command run only where the table says so; and no command is
/// without its line, and no line without its command
#[test]
fn every_command_against_every_built_in_role() {
    let roles = Role::built_in();
    let ours = Catalogue::official().commands().iter().map(|command| {
        let wanted: Permission = command.permission.parse().unwrap();
        let gives = roles.iter().filter(|role| role.gives(&wanted)).map(Role::name);
        format!("{} {} {:?}", command.path, wanted.name(), gives.collect::<Vec<_>>())
    });
    let table = rows();
    let wanted = table.iter().map(|row| format!("{} {} {:?}", row.path, row.permission, row.roles));
    assert_eq!(ours.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
}

/// Each order of the table is one that the catalogue has, and comes to the arguments beside it
#[test]
fn each_order_of_the_table_comes_to_its_arguments() {
    let folder = Path::new("/there");
    for row in rows() {
        let order: Order = serde_json::from_value(row.order()).unwrap();
        let checked =
            Catalogue::official().check(&order).unwrap_or_else(|f| panic!("{row:?}: {f}"));
        let arguments = checked.arguments(|option| folder.join(checked.file_name(option)));
        assert_eq!(arguments, row.arguments(folder));
    }
}
