//! The options that every command of `tsm` has: understood, mapped where they mean something here, refused
//! with the reason where they do not.

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use tsmgate_catalogue::command::{Command, REQUEST_TIMEOUT};

use crate::api::{ControllerAddress, Peer};
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::cli::gate_options::{GateOptions, REQUEST};
use crate::system::program::host_name;
use crate::{Address, Source};

const HEADING: &str = "Options of every tsm command";
const SERVER: &str = "every tsm --server";
const USERNAME: &str = "every tsm --username";
const PASSWORD: &str = "every tsm --password";
/// Its long name.
pub(super) const PASSWORD_LONG: &str = "password";
const TRUST: &str = "every tsm --trust-admin-controller-cert";
const TIMEOUT: &str = "every tsm --request-timeout";
const IGNORE_PROMPT: &str = "every tsm --ignore-prompt";
/// What `localhost` is also called.
const THIS_HOST: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What they say of a command.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The controller that is named.
    pub(super) server: Option<ControllerAddress>,
    /// For how many seconds it may run, where it cannot be told itself.
    pub(super) run_seconds: Option<u64>,
    /// Whether nobody is to be asked.
    pub(super) ignore_prompt: bool,
}

/// Adds those that the command has not as its own.
pub(super) fn augment(made: clap::Command, command: &Command) -> clap::Command {
    let value = |id: &'static str, long: &'static str, name: &'static str| {
        Arg::new(id).long(long).value_name(name).action(ArgAction::Set)
    };
    let flag =
        |id: &'static str, long: &'static str| Arg::new(id).long(long).action(ArgAction::SetTrue);
    let every = [
        (Some('s'), value(SERVER, "server", "URL").help(
            "https://HOST:8850: the gate's own host, or localhost; names the gate where --gate does not",
        )),
        // both are refused whatever comes with them, so that they need not have a value
        (Some('u'), value(USERNAME, "username", "NAME").num_args(0..=1).help(
            "Refused: your certificate says who you are",
        )),
        (Some('p'), value(PASSWORD, PASSWORD_LONG, "PASSWORD").num_args(0..=1).help(
            "Refused: there is no password",
        )),
        (None, flag(TRUST, "trust-admin-controller-cert").help(
            "Taken, and means nothing: the gate's host checks TSM itself",
        )),
        (None, value(TIMEOUT, REQUEST_TIMEOUT, "SECONDS")
            .value_parser(value_parser!(u64).range(1..=u64::from(u32::MAX)))
            .help("Seconds that the command may run")),
        (None, flag(IGNORE_PROMPT, "ignore-prompt").help(
            "Ask nothing here; on the host nothing is ever asked",
        )),
    ];
    let mut made = made.next_help_heading(HEADING);
    for (short, argument) in every {
        if argument.get_long().is_some_and(|long| command.option(long).is_some()) {
            continue;
        }
        let taken = |short: &char| {
            let short = short.to_string();
            command.options.iter().any(|option| option.short.as_deref() == Some(&*short))
        };
        made = made.arg(match short.filter(|short| !taken(short)) {
            Some(short) => argument.short(short),
            None => argument,
        });
    }
    made
}

/// Refuses what cannot be done here, and says what becomes of the rest.
pub(super) fn settle(
    matches: &ArgMatches,
    command: &Command,
    streams: &mut Streams<'_>,
) -> Result<Said, Complaint> {
    let given = |id: &str| {
        matches.try_contains_id(id).unwrap_or(false)
            && matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine)
    };
    for (id, option) in [(USERNAME, "-u, --username"), (PASSWORD, "-p, --password")] {
        if given(id) {
            return Err(Complaint::usage(
                format!("{option} does not go with a gate"),
                "leave it out: your certificate says who you are, and the gate logs in on its host",
            ));
        }
    }
    if given(TRUST) {
        streams.say(
            "--trust-admin-controller-cert means nothing here: the gate's host checks TSM itself",
        );
    }
    let server = matches.try_get_one::<String>(SERVER).ok().flatten();
    Ok(Said {
        server: server.map(|server| server.parse()).transpose()?,
        run_seconds: matches.try_get_one::<u64>(TIMEOUT).ok().flatten().copied(),
        ignore_prompt: given(IGNORE_PROMPT)
            || command
                .option("ignore-prompt")
                .is_some_and(|option| given(&super::grammar::id(option))),
    })
}

/// Whom `-s` means: the gate of that host, by whichever of its names.
pub(super) fn peer_at(
    server: &ControllerAddress,
    mut gate: GateOptions,
    given: &ArgMatches,
) -> Result<Peer, Complaint> {
    let host = server.address().host();
    let Some(named) = gate.clone().source(REQUEST, given)? else {
        // TSM and its gate share a host
        gate.name(Address::with_port(&bracketed(host), Address::PORT)?);
        return gate.peer(given);
    };
    let is = |other: &str| host.eq_ignore_ascii_case(other);
    let is_there = match &named {
        Source::Gate(gate) => is(gate.address.host()) || is(&gate.server_name),
        Source::LocalGate(_) | Source::LocalSocket(_) => is(&host_name()),
    };
    if is_there || THIS_HOST.into_iter().any(is) {
        return gate.peer(given);
    }
    Err(Complaint::usage(
        format!("-s names {host}, and the gate is {}", named.name()),
        "a gate asks the TSM of its own host: leave -s out, or give --gate of that host's gate",
    ))
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}
