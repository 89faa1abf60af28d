//! `tsmgate exec`: get a session → hand it over → become the command.
//!
//! The session is in the command's environment or in a pipe, and nowhere else: not in an argument, which every
//! user of the host can see, and in no file but the cache. This process becomes the command, so that signals
//! and the exit code are the command's own.

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::Command;

use clap::{ArgMatches, Args};
use tsmgate_pki::kind_text;
use tsmgate_text::escape;

use super::Streams;
use super::complaint::Complaint;
use super::gate_options::GateOptions;
use super::login::{Format, domain, render, usual_domain};
use super::session::{Keeping, give_back, obtain};
use crate::Gate;
use crate::exit::Exit;
use crate::system::descriptor::{NUMBERS, Number, Reserved};
use crate::system::program::become_it;
use crate::system::program::refuse_core_dumps;

/// Where the command finds the session.
const VARIABLE: &str = "TSM_COOKIE";
/// Where it finds the number of the descriptor that has it.
const DESCRIPTOR_VARIABLE: &str = "TSMGATE_COOKIE_FD";
/// The longest name of a variable, in bytes: more than anybody has.
const NAME_MOST: usize = 128;

/// Run a command that has a session in its environment
///
/// The session comes from the session cache, which `tsmgate login --cache` and `tsmgate logout --cached` use
/// too. The command takes this process's place: signals and the exit code are its own. Core dumps stay off in
/// it, for they would hold the session.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate exec -- ./report.py
  tsmgate exec --env COOKIE_VALUE --format value -- ./report.py
  tsmgate exec --fd 3 --format header -- \\
      curl --cacert tsm-ca.pem -H @/dev/fd/3 https://tsm.example.com:8850/api/0.5/status

In the first, TSM_COOKIE holds AUTH_COOKIE=VALUE, as a Cookie header has it.")]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    gate: GateOptions,
    /// Variable that has the session [default: TSM_COOKIE]
    #[arg(long, value_name = "NAME", value_parser = variable, conflicts_with = "fd")]
    env: Option<String>,
    /// Hand the session over in a pipe with this number, 3 to 63, in place of a variable;
    /// TSMGATE_COOKIE_FD says which
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(Number).range(i64::from(NUMBERS.start)..i64::from(NUMBERS.end)))]
    fd: Option<Number>,
    /// How the session is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Pair)]
    format: Format,
    /// Host the cookie is for, in the netscape format [default: the gate's, or localhost]
    #[arg(long, value_name = "HOST", value_parser = domain)]
    cookie_domain: Option<String>,
    /// Get a new session, and end the cached one
    #[arg(long)]
    fresh: bool,
    /// Get a new session, and leave the cache alone
    #[arg(long, conflicts_with = "fresh")]
    no_cache: bool,
    /// The command, and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs the command; comes back only where it could not be started.
pub(super) fn run(arguments: ExecArgs, given: &ArgMatches, streams: &mut Streams<'_>) -> Exit {
    match perform(arguments, given, streams) {
        Ok(()) => Exit::Done,
        Err(complaint) => complaint.tell(streams.talk),
    }
}

fn perform(
    arguments: ExecArgs,
    given: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<(), Complaint> {
    refuse_core_dumps();
    let (program, rest) = arguments.command.split_first().ok_or_else(|| {
        Complaint::usage("there is no command", "give it after --: tsmgate exec -- COMMAND")
    })?;
    // before anything of ours takes the number
    let reserved = arguments.fd.map(reserve).transpose()?;
    let source = arguments.gate.needed_source(Gate::TIMEOUT, given, "")?;
    let keeping = Keeping::of(!arguments.no_cache, arguments.fresh);
    let login = obtain(&source, keeping, streams)?;
    let domain = arguments.cookie_domain.as_deref().unwrap_or_else(|| usual_domain(&source));
    let text = render(arguments.format, &login, domain);
    let mut command = Command::new(program);
    command.args(rest);
    // what we inherited is another session's
    command.env_remove(VARIABLE).env_remove(DESCRIPTOR_VARIABLE);
    let complaint = match reserved {
        Some((number, reserved)) => match reserved.fill(text.as_bytes()) {
            Ok(_pipe) => {
                command.env(DESCRIPTOR_VARIABLE, number.to_string());
                not_started(program, &become_it(&mut command))
            }
            Err(error) => not_handed_over(number, &error),
        },
        None => {
            let name = arguments.env.as_deref().unwrap_or(VARIABLE);
            command.env(name, text.trim_end_matches('\n'));
            not_started(program, &become_it(&mut command))
        }
    };
    give_back(&source, keeping, &login);
    Err(complaint)
}

/// Takes the number for the pipe.
fn reserve(number: Number) -> Result<(Number, Reserved), Complaint> {
    match Reserved::number(number) {
        Ok(reserved) => Ok((number, reserved)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(Complaint::usage(
            format!("--fd {number} is open already"),
            "give a number that nothing else has: 3 usually is free",
        )),
        Err(error) => Err(not_handed_over(number, &error)),
    }
}

fn not_handed_over(number: Number, error: &io::Error) -> Complaint {
    let path = format!("descriptor {number}");
    let hint = "check this process's limits, `ulimit -a`; a pipe has room for 64 KiB";
    Complaint::output(path.as_ref(), kind_text(error.kind()), hint)
}

fn not_started(program: &OsStr, error: &io::Error) -> Complaint {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => {
            "check the name and PATH; a script also needs the program of its first line"
        }
        io::ErrorKind::PermissionDenied => "it has to be a program that you may execute: chmod +x",
        _ => "check that it is a program of this system, and its arguments",
    };
    Complaint::program(&escape(program.as_encoded_bytes()), kind_text(error.kind()), hint)
}

/// A name that shells and programs can read.
fn variable(text: &str) -> Result<String, String> {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_good = starts && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match is_good && text.len() <= NAME_MOST {
        true => Ok(text.to_owned()),
        false => Err("give letters, digits and _, no digit first".into()),
    }
}
