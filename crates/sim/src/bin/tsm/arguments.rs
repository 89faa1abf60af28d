//! The command line: which command, and what was given for its options.
//!
//! It reads by itself, as strictly as the vendor's pages are written: the words of the command first, then
//! options, each by its long name or by the short one of the page, which may have two letters, and its value as
//! an argument of its own. That a value may be joined by `=` is a guess; so are all refusals.

use std::ffi::OsString;

use tsmgate_catalogue::command::{Command, Kind, Opt, REQUEST_TIMEOUT};

use crate::failure::Failure;
use crate::{help, own};

/// What is asked for.
pub(crate) enum Wanted {
    /// A text for people.
    Help(String),
    /// A command.
    Command(Box<Asked>),
}

/// A command with its options.
pub(crate) struct Asked {
    pub(crate) command: &'static Command,
    given: Vec<(&'static str, String)>,
    pub(crate) global: Global,
}

/// What every command takes. Documented; the last one seen.
#[derive(Debug, Default)]
pub(crate) struct Global {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) server: Option<String>,
    /// Only this program's certificate is trusted, whether or not this is given.
    trusts: bool,
    request_timeout: Option<String>,
    help: bool,
}

/// Long and short name of the global options that take a value.
const GLOBALS: [(&str, &str); 4] =
    [("username", "u"), ("password", "p"), ("server", "s"), (REQUEST_TIMEOUT, "")];

impl Asked {
    /// What was given for an option.
    pub(crate) fn value(&self, long: &str) -> Option<&str> {
        self.values(long).next()
    }

    /// The same for one that may be given several times.
    pub(crate) fn values(&self, long: &str) -> impl Iterator<Item = &str> {
        self.given.iter().filter(move |(own, _)| *own == long).map(|(_, value)| value.as_str())
    }

    /// What was given for an option that the command has to have.
    pub(crate) fn required(&self, long: &str) -> Result<&str, Failure> {
        self.value(long).ok_or_else(|| missing(long))
    }

    /// Whether an option was given that takes no value.
    pub(crate) fn flag(&self, long: &str) -> bool {
        self.value(long).is_some()
    }

    /// For how many seconds to wait for a job.
    pub(crate) fn request_timeout(&self) -> Option<&str> {
        self.value(REQUEST_TIMEOUT).or(self.global.request_timeout.as_deref())
    }
}

/// Reads a command line, without the program's name.
pub(crate) fn read(given: Vec<OsString>) -> Result<Wanted, Failure> {
    let text = |one: OsString| one.into_string().map_err(|_| usage("An argument is no text."));
    let given: Vec<String> = given.into_iter().map(text).collect::<Result<_, _>>()?;
    let words = given.iter().take_while(|one| !one.starts_with('-')).count();
    let (words, options) = given.split_at(words);
    let path = words.join(" ");
    let wants_help = options.iter().any(|one| one == "-h" || one == "--help");
    let Some(command) = own::find(&path) else {
        return match path.strip_prefix("help").map(str::trim) {
            Some(about) => Ok(Wanted::Help(help::text(about))),
            None if wants_help => Ok(Wanted::Help(help::text(&path))),
            None => Err(usage(&format!("Unknown command '{path}'."))),
        };
    };
    let mut asked = Asked { command, given: Vec::new(), global: Global::default() };
    let mut rest = options.iter();
    while let Some(argument) = rest.next() {
        asked.take(argument, &mut rest)?;
    }
    if asked.global.help {
        return Ok(Wanted::Help(help::text(&path)));
    }
    asked.complete()?;
    Ok(Wanted::Command(Box::new(asked)))
}

impl Asked {
    fn take<'a>(
        &mut self,
        argument: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), Failure> {
        let (name, joined) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (argument, None),
        };
        let unknown = || usage(&format!("Unknown option '{name}'."));
        let value = |rest: &mut dyn Iterator<Item = &'a String>| -> Result<String, Failure> {
            match joined.map(str::to_owned).or_else(|| plain(rest.next())) {
                Some(value) if !value.is_empty() => Ok(value),
                _ => Err(usage(&format!("The option '{name}' needs a value."))),
            }
        };
        if let Some(option) = self.command.options.iter().find(|option| is(option, name)) {
            let value = match option.kind {
                Kind::Flag if joined.is_some() => return Err(unknown()),
                Kind::Flag => String::new(),
                _ => value(rest)?,
            };
            check(&option.kind, &value)
                .map_err(|why| usage(&format!("The option '{name}' {why}.")))?;
            if !option.repeatable && self.flag(&option.long) {
                return Err(usage(&format!("The option '{name}' is given twice.")));
            }
            self.given.push((&option.long, value));
            return Ok(());
        }
        let global = GLOBALS.iter().find(|(long, short)| {
            name.strip_prefix("--").is_some_and(|name| name == *long)
                || name.strip_prefix('-').is_some_and(|name| !name.is_empty() && name == *short)
        });
        match (global, name) {
            (Some(("username", _)), _) => self.global.username = Some(value(rest)?),
            (Some(("password", _)), _) => self.global.password = Some(value(rest)?),
            (Some(("server", _)), _) => self.global.server = Some(value(rest)?),
            (Some(_), _) => {
                let seconds = value(rest)?;
                check(&Kind::Seconds, &seconds)
                    .map_err(|why| usage(&format!("The option '{name}' {why}.")))?;
                self.global.request_timeout = Some(seconds);
            }
            (None, "--trust-admin-controller-cert") if joined.is_none() => {
                self.global.trusts = true
            }
            (None, "--help" | "-h") if joined.is_none() => self.global.help = true,
            _ => return Err(unknown()),
        }
        Ok(())
    }

    /// What is missing, and what excludes each other.
    fn complete(&self) -> Result<(), Failure> {
        for option in &self.command.options {
            let given = self.flag(&option.long);
            if option.required && !given {
                return Err(missing(&option.long));
            }
            let other = option.conflicts.iter().find(|other| given && self.flag(other));
            if let Some(other) = other {
                let both =
                    format!("The options '--{}' and '--{other}' exclude each other.", option.long);
                return Err(usage(&both));
            }
        }
        Ok(())
    }
}

/// Whether an argument names an option.
fn is(option: &Opt, name: &str) -> bool {
    let short = option.short.as_deref();
    name.strip_prefix("--").is_some_and(|name| name == option.long)
        || short.is_some_and(|short| name.strip_prefix('-') == Some(short))
}

/// The next argument, if it is a value. Guess: what begins with a dash is none.
fn plain(argument: Option<&String>) -> Option<String> {
    argument.filter(|value| !value.starts_with('-')).cloned()
}

/// Guess: what is wrong is refused before anybody is asked.
fn check(kind: &Kind, value: &str) -> Result<(), &'static str> {
    let number = |least: u64, most: u64| {
        value.parse::<u64>().is_ok_and(|number| (least..=most).contains(&number))
    };
    let (good, why) = match kind {
        Kind::Boolean => (value == "true" || value == "false", "takes true or false"),
        Kind::Choice(words) => (words.iter().any(|word| word == value), "does not take this value"),
        Kind::Port => (number(1, 65535), "takes a port"),
        Kind::Seconds => (number(1, u32::MAX.into()), "takes a number of seconds"),
        Kind::Milliseconds => (number(0, u32::MAX.into()), "takes a number of milliseconds"),
        _ => (true, ""),
    };
    if good { Ok(()) } else { Err(why) }
}

fn missing(long: &str) -> Failure {
    usage(&format!("The required option '--{long}' is missing."))
}

fn usage(text: &str) -> Failure {
    Failure::Usage(text.to_owned())
}
