//! Commands beside those of the catalogue: what a runner needs to see whether a job goes on, and a few that an
//! operator may add to a gate.
//!
//! Documented, all of them; one that the catalogue has is taken from there.

use std::sync::LazyLock;

use tsmgate_catalogue::command::{Catalogue, Command, Effect, Kind, Mark, Opt};

/// The command of that path.
pub(crate) fn find(path: &str) -> Option<&'static Command> {
    all().find(|command| command.path == path)
}

/// All of them, the catalogue's first.
pub(crate) fn all() -> impl Iterator<Item = &'static Command> {
    static OWN: LazyLock<Vec<Command>> = LazyLock::new(own);
    let catalogue = Catalogue::official();
    let more = OWN.iter().filter(|command| catalogue.find(&command.path).is_none());
    catalogue.commands().iter().chain(more)
}

fn own() -> Vec<Command> {
    let flag = |long, short| option(long, short, Kind::Flag);
    let text = |long, short| option(long, short, Kind::Text);
    let needed = |option: Opt| Opt { required: true, ..option };
    vec![
        command("status", vec![flag("verbose", "v")]),
        command("jobs list", vec![text("status", "t")]),
        command("jobs reconnect", vec![text("id", "i")]),
        command("jobs cancel", vec![needed(text("id", "i"))]),
        command("configuration get", vec![needed(text("key", "k"))]),
        command(
            "configuration set",
            vec![
                needed(text("key", "k")),
                text("value", "v"),
                flag("default", "d"),
                flag("force-keys", "frc"),
            ],
        ),
        command("version", Vec::new()),
    ]
}

fn command(path: &'static str, options: Vec<Opt>) -> Command {
    Command {
        path: path.into(),
        permission: path.replace(' ', ".").into(),
        summary: "beside the catalogue".into(),
        options,
        effect: Effect::Reads,
        ignores_prompt: false,
        prints_secrets: true,
        since: None,
        until: None,
        mark: Mark::Documented,
        source: "Tableau help 2020.3".into(),
    }
}

fn option(long: &'static str, short: &'static str, kind: Kind) -> Opt {
    Opt {
        long: long.into(),
        short: Some(short.into()),
        kind,
        required: false,
        default: None,
        repeatable: false,
        conflicts: Vec::new(),
        summary: "".into(),
    }
}
