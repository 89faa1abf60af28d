//! What `tsmgate login` can be told, and the one thing it then means.
//!
//! What is typed counts before what the environment says: a typed --socket sets the gate of the
//! environment aside, and the other way round. Two ways in from the same source are refused.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use super::format::Format;
use crate::address::is_host;
use crate::cli::complaint::Complaint;
use crate::exit::Exit;
use crate::gate::TIMEOUT_MOST;
use crate::{Address, Gate, LocalSocket};

/// The options that only a gate has, by their names in clap.
const OF_A_GATE: [&str; 6] = ["gate", "server_name", "ca", "cert", "key", "bind"];

/// Get a session cookie of TSM, through a gate or from this host's TSM
///
/// The cookie is a superuser's session. It goes to stdout, or to a file that only you can read; a
/// terminal is shown it only with --show.
#[derive(Debug, Args)]
#[command(after_help = after_help())]
pub(crate) struct LoginArgs {
    /// Where the gate listens; port 18850 unless named
    #[arg(long, value_name = "HOST:PORT", env = "TSMGATE_GATE", hide_env_values = true)]
    gate: Option<Address>,
    /// Name in the gate's certificate [default: HOST]
    #[arg(long, value_name = "NAME", env = "TSMGATE_SERVER_NAME", hide_env_values = true)]
    server_name: Option<String>,
    /// Authority that issued the gate's certificate, PEM
    #[arg(long, value_name = "FILE", env = "TSMGATE_CA", hide_env_values = true)]
    ca: Option<PathBuf>,
    /// Your certificate, PEM
    #[arg(long, value_name = "FILE", env = "TSMGATE_CERT", hide_env_values = true)]
    cert: Option<PathBuf>,
    /// Your private key, PEM, with mode 0600
    #[arg(long, value_name = "FILE", env = "TSMGATE_KEY", hide_env_values = true)]
    key: Option<PathBuf>,
    /// Address of this host to connect from
    #[arg(long, value_name = "ADDR", env = "TSMGATE_BIND", hide_env_values = true)]
    bind: Option<IpAddr>,
    /// Use this login socket of this host's TSM instead of a gate
    #[arg(long, value_name = "PATH", env = "TSMGATE_SOCKET", hide_env_values = true)]
    socket: Option<PathBuf>,
    /// Time of the whole attempt: a number and ms, s or m
    #[arg(long, value_name = "TIME", env = "TSMGATE_TIMEOUT", hide_env_values = true)]
    #[arg(default_value = "15s", value_parser = timeout)]
    timeout: Duration,
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
        let host = self.gate.as_ref().map(|gate| gate.host().to_owned()).filter(|_| !local);
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
        match (typed("socket"), OF_A_GATE.into_iter().find(|id| typed(id))) {
            (true, Some(option)) => {
                let what = format!("--socket does not go with --{}", option.replace('_', "-"));
                Err(Complaint::usage(what, "a local socket needs none of a gate's options"))
            }
            (true, None) => Ok(true),
            (false, Some(_)) => Ok(false),
            (false, None) if self.socket.is_some() && self.gate.is_some() => Err(Complaint::usage(
                "both TSMGATE_GATE and TSMGATE_SOCKET are set",
                "unset one of them, or give --gate or --socket",
            )),
            (false, None) => Ok(self.socket.is_some()),
        }
    }

    fn local_socket(self) -> Result<Way, Complaint> {
        let path = needed(self.socket, "--socket PATH", "TSMGATE_SOCKET")?;
        Ok(Way::LocalSocket(LocalSocket { path, timeout: self.timeout }))
    }

    fn gate(self) -> Result<Way, Complaint> {
        let address = self.gate.ok_or_else(|| {
            let hint = "give --gate HOST:PORT with --ca, --cert and --key, or --socket PATH";
            Complaint::usage("neither --gate nor --socket is given", hint)
        })?;
        Ok(Way::Gate(Gate {
            server_name: self.server_name.unwrap_or_else(|| address.host().to_owned()),
            address,
            authority: needed(self.ca, "--ca FILE", "TSMGATE_CA")?,
            certificate: needed(self.cert, "--cert FILE", "TSMGATE_CERT")?,
            private_key: needed(self.key, "--key FILE", "TSMGATE_KEY")?,
            bind: self.bind,
            timeout: self.timeout,
        }))
    }
}

fn needed<T>(value: Option<T>, option: &str, variable: &str) -> Result<T, Complaint> {
    value.ok_or_else(|| {
        Complaint::usage(format!("{option} is missing"), format!("give it, or set {variable}"))
    })
}

/// A number and one of ms, s, m: `15s`; more than nothing, at most an hour.
fn timeout(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        _ => 0,
    };
    let number = number.parse::<u64>().ok();
    number
        .and_then(|number| number.checked_mul(milliseconds))
        .map(Duration::from_millis)
        .filter(|time| !time.is_zero() && *time <= TIMEOUT_MOST)
        .ok_or_else(|| "give a number and ms, s or m, at most 60m, as 15s".to_owned())
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
