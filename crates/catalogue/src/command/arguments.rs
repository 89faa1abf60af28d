//! From arguments as the vendor's tool takes them to arguments as a usual parser does: short names of two
//! letters, and values that begin with a dash. Nothing is judged here, and nothing lost: what is not known stays
//! as it is, for the parser to complain of.

use std::ffi::{OsStr, OsString};

use super::Opt;

/// A name that can stand among the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    /// Its long form, without dashes.
    pub long: &'a str,
    /// Its short form without the dash, of one or two letters.
    pub short: Option<&'a str>,
    /// Whether a value follows.
    pub value: bool,
}

impl<'a> From<&'a Opt> for Name<'a> {
    fn from(option: &'a Opt) -> Self {
        // files have names here, where they are read from or written to
        let value = option.kind != super::Kind::Flag;
        Self { long: &option.long, short: option.short.as_deref(), value }
    }
}

/// The options that each of the vendor's commands has.
pub const GLOBAL: &[Name<'static>] = &[
    Name { long: "help", short: Some("h"), value: false },
    Name { long: "username", short: Some("u"), value: true },
    Name { long: "password", short: Some("p"), value: true },
    Name { long: "server", short: Some("s"), value: true },
    Name { long: "trust-admin-controller-cert", short: None, value: false },
];

/// Writes the arguments after a command's path so that each known option has its long name, and each value
/// that begins with a dash is joined to its option by `=`.
///
/// `-cf FILE` becomes `--cert-file FILE`, `-cf=FILE` `--cert-file=FILE`, `--protocols -SSLv3`
/// `--protocols=-SSLv3`. What follows an option is its value unless it is itself one of `names`; after `--`
/// all stays.
pub fn rewrite(arguments: Vec<OsString>, names: &[Name<'_>]) -> Vec<OsString> {
    let mut written = Vec::with_capacity(arguments.len());
    let mut rest = arguments.into_iter().peekable();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            written.push(argument);
            written.extend(rest);
            break;
        }
        let Some((name, joined)) = known(&argument, names) else {
            written.push(argument);
            continue;
        };
        let mut long = OsString::from(format!("--{}", name.long));
        if let Some(value) = joined {
            long.push("=");
            long.push(value);
            written.push(long);
            continue;
        }
        let value = rest.next_if(|next| name.value && next != "--" && known(next, names).is_none());
        match value {
            Some(value) if begins_with_dash(&value) => {
                long.push("=");
                long.push(value);
                written.push(long);
            }
            value => {
                written.push(long);
                written.extend(value);
            }
        }
    }
    written
}

/// The name that an argument is, and the value that is joined to it.
fn known<'a>(
    argument: &'a OsStr,
    names: &'a [Name<'a>],
) -> Option<(&'a Name<'a>, Option<&'a str>)> {
    // an option with a value that is not UTF-8 stays as it is: its long form is understood in any case
    let argument = argument.to_str()?;
    let (name, value) = match argument.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (argument, None),
    };
    let found = match name.strip_prefix("--") {
        Some(long) => names.iter().find(|name| name.long == long),
        None => {
            let short = name.strip_prefix('-')?;
            names.iter().find(|name| name.short == Some(short))
        }
    };
    found.map(|name| (name, value))
}

fn begins_with_dash(value: &OsStr) -> bool {
    value.as_encoded_bytes().first() == Some(&b'-')
}
