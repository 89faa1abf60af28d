//! What `tsmgate login` can be told, and the one thing it then means.
//!
//! What is typed counts before what the environment says: a typed --socket sets the gate of the
//! environment aside, and the other way round. Two ways in from the same source are refused.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use super::format::Format;
use crate::address::is_host;
use crate::cli::complaint::Complaint;
use crate::cli::gate_options::{GateOptions, needed};
use crate::exit::Exit;
use crate::{Gate, LocalSocket};

/// Get a session cookie of TSM, through a gate or from this host's TSM
///
/// The cookie is a superuser's session. It goes to stdout, or to a file that only you can read; a
/// terminal is shown it only with --show.
#[derive(Debug, Args)]
#[command(after_help = after_help())]
pub(crate) struct LoginArgs {
    #[command(flatten)]
    gate: GateOptions,
    /// Use this login socket of this host's TSM instead of a gate
    #[arg(long, value_name = "PATH", env = "TSMGATE_SOCKET", hide_env_values = true)]
    socket: Option<PathBuf>,
    /// What to write
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Value)]
    format: Format,
    /// Host the cookie is for, in the netscape format [default: the gate's, or localhost]
    #[arg(long, value_name = "HOST", value_parser = domain)]
    cookie_domain: Option<String>,
    /// Write to this file, mode 0600, in place of stdout; a file that is there is replaced
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show the session even if stdout is a terminal
    #[arg(long)]
    show: bool,
    /// Say nothing on success
    #[arg(long, short)]
    quiet: bool,
}

/// What was asked for, settled.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) way: Way,
    pub(super) format: Format,
    pub(super) cookie_domain: String,
    pub(super) output: Option<PathBuf>,
    pub(super) show: bool,
    pub(super) quiet: bool,
}

/// Which way in.
#[derive(Debug)]
pub(super) enum Way {
    Gate(Gate),
    LocalSocket(LocalSocket),
}

impl LoginArgs {
    /// Decides for one way in, and takes what belongs to it.
    pub(super) fn settle(self, given: &ArgMatches) -> Result<Request, Complaint> {
        let local = self.is_local(given)?;
        if self.output.as_deref() == Some(Path::new("-")) {
            let hint = "stdout is the default: leave --output out; ./- is a file of that name";
            return Err(Complaint::usage("--output takes no -", hint));
        }
        if self.cookie_domain.is_some() && self.format != Format::Netscape {
            let hint = "give --format netscape with it, or leave it out";
            return Err(Complaint::usage("--cookie-domain is for the netscape format", hint));
        }
        let host = self.gate.host().map(str::to_owned).filter(|_| !local);
        Ok(Request {
            format: self.format,
            cookie_domain: self
                .cookie_domain
                .clone()
                .or(host)
                .unwrap_or_else(|| "localhost".to_owned()),
            output: self.output.clone(),
            show: self.show,
            quiet: self.quiet,
            way: if local { self.local_socket()? } else { self.gate()? },
        })
    }

    fn is_local(&self, given: &ArgMatches) -> Result<bool, Complaint> {
        let typed = |id: &str| given.value_source(id) == Some(ValueSource::CommandLine);
        match (typed("socket"), GateOptions::typed(given)) {
            (true, Some(option)) => {
                let what = format!("--socket does not go with {option}");
                Err(Complaint::usage(what, "a local socket needs none of a gate's options"))
            }
            (true, None) => Ok(true),
            (false, Some(_)) => Ok(false),
            (false, None) if self.socket.is_some() && self.gate.host().is_some() => {
                Err(Complaint::usage(
                    "both TSMGATE_GATE and TSMGATE_SOCKET are set",
                    "unset one of them, or give --gate or --socket",
                ))
            }
            (false, None) => Ok(self.socket.is_some()),
        }
    }

    fn local_socket(self) -> Result<Way, Complaint> {
        let path = needed(self.socket, "--socket PATH", "TSMGATE_SOCKET")?;
        Ok(Way::LocalSocket(LocalSocket { path, timeout: self.gate.timeout(Gate::TIMEOUT) }))
    }

    fn gate(self) -> Result<Way, Complaint> {
        let hint = "give --gate HOST:PORT with --ca, --cert and --key, or --socket PATH";
        let missing = || Complaint::usage("neither --gate nor --socket is given", hint);
        Ok(Way::Gate(self.gate.gate(Gate::TIMEOUT)?.ok_or_else(missing)?))
    }
}

/// A host as it can stand in a cookie file: no tab, no end of line.
fn domain(text: &str) -> Result<String, String> {
    if is_host(text) { Ok(text.to_owned()) } else { Err("give a host name or an address".into()) }
}

/// Examples and the exit codes.
fn after_help() -> String {
    format!(
        "Examples:\n  \
         tsmgate login --gate tsm.example.com --ca ca.pem --cert jump01.pem --key jump01.key \\\n      \
         --format netscape --output tsm.cookies\n  \
         curl --cacert tsm-ca.pem -b tsm.cookies https://tsm.example.com:8850/api/0.5/status\n\n  \
         tsmgate login --socket /var/run/tableau/tab-controller-login-8850 --format json | jq .name\n\n{}",
        Exit::table()
    )
}
