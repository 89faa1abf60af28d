//! What `tsmgate login` can be told, and the one thing it then means.
//!
//! What is typed counts before what the environment says: a typed --socket sets the gate of the
//! environment aside, and the other way round. Two ways in from the same source are refused.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use super::format::{Format, domain, usual_domain};
use crate::cli::complaint::Complaint;
use crate::cli::gate_options::GateOptions;
use crate::cli::session::Keeping;
use crate::cli::whom;
use crate::exit::Exit;
use crate::{Gate, LocalSocket, Source};

/// Get a session cookie of TSM, through a gate or from this host's TSM
///
/// The cookie is a superuser's session. It goes to stdout, or to a file that only you can read; a
/// terminal is shown it only with --show. The session cache is a folder of yours alone, in TSMGATE_RUNTIME_DIR
/// or the system's runtime folder.
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
    /// Take the session from the session cache, or fill it: a session there is good until nine tenths of
    /// its time are over
    #[arg(long)]
    cache: bool,
    /// Get a new session, also where one is cached; with --cache it takes that one's place, and ends it
    #[arg(long)]
    fresh: bool,
    /// Say nothing on success
    #[arg(long, short)]
    quiet: bool,
}

/// What was asked for, settled.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) source: Source,
    pub(super) format: Format,
    pub(super) cookie_domain: String,
    pub(super) output: Option<PathBuf>,
    pub(super) show: bool,
    pub(super) quiet: bool,
    pub(super) keeping: Keeping,
}

impl LoginArgs {
    /// Decides for one way in, and takes what belongs to it.
    pub(super) fn settle(self, given: &ArgMatches) -> Result<Request, Complaint> {
        let at_socket = self.is_at_socket(given)?;
        if self.output.as_deref() == Some(Path::new("-")) {
            let hint = "stdout is the default: leave --output out; ./- is a file of that name";
            return Err(Complaint::usage("--output takes no -", hint));
        }
        if self.cookie_domain.is_some() && self.format != Format::Netscape {
            let hint = "give --format netscape with it, or leave it out";
            return Err(Complaint::usage("--cookie-domain is for the netscape format", hint));
        }
        let usual = Gate::TIMEOUT;
        let source = match self.socket {
            Some(path) if at_socket => {
                LocalSocket { path, timeout: self.gate.timeout(usual) }.into()
            }
            _ => self.gate.needed_source(usual, given, "; or --socket PATH")?,
        };
        let host = usual_domain(&source);
        Ok(Request {
            format: self.format,
            cookie_domain: self.cookie_domain.unwrap_or_else(|| host.to_owned()),
            output: self.output,
            show: self.show,
            quiet: self.quiet,
            keeping: Keeping::of(self.cache, self.fresh),
            source,
        })
    }

    fn is_at_socket(&self, given: &ArgMatches) -> Result<bool, Complaint> {
        let typed = |id: &str| given.value_source(id) == Some(ValueSource::CommandLine);
        match (typed("socket"), whom::typed(given)) {
            (true, Some(option)) => {
                let what = format!("--socket does not go with {option}");
                Err(Complaint::usage(what, "a local socket needs none of a gate's options"))
            }
            (true, None) => Ok(true),
            (false, Some(_)) => Ok(false),
            (false, None)
                if self.socket.is_some()
                    && (self.gate.host().is_some() || whom::is_named_by_variable(given)) =>
            {
                Err(Complaint::usage(
                    "both TSMGATE_SOCKET and a gate are set by variables",
                    "unset TSMGATE_SOCKET, or TSMGATE_GATE, TSMGATE_LOCAL and TSMGATE_PROFILE; or type which one",
                ))
            }
            (false, None) => Ok(self.socket.is_some()),
        }
    }
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
