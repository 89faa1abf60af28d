//! An order beside the table, option by option. What is said of a fault names the option and never a value:
//! a value may be a secret.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::super::value::is_component;
use super::super::{Catalogue, Kind, Opt, REQUEST_TIMEOUT};
use super::{Checked, Given, OneOption, Order, OrderFault, SentFile};

/// The most options of one order.
pub const OPTIONS_LIMIT: usize = 64;

pub(in super::super) fn check<'a>(
    catalogue: &'a Catalogue,
    order: &'a Order,
) -> Result<Checked<'a>, OrderFault> {
    let command = catalogue.find(&order.command).ok_or_else(|| {
        fault("unknown_command", "there is no such command in the catalogue".to_owned())
    })?;
    if order.run_seconds == Some(0) {
        return Err(fault("bad_value", "`run_seconds` is at least 1".to_owned()));
    }
    if order.options.len() > OPTIONS_LIMIT {
        return Err(fault("option_repeated", format!("more than {OPTIONS_LIMIT} options")));
    }
    let mut given: Vec<(&Opt, Given<'_>)> = Vec::with_capacity(order.options.len());
    for one in &order.options {
        let option = command.option(&one.name).ok_or_else(|| unknown(&one.name))?;
        if !option.repeatable && given.iter().any(|(before, _)| before.long == option.long) {
            let message = format!("`--{}` is given more than once", option.long);
            return Err(fault("option_repeated", message));
        }
        given.push((option, judge(option, one)?));
    }
    let has = |long: &str| given.iter().any(|(option, _)| option.long == long);
    for option in &command.options {
        if option.required && !has(&option.long) {
            return Err(fault("option_missing", format!("`--{}` is needed", option.long)));
        }
        if let Some(other) = option.conflicts.iter().find(|other| has(&option.long) && has(other)) {
            let message = format!("`--{}` and `--{other}` exclude each other", option.long);
            return Err(fault("options_conflict", message));
        }
    }
    let request_timeout = given.iter().find_map(|(option, given)| match given {
        Given::Value(value) if option.long == REQUEST_TIMEOUT => value.parse().ok(),
        _ => None,
    });
    Ok(Checked { command, given, request_timeout, run_seconds: order.run_seconds })
}

/// What was given for an option, where it is of the option's kind.
fn judge<'a>(option: &Opt, one: &'a OneOption) -> Result<Given<'a>, OrderFault> {
    let name = &option.long;
    let bad_value = |should: &str| fault("bad_value", format!("`--{name}` {should}"));
    let bad_file = |should: &str| fault("bad_file", format!("`--{name}` {should}"));
    let sends = matches!(option.kind, Kind::SendFile(_));
    match (&one.value, &one.file) {
        (Some(_), _) if sends => Err(bad_file("takes a file and no value")),
        (_, Some(_)) if !sends => Err(bad_file("takes no file")),
        (Some(_), _) if !option.kind.takes_value() => Err(bad_value("takes no value")),
        (None, None) if sends => Err(bad_file("takes a file")),
        (None, None) if option.kind.takes_value() => Err(bad_value("takes a value")),
        (Some(text), _) => {
            option.kind.judge(text.expose()).map_err(|should| bad_value(&should))?;
            Ok(match option.kind {
                Kind::Secret => Given::Secret(text),
                _ => Given::Value(text.expose()),
            })
        }
        (None, Some(file)) => sent(file).map_err(bad_file),
        (None, None) if option.kind == Kind::FetchFile => Ok(Given::Fetched),
        (None, None) => Ok(Given::Flag),
    }
}

/// A file whose name is one plain component and whose content is base64.
fn sent(file: &SentFile) -> Result<Given<'_>, &'static str> {
    let name = file.name.as_str();
    if !is_component(name) {
        return Err("has a file whose name is none, or has folders in it");
    }
    let content = BASE64.decode(file.content.expose().as_bytes());
    let content = content.map_err(|_| "has a file whose content is not base64")?;
    Ok(Given::Sent(name, Zeroizing::new(content)))
}

/// Names come from the caller too: only what could be one is repeated.
fn unknown(name: &str) -> OrderFault {
    const LONGEST: usize = 64;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let message = if (1..=LONGEST).contains(&name.len()) && name.bytes().all(plain) {
        format!("the command has no option `--{name}`")
    } else {
        "the command has no such option".to_owned()
    };
    fault("unknown_option", message)
}

fn fault(code: &'static str, message: String) -> OrderFault {
    OrderFault { code, message }
}
