//! Orders, made from the table.

use tsmgate_catalogue::command::{Command, Kind, Opt};

use super::SECRET;

/// One order: options with their values.
pub type Chosen<'a> = Vec<(&'a Opt, String)>;

/// A value that is one of the option's kind, and not its default.
fn value(option: &Opt) -> String {
    let default = option.default.as_deref();
    let text = match &option.kind {
        Kind::Flag | Kind::SendFile(_) | Kind::FetchFile => "",
        Kind::Boolean if default == Some("true") => "false",
        Kind::Boolean => "true",
        Kind::Choice(words) => words.last().unwrap(),
        Kind::Host => "service.example.com",
        Kind::Port => "9005",
        Kind::Seconds => "90",
        Kind::Milliseconds => "2500",
        Kind::Protocols => "all -SSLv2 -SSLv3 -TLSv1",
        Kind::FileName => "nightly",
        Kind::Secret => SECRET,
        Kind::Text if option.long.ends_with("retention") => "3",
        Kind::Text if option.long.ends_with("date") => "01/31/2026",
        Kind::Text => "some text",
    };
    text.to_owned()
}

/// The orders of a command: one with what it needs, as many as it takes to have each option in one beside all
/// that may stand with it, and one for each word of a choice.
pub fn orders(command: &Command) -> Vec<Chosen<'_>> {
    let required = || -> Chosen<'_> {
        let needed = command.options.iter().filter(|option| option.required);
        needed.map(|option| (option, value(option))).collect()
    };
    let mut orders = vec![required()];
    let mut left: Vec<&Opt> = command.options.iter().collect();
    while !left.is_empty() {
        let mut order = required();
        for option in left.clone().into_iter().chain(&command.options) {
            let there = order.iter().any(|(other, _)| other.long == option.long);
            let excluded = order.iter().any(|(other, _)| {
                other.conflicts.contains(&option.long) || option.conflicts.contains(&other.long)
            });
            if !there && !excluded {
                order.push((option, value(option)));
            }
        }
        let before = left.len();
        left.retain(|option| order.iter().all(|(other, _)| other.long != option.long));
        assert!(left.len() < before, "{} can never stand: {left:?}", command.path);
        orders.push(order);
    }
    for option in &command.options {
        let Kind::Choice(words) = &option.kind else { continue };
        for word in words {
            let mut order = required();
            order.retain(|(other, _)| other.long != option.long);
            order.push((option, word.clone().into_owned()));
            orders.push(order);
        }
    }
    orders
}
