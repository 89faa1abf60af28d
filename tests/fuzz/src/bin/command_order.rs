//! An order for a command of `tsm`, a line each: its path, then `option`, `option=value` or `option@file:content`.
//! What is taken has an argument vector in which no value is an option, and of which no value got lost.
#![no_main]

use std::ffi::OsString;
use std::path::Path;

use data_encoding::BASE64;
use fuzz::is_visible;
use tsmgate_catalogue::command::arguments::{GLOBAL, Name, rewrite};
use tsmgate_catalogue::command::{Catalogue, Checked, Given, MASK, OneOption, Order, SentFile};

const CODES: &[&str] = &[
    "unknown_command",
    "unknown_option",
    "option_missing",
    "option_repeated",
    "options_conflict",
    "bad_value",
    "bad_file",
];

libfuzzer_sys::fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let command = lines.next().unwrap_or_default().to_owned();
    let order = Order { command, options: lines.clone().map(option).collect(), run_seconds: None };
    match Catalogue::official().check(&order) {
        Ok(checked) => {
            let folder = Path::new("/w");
            let place = |option: &_| folder.join(checked.file_name(option));
            each_stands_by_itself(&checked, checked.arguments(place), |secret| secret.to_owned());
            each_stands_by_itself(&checked, checked.shown(folder), |_| MASK.to_owned());
        }
        Err(fault) => {
            assert!(CODES.contains(&fault.code), "{}", fault.code);
            assert!(is_visible(&fault.message) && fault.message.len() < 1024, "{fault:?}");
        }
    }
    as_typed(&order.command, lines.map(OsString::from).collect());
});

fn option(line: &str) -> OneOption {
    let one = |name: &str| OneOption { name: name.to_owned(), value: None, file: None };
    match line.split_once(['=', '@']) {
        None => one(line),
        Some((name, value)) if line.as_bytes()[name.len()] == b'=' => {
            OneOption { value: Some(value.into()), ..one(name) }
        }
        Some((option, file)) => {
            let (name, content) = file.split_once(':').unwrap_or((file, ""));
            let content = BASE64.encode(content.as_bytes()).as_str().into();
            OneOption { file: Some(SentFile { name: name.to_owned(), content }), ..one(option) }
        }
    }
}

/// Reads the vector as `tsm` does, and finds what was given and nothing else.
fn each_stands_by_itself(
    checked: &Checked<'_>,
    arguments: Vec<String>,
    secret: impl Fn(&str) -> String,
) {
    let mut rest = arguments.iter().map(String::as_str);
    assert!(arguments.iter().all(|argument| !argument.contains(char::is_control)));
    assert!(checked.command.words().all(|word| rest.next() == Some(word)));
    for (option, given) in &checked.given {
        let name = format!("--{}", option.long);
        let first = rest.next().expect("each option is there");
        let mut value = |first: &str| match first.strip_prefix(&name) {
            Some("") => {
                let value = rest.next().expect("its value follows").to_owned();
                assert!(!value.starts_with(['-', '@']), "{value} could be something else");
                value
            }
            joined => joined.and_then(|j| j.strip_prefix('=')).expect("its name").to_owned(),
        };
        match given {
            Given::Flag => assert_eq!(first, name),
            Given::Value(given) => assert_eq!(value(first), *given),
            Given::Secret(text) => assert_eq!(value(first), secret(text.expose())),
            Given::Sent(..) | Given::Fetched => {
                assert_eq!(value(first), format!("/w/{}", checked.file_name(option)));
            }
        }
    }
    let given = checked.given.iter().any(|(option, _)| option.long == "ignore-prompt");
    if checked.command.ignores_prompt && !given {
        assert_eq!(rest.next(), Some("--ignore-prompt"));
    }
    assert_eq!(rest.next(), None, "nothing stands there that was not given");
}

/// What a person typed, rewritten for a usual parser: nothing is lost, and there is nothing left to rewrite.
fn as_typed(command: &str, typed: Vec<OsString>) {
    let Some(command) = Catalogue::official().find(command) else { return };
    let names: Vec<Name<'_>> =
        command.options.iter().map(Name::from).chain(GLOBAL.iter().copied()).collect();
    let written = rewrite(typed.clone(), &names);
    assert_eq!(rewrite(written.clone(), &names), written);
    for argument in typed {
        let text = argument.to_string_lossy();
        let is_there = |written: &OsString| written.to_string_lossy().ends_with(text.as_ref());
        let is_name = text.starts_with('-');
        assert!(is_name || written.iter().any(is_there), "{text} got lost");
    }
}
