//! `tsmsim`: the pretend controller as a program, for demos and for tests across users.
//!
//! A doorway: it reads the command line, starts the simulator, and waits for a signal. SIGHUP is a
//! TSM restart (a new socket file), SIGTERM and SIGINT end it and remove the socket.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tsmsim::{
    ApiAccount, ApiBehaviour, ApiOptions, Behaviour, GatewayBehaviour, GatewayOptions, JobDrive,
    LogTarget, Policy, ServerCertificate, Simulator, SimulatorOptions,
};

/// The command line was wrong.
const USAGE: u8 = 64;
/// A local file, the socket, the port or the log, could not be made or read.
const LOCAL_FILE: u8 = 66;

/// A pretend TSM: a login socket that checks its peers as the real one does, and its HTTP API.
///
/// Prints `ready` once it listens, and before that the URL of the API, if there is one. SIGHUP restarts
/// it on a new socket file and the same port.
#[derive(Parser)]
#[command(
    name = "tsmsim",
    version,
    after_help = "Example:\n  tsmsim --socket /tmp/tab-controller-login-8850 --group staff --misbehave delay:1500\n  \
                  tsmsim --socket /tmp/tab-controller-login-8850 --api 127.0.0.1:8850 --api-certificate tsm.pem\n\n\
                  Exit codes: 0 ended by a signal, 64 usage, 66 a socket or a file cannot be made or read"
)]
struct CommandLine {
    /// Where to make the socket
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// Group whose members may log in
    #[arg(long, default_value = "tsmadmin")]
    group: String,
    /// Account that may log in beside them (and beside root)
    #[arg(long, value_name = "USER", default_value = "tableau")]
    service_account: String,
    /// What every connection gets: honest, delay:MS, garbage, silent, … (a wrong name lists all)
    #[arg(long, value_name = "NAME[:ARG]", default_value = "honest")]
    misbehave: Behaviour,
    /// Mode of the socket file, octal
    #[arg(long, value_name = "MODE", default_value = "0666", value_parser = octal)]
    socket_mode: u32,
    /// Write the controller's log to the end of this file instead of standard error
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// How long a session lives
    #[arg(long, value_name = "SECONDS", default_value = "7200")]
    session_lifetime: u64,
    #[command(flatten)]
    api: ApiCommandLine,
    #[command(flatten)]
    gateway: GatewayCommandLine,
}

/// What concerns Tableau Server's own gateway.
#[derive(clap::Args)]
#[command(next_help_heading = "Gateway of Tableau Server")]
struct GatewayCommandLine {
    /// Serve systeminfo.xml on this address; port 0 is any free one. Its URL is printed before `ready`
    #[arg(long, value_name = "ADDRESS:PORT", requires = "api")]
    gateway: Option<SocketAddr>,
    /// Serve it over TLS, with the certificate of the API
    #[arg(long, requires = "gateway")]
    gateway_tls: bool,
    /// Address that may read it, as wgserver.systeminfo.allow_referrer_ips has; none without this
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', requires = "gateway")]
    gateway_allow: Vec<IpAddr>,
    /// What every request gets: honest, denied, status:Busy, hostile, … (a wrong name lists all)
    #[arg(long, value_name = "NAME[:ARG]", default_value = "honest", requires = "gateway")]
    gateway_misbehave: GatewayBehaviour,
}

/// What concerns the HTTP API.
#[derive(clap::Args)]
#[command(next_help_heading = "HTTP API")]
struct ApiCommandLine {
    /// Serve TSM's HTTP API over TLS on this address; port 0 is any free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    api: Option<SocketAddr>,
    /// Write the certificate that the API shows to this file, as PEM
    #[arg(long, value_name = "FILE", requires = "api")]
    api_certificate: Option<PathBuf>,
    /// Name or address that the certificate is for; may be repeated
    #[arg(long = "api-name", value_name = "NAME", requires = "api")]
    api_names: Vec<String>,
    /// Who may log in with a password: lines `name:password`, `!name:password` if not in TSM's group
    #[arg(long, value_name = "FILE", requires = "api")]
    api_accounts: Option<PathBuf>,
    /// Where backups go; without it, a folder that is removed at the end
    #[arg(long, value_name = "FOLDER", requires = "api")]
    api_backups: Option<PathBuf>,
    /// How long a step of a job takes
    #[arg(long, value_name = "MILLISECONDS", default_value = "1000", requires = "api")]
    api_job_step: u64,
    /// What every request gets: honest, delay:MS, html:502, plant:body, … (a wrong name lists all)
    #[arg(long, value_name = "NAME[:ARG]", default_value = "honest", requires = "api")]
    api_misbehave: ApiBehaviour,
    /// Serve also the routes that are mere guesses: those that write the configuration
    #[arg(long, requires = "api")]
    api_assumed_routes: bool,
}

fn main() -> ExitCode {
    let command_line = match CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(refusal) => {
            // a closed terminal changes nothing about the answer
            let _ = refusal.print();
            return ExitCode::from(if refusal.use_stderr() { USAGE } else { 0 });
        }
    };
    match run(command_line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "tsmsim: {error:#}");
            ExitCode::from(LOCAL_FILE)
        }
    }
}

#[tokio::main]
async fn run(command_line: CommandLine) -> anyhow::Result<()> {
    // before the socket appears: a signal that comes at once must find us listening
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let place = command_line.place();
    let (certificate, misbehave) =
        (command_line.api.api_certificate.clone(), command_line.api.api_misbehave.clone());
    let gateway = command_line.gateway.options();
    let simulator = Simulator::start(command_line.options()?)
        .await
        .with_context(|| format!("cannot listen on {place}"))?;
    if let Some(api) = simulator.api() {
        api.behave(misbehave);
        if let Some(file) = certificate {
            let what = || format!("cannot write the certificate {}", file.display());
            std::fs::write(&file, api.certificate()).with_context(what)?;
        }
        writeln!(std::io::stdout(), "https://{}/api/0.5", api.address())?;
    }
    // it ends with this function
    let gateway = match gateway {
        Some(options) => {
            Some(simulator.gateway(options).await.context("cannot start the gateway")?)
        }
        None => None,
    };
    if let Some(gateway) = &gateway {
        writeln!(std::io::stdout(), "{}", gateway.url())?;
    }
    writeln!(std::io::stdout(), "ready")?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => {
                simulator.restart().await.with_context(|| format!("cannot listen on {place}"))?;
            }
        }
    }
    simulator.stop().await;
    Ok(())
}

impl CommandLine {
    /// Where it listens, for a person.
    fn place(&self) -> String {
        let socket = self.socket.display();
        self.api.api.map_or_else(|| socket.to_string(), |api| format!("{socket} and {api}"))
    }

    fn options(self) -> anyhow::Result<SimulatorOptions> {
        Ok(SimulatorOptions {
            socket_mode: self.socket_mode,
            policy: Policy {
                group: self.group,
                service_account: self.service_account,
                ..Policy::default()
            },
            log: self.log.map_or(LogTarget::Stderr, LogTarget::File),
            behaviour: self.misbehave,
            session_lifetime: Duration::from_secs(self.session_lifetime),
            api: self.api.options()?,
            ..SimulatorOptions::new(self.socket)
        })
    }
}

impl GatewayCommandLine {
    fn options(&self) -> Option<GatewayOptions> {
        Some(GatewayOptions {
            address: self.gateway?,
            tls: self.gateway_tls,
            allowed: self.gateway_allow.clone(),
            behaviour: self.gateway_misbehave.clone(),
        })
    }
}

impl ApiCommandLine {
    fn options(self) -> anyhow::Result<Option<ApiOptions>> {
        let Some(address) = self.api else { return Ok(None) };
        let mut options = ApiOptions {
            address,
            backups: self.api_backups,
            jobs: JobDrive::Every(Duration::from_millis(self.api_job_step)),
            assumed_routes: self.api_assumed_routes,
            ..ApiOptions::default()
        };
        if !self.api_names.is_empty() {
            let names = self.api_names;
            options.certificate = ServerCertificate::SelfSigned { names, days: 365 };
        }
        if let Some(file) = self.api_accounts {
            options.accounts = accounts(&file)
                .with_context(|| format!("cannot read the accounts in {}", file.display()))?;
        }
        Ok(Some(options))
    }
}

fn accounts(file: &Path) -> anyhow::Result<Vec<ApiAccount>> {
    let text = std::fs::read_to_string(file)?;
    let account = |line: &str| {
        // the line is not shown: it may be a password
        let (name, password) = line.split_once(':').context("a line is not `name:password`")?;
        let outside = name.strip_prefix('!');
        Ok(ApiAccount {
            name: outside.unwrap_or(name).to_owned(),
            password: password.to_owned(),
            in_group: outside.is_none(),
        })
    };
    text.lines().filter(|line| !line.is_empty()).map(account).collect()
}

fn octal(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("an octal mode up to 0777 is wanted".to_owned()),
    }
}
