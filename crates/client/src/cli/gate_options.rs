//! The options that say which gate, and who we are to it: one set, shared by every command that talks to
//! a gate. What is missing is named with its option and its variable.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use crate::cli::complaint::Complaint;
use crate::gate::TIMEOUT_MOST;
use crate::{Address, Gate};

/// The usual time of one request: the gate gives TSM 60 s, and its own logins before that some more.
pub(in crate::cli) const REQUEST: Duration = Duration::from_secs(75);

/// The options that only a gate has, by their names in clap; the time is everybody's.
const OF_A_GATE: [&str; 6] = ["gate", "server_name", "ca", "cert", "key", "bind"];

/// Which gate, and who we are to it.
#[derive(Debug, Clone, Args)]
pub(crate) struct GateOptions {
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
    /// Time of the whole attempt: a number and ms, s or m [default: 15s for a login, 75s for a request]
    #[arg(long, value_name = "TIME", env = "TSMGATE_TIMEOUT", hide_env_values = true)]
    #[arg(value_parser = timeout)]
    timeout: Option<Duration>,
}

impl GateOptions {
    /// The first option of a gate that was typed, as a person writes it.
    pub(in crate::cli) fn typed(given: &ArgMatches) -> Option<String> {
        let typed = |id: &&str| given.value_source(id) == Some(ValueSource::CommandLine);
        let option = OF_A_GATE.into_iter().find(typed)?;
        Some(format!("--{}", option.replace('_', "-")))
    }

    /// The gate's host, where one is named.
    pub(in crate::cli) fn host(&self) -> Option<&str> {
        self.gate.as_ref().map(Address::host)
    }

    /// The name that its certificate must have, where that is said.
    pub(in crate::cli) fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Names the gate.
    pub(in crate::cli) fn name(&mut self, address: Address) {
        self.gate = Some(address);
    }

    /// The address to connect from, whoever the peer is.
    pub(in crate::cli) fn bind(&self) -> Option<IpAddr> {
        self.bind
    }

    /// The time of the whole attempt, whoever the peer is: what was given, or what is usual.
    pub(in crate::cli) fn timeout(&self, usual: Duration) -> Duration {
        self.timeout.unwrap_or(usual)
    }

    /// The gate with all that it needs; none where no gate is named.
    pub(in crate::cli) fn gate(self, usual: Duration) -> Result<Option<Gate>, Complaint> {
        let timeout = self.timeout(usual);
        let Some(address) = self.gate else { return Ok(None) };
        Ok(Some(Gate {
            server_name: self.server_name.unwrap_or_else(|| address.host().to_owned()),
            address,
            authority: needed(self.ca, "--ca FILE", "TSMGATE_CA")?,
            certificate: needed(self.cert, "--cert FILE", "TSMGATE_CERT")?,
            private_key: needed(self.key, "--key FILE", "TSMGATE_KEY")?,
            bind: self.bind,
            timeout,
        }))
    }
}

impl GateOptions {
    /// The gate that runs a command; there has to be one.
    pub(in crate::cli) fn for_command(self) -> Result<Gate, Complaint> {
        let missing = || {
            let hint = "give --gate HOST:PORT with --ca, --cert and --key; or set TSMGATE_GATE and its like";
            Complaint::usage("no gate is named", hint)
        };
        self.gate(REQUEST)?.ok_or_else(missing)
    }
}

/// A value, or the complaint that names its option and its variable.
pub(in crate::cli) fn needed<T>(
    value: Option<T>,
    option: &str,
    variable: &str,
) -> Result<T, Complaint> {
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
