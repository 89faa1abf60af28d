//! The command line of `tsmgate`: reads arguments, calls the library, says what happened.
//!
//! Answers go to stdout, talk to stderr, one exit code of [`crate::exit`] comes back. Stdin is touched
//! only where an option says so, or a question is asked. Secrets come from files or from the terminal, and a
//! session leaves through stdout or a file that only its owner can read. One lane alone takes secrets as
//! arguments, with a warning: the vendor's commands, whose scripts have them so. A token to join by may be one
//! too, with one as well: it is good once, and not for long.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use tsmgate_pki::PkiError;

use crate::LoginFailure;
use crate::api::ApiFailure;
use crate::exit::Exit;
use crate::monitor::GatewayFailure;
use crate::system::descriptor::out_of_the_way;
use crate::system::terminal;

mod ask;
mod colour;
mod command;
mod commands;
mod complaint;
mod completions;
mod cookie_jar;
mod doctor;
mod exec;
mod forward;
mod gate_options;
mod join;
mod login;
mod monitor;
mod peer_options;
mod pki;
mod profile;
mod progress;
mod render;
mod renew;
mod session;
mod table;
mod target;
mod wait;
mod whom;

use colour::dress;
use complaint::Complaint;

/// Ask Tableau Services Manager, through a gate
#[derive(Debug, Parser)]
#[command(name = "tsmgate", version, after_help = Exit::table())]
struct Arguments {
    #[command(flatten)]
    whom: whom::WhomOptions,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Login(login::LoginArgs),
    Exec(exec::ExecArgs),
    CookieJar(cookie_jar::CookieJarArgs),
    #[command(flatten)]
    Ask(ask::AskVerb),
    Monitor(monitor::MonitorArgs),
    #[command(subcommand)]
    Commands(commands::CommandsVerb),
    #[command(subcommand)]
    Profile(profile::ProfileVerb),
    Forward(forward::ForwardArgs),
    Doctor(doctor::DoctorArgs),
    Join(join::JoinArgs),
    Renew(renew::RenewArgs),
    Pki(pki::PkiArgs),
    #[command(flatten)]
    Manual(tsmgate_manual::Shown),
    #[command(flatten)]
    OnHost(command::OnHost),
}

/// The columns of a terminal that does not say how many it has.
const USUAL_WIDTH: usize = 80;

/// Where a run talks to.
struct Streams<'a> {
    /// Answers.
    out: &'a mut dyn Write,
    /// Whether a person would see them.
    out_is_terminal: bool,
    /// How wide the terminal is that shows them, in columns.
    out_width: Option<usize>,
    /// Whether they are coloured.
    coloured: bool,
    /// Everything else.
    talk: &'a mut dyn Write,
    /// How wide the terminal is that shows the rest, asked anew each time.
    talk_width: Option<fn() -> usize>,
}

impl Streams<'_> {
    /// Writes an answer. A reader that went away has read enough: that is quietly a success.
    fn answer(&mut self, bytes: &[u8]) -> Result<(), Complaint> {
        match self.out.write_all(bytes) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Complaint::stdout(&error))
            }
            _ => Ok(()),
        }
    }

    /// Writes an answer that was rendered for a person.
    fn rendered(&mut self, text: String) -> Result<(), Complaint> {
        let text = dress(text, self.coloured);
        self.answer(text.as_bytes())
    }

    /// Says one line; where it cannot be said there is nobody to tell.
    fn say(&mut self, line: &str) {
        let _ = self.talk.write_all(format!("tsmgate: {line}\n").as_bytes());
    }
}

/// The whole command as clap sees it, for man pages, completions and tests.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs this process's command line.
pub fn main() -> ExitCode {
    let stdout = io::stdout();
    let out_is_terminal = stdout.is_terminal();
    // not through std's buffer: it would keep an unwiped copy of what goes through it
    let exit = match out_of_the_way(&stdout) {
        Ok(out) => {
            let mut out = File::from(out);
            let streams = Streams {
                out: &mut out,
                out_is_terminal,
                out_width: terminal::width(&stdout),
                coloured: false,
                talk: &mut io::stderr(),
                talk_width: io::stderr().is_terminal().then_some(talk_width),
            };
            run(std::env::args_os(), streams)
        }
        Err(error) => Complaint::stdout(&error).tell(&mut io::stderr()).code(),
    };
    ExitCode::from(exit)
}

/// How wide the terminal of stderr is now.
fn talk_width() -> usize {
    terminal::width(io::stderr()).unwrap_or(USUAL_WIDTH)
}

/// Runs one command line; the number is the exit code.
fn run(arguments: impl IntoIterator<Item = OsString>, mut streams: Streams<'_>) -> u8 {
    let grammar = command();
    let (arguments, with_secret) = command::rewritten(arguments.into_iter().collect(), &grammar);
    // half of a token, where somebody pasted it in two
    let with_secret = with_secret || arguments.iter().any(|word| word == "join");
    let matches = match grammar.try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return misread(&error, with_secret, &mut streams).code(),
    };
    let verb = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments.verb,
        Err(error) => return misread(&error, with_secret, &mut streams).code(),
    };
    match verb {
        Verb::Login(arguments) => {
            // clap gives the matches of the verb it parsed; without them nothing counts as typed
            let given = matches.subcommand_matches("login").cloned().unwrap_or_default();
            login::run(arguments, &given, &mut streams).code()
        }
        Verb::Exec(arguments) => exec::run(arguments, innermost(&matches), &mut streams).code(),
        Verb::CookieJar(arguments) => {
            cookie_jar::run(arguments, innermost(&matches), &mut streams).code()
        }
        Verb::Ask(verb) => ask::run(verb, innermost(&matches), &mut streams).code(),
        Verb::Profile(verb) => profile::run(verb, innermost(&matches), &mut streams).code(),
        Verb::Forward(arguments) => {
            forward::run(arguments, innermost(&matches), &mut streams).code()
        }
        Verb::Doctor(arguments) => doctor::run(arguments, innermost(&matches), &mut streams).code(),
        Verb::Monitor(arguments) => {
            monitor::run(arguments, innermost(&matches), &mut streams).code()
        }
        Verb::Join(arguments) => join::run(arguments, innermost(&matches), &mut streams).code(),
        Verb::Renew(arguments) => renew::run(&arguments, innermost(&matches), &mut streams).code(),
        Verb::Pki(arguments) => pki::run(arguments, streams.out, streams.talk),
        Verb::Manual(shown) => completions::run(shown, &mut streams).code(),
        Verb::Commands(verb) => commands::run(verb, innermost(&matches), &mut streams).code(),
        Verb::OnHost(asked) => command::run(&asked, &mut streams).code(),
    }
}

/// What clap read of the last verb of `jobs list` and the like.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, below)| innermost(below))
}

/// What clap stops for: help and version are answers, everything else is a usage failure. A word that it cannot
/// place is not said again where it may be a part of a secret.
fn misread(error: &clap::Error, with_secret: bool, streams: &mut Streams<'_>) -> Exit {
    let text = error.render().to_string();
    // what our own readers of values say is said as it is; clap would say the value twice
    let source = std::error::Error::source(error);
    if let Some(bad) = source.and_then(|source| source.downcast_ref::<LoginFailure>()) {
        return Complaint::usage(bad.to_string(), bad.hint()).tell(streams.talk);
    }
    if let Some(bad) = source.and_then(|source| source.downcast_ref::<ApiFailure>()) {
        return Complaint::usage(bad.to_string(), bad.hint()).tell(streams.talk);
    }
    if let Some(bad) = source.and_then(|source| source.downcast_ref::<PkiError>()) {
        return Complaint::usage(bad.to_string(), bad.hint()).tell(streams.talk);
    }
    if let Some(bad) = source.and_then(|source| source.downcast_ref::<GatewayFailure>()) {
        return Complaint::usage(bad.to_string(), bad.hint()).tell(streams.talk);
    }
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            match streams.answer(text.as_bytes()) {
                Ok(()) => Exit::Done,
                Err(complaint) => complaint.tell(streams.talk),
            }
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let what = "nothing was asked for";
            Complaint::usage(what, "`tsmgate --help` shows the commands").tell(streams.talk)
        }
        ErrorKind::UnknownArgument if with_secret => {
            let what = "there is an argument that the command does not take";
            let hint =
                "quote a secret that has blanks in it; --help after the command shows the options";
            Complaint::usage(what, hint).tell(streams.talk)
        }
        _ => {
            // clap's first paragraph says what, another may say what was meant, the rest is usage
            let mut paragraphs = text.strip_prefix("error: ").unwrap_or(&text).split("\n\n");
            let what = one_line(paragraphs.next().unwrap_or_default());
            let tip = paragraphs.find_map(|paragraph| paragraph.trim().strip_prefix("tip: "));
            let hint = tip.unwrap_or("`tsmgate --help`, or --help after the command, shows how");
            Complaint::usage(what, one_line(hint)).tell(streams.talk)
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
