//! The options that say which gate, and who we are to it: one set, shared by every command that talks to
//! a gate. What is missing is named with its option and its variable.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use crate::api::Peer;
use crate::cli::complaint::Complaint;
use crate::cli::whom::{self, Chosen, Whom};
use crate::gate::read_timeout;
use crate::profile::Profile;
use crate::{Address, Gate, LocalGate, Proxy, ProxyUrl, Source};

/// The usual time of one request: the gate gives TSM 60 s, and its own logins before that some more.
pub(in crate::cli) const REQUEST: Duration = Duration::from_secs(75);

/// The options that only a gate has, by their names in clap; the time is everybody's.
const OF_A_GATE: [&str; 8] =
    ["gate", "server_name", "ca", "cert", "key", "bind", "proxy", "proxy_password_file"];

/// Which gate, and who we are to it.
#[derive(Debug, Clone, Args)]
pub(crate) struct GateOptions {
    /// Where the gate listens; port 18850 unless named
    #[arg(long, value_name = "HOST:PORT", env = "TSMGATE_GATE", hide_env_values = true)]
    pub(in crate::cli) gate: Option<Address>,
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
    /// Proxy on the way to the gate: http://HOST:PORT or socks5://HOST:PORT, USER@ before the host
    #[arg(long, value_name = "URL", env = "TSMGATE_PROXY", hide_env_values = true)]
    proxy: Option<ProxyUrl>,
    /// Password for the proxy: a file with mode 0600
    #[arg(long, value_name = "FILE", env = "TSMGATE_PROXY_PASSWORD_FILE", hide_env_values = true)]
    proxy_password_file: Option<PathBuf>,
    /// Time of the whole attempt: a number and ms, s or m [default: 15s for a login, 75s for a request]
    #[arg(long, value_name = "TIME", env = "TSMGATE_TIMEOUT", hide_env_values = true)]
    #[arg(value_parser = read_timeout)]
    pub(in crate::cli) timeout: Option<Duration>,
}

impl GateOptions {
    /// The first option of a gate that was typed, as a person writes it.
    pub(in crate::cli) fn typed(given: &ArgMatches) -> Option<String> {
        // a command that renews has none of them
        let typed = |id: &&str| {
            given.try_contains_id(id).unwrap_or(false)
                && given.value_source(id) == Some(ValueSource::CommandLine)
        };
        let option = OF_A_GATE.into_iter().find(typed)?;
        Some(format!("--{}", option.replace('_', "-")))
    }

    /// The gate's host, where one is named.
    pub(in crate::cli) fn host(&self) -> Option<&str> {
        self.gate.as_ref().map(Address::host)
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

    /// The gate that is meant; none where none is named. `usual` is the time of an attempt that has no other.
    pub(in crate::cli) fn source(
        self,
        usual: Duration,
        given: &ArgMatches,
    ) -> Result<Option<Source>, Complaint> {
        let chosen = Chosen::one(given)?;
        self.source_of(&chosen, usual, given)
    }

    /// The same, by a profile that was chosen already.
    pub(in crate::cli) fn source_of(
        self,
        chosen: &Chosen,
        usual: Duration,
        given: &ArgMatches,
    ) -> Result<Option<Source>, Complaint> {
        match whom::settle(self, chosen, given)? {
            Whom::Nobody => Ok(None),
            Whom::Local { path, timeout } => {
                let timeout = timeout.unwrap_or(usual);
                Ok(Some(LocalGate { path, timeout }.into()))
            }
            Whom::Gate(options) => options.complete(usual).map(|gate| Some(gate.into())),
        }
    }

    /// The gate that is meant; there has to be one. `else_give` is what else could be given.
    pub(in crate::cli) fn needed_source(
        self,
        usual: Duration,
        given: &ArgMatches,
        else_give: &str,
    ) -> Result<Source, Complaint> {
        self.source(usual, given)?.ok_or_else(|| nobody(else_give))
    }

    /// The gate that is asked over HTTP; there has to be one.
    pub(in crate::cli) fn peer(self, given: &ArgMatches) -> Result<Peer, Complaint> {
        self.peer_of(&Chosen::one(given)?, given, "")
    }

    /// The same, by a profile that was chosen already; `else_give` is what else could be given.
    pub(in crate::cli) fn peer_of(
        self,
        chosen: &Chosen,
        given: &ArgMatches,
        else_give: &str,
    ) -> Result<Peer, Complaint> {
        match self.source_of(chosen, REQUEST, given)? {
            Some(Source::Gate(gate)) => Ok(gate.into()),
            Some(Source::LocalGate(gate)) => Ok(gate.into()),
            Some(Source::LocalSocket(_)) | None => Err(nobody(else_give)),
        }
    }

    /// The gate with all that it needs.
    fn complete(self, usual: Duration) -> Result<Gate, Complaint> {
        let timeout = self.timeout(usual);
        let address = self.gate.ok_or_else(|| nobody(""))?;
        let has_user = self.proxy.as_ref().is_some_and(ProxyUrl::has_user);
        if self.proxy_password_file.is_some() && !has_user {
            return Err(Complaint::usage(
                "a proxy's password is given, and no user of it",
                "give USER@ before the host in --proxy, or leave --proxy-password-file out",
            ));
        }
        Ok(Gate {
            server_name: self.server_name.unwrap_or_else(|| address.host().to_owned()),
            address,
            authority: needed(self.ca, "--ca FILE", "TSMGATE_CA")?,
            certificate: needed(self.cert, "--cert FILE", "TSMGATE_CERT")?,
            private_key: needed(self.key, "--key FILE", "TSMGATE_KEY")?,
            bind: self.bind,
            proxy: self
                .proxy
                .map(|url| Box::new(Proxy { url, password_file: self.proxy_password_file })),
            timeout,
        })
    }

    /// As a profile: what was typed, and nothing of the environment.
    pub(in crate::cli) fn into_profile(mut self, given: &ArgMatches) -> Profile {
        self.forget_variables(given);
        let Self { gate, server_name, ca, cert, key, bind, proxy, proxy_password_file, timeout } =
            self;
        Profile {
            gate,
            local: None,
            server_name,
            ca,
            cert,
            key,
            bind,
            proxy,
            proxy_password_file,
            timeout,
            authority: None,
            authority_ca: None,
        }
    }

    /// Forgets the password of another proxy than the one that was typed.
    pub(in crate::cli) fn keep_proxies_apart(&mut self, given: &ArgMatches) {
        let is_typed = |id: &str| given.value_source(id) == Some(ValueSource::CommandLine);
        if is_typed("proxy") && !is_typed("proxy_password_file") {
            self.proxy_password_file = None;
        }
    }

    /// Forgets what came from the environment.
    pub(in crate::cli) fn forget_variables(&mut self, given: &ArgMatches) {
        let is_typed = |id: &str| given.value_source(id) == Some(ValueSource::CommandLine);
        fn keep<T>(value: &mut Option<T>, kept: bool) {
            if !kept {
                *value = None;
            }
        }
        keep(&mut self.gate, is_typed("gate"));
        keep(&mut self.server_name, is_typed("server_name"));
        keep(&mut self.ca, is_typed("ca"));
        keep(&mut self.cert, is_typed("cert"));
        keep(&mut self.key, is_typed("key"));
        keep(&mut self.bind, is_typed("bind"));
        keep(&mut self.proxy, is_typed("proxy"));
        keep(&mut self.proxy_password_file, is_typed("proxy_password_file"));
        keep(&mut self.timeout, is_typed("timeout"));
    }

    /// Takes from a profile what was not said.
    pub(in crate::cli) fn fill(&mut self, profile: &Profile) {
        fn or<T: Clone>(value: &mut Option<T>, other: &Option<T>) {
            if value.is_none() {
                value.clone_from(other);
            }
        }
        or(&mut self.gate, &profile.gate);
        or(&mut self.server_name, &profile.server_name);
        or(&mut self.ca, &profile.ca);
        or(&mut self.cert, &profile.cert);
        or(&mut self.key, &profile.key);
        or(&mut self.bind, &profile.bind);
        // one proxy's password is not another's
        if self.proxy.is_none() {
            self.proxy.clone_from(&profile.proxy);
            or(&mut self.proxy_password_file, &profile.proxy_password_file);
        }
        or(&mut self.timeout, &profile.timeout);
    }
}

/// No gate is named, by whatever means.
pub(in crate::cli) fn nobody(else_give: &str) -> Complaint {
    let hint = "give --gate HOST:PORT with --ca, --cert and --key, --profile NAME, or --local on the gate's host";
    Complaint::usage("no gate is named", format!("{hint}{else_give}"))
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
