//! The command line of `tsmgated`: the daemon itself, and what an administrator asks it and its files.
//!
//! Answers go to standard output, talk to standard error. Exit codes are one table, below.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use nix::sys::signal::{SigSet, Signal as SignalNumber};
use tsmgate_gate::permission::Permission;

use crate::audit::chain::Head;
use crate::config::ConfigFault;
use crate::config::raw::{AUDIT_FILE, CONFIG_FILE};
use crate::credentials::CredentialsFault;
use crate::daemon::{Daemon, Loaded, StartFault};
use crate::sandbox::Sandbox;
use crate::signals::Signals;
use crate::sockets::Sockets;
use crate::{log, process};

mod check;
mod doctor;
mod explain;
mod from_socat;
mod ip_dropin;
mod manual;
mod report;
mod setup;
mod status;
mod trust_tsm;
mod verify;

/// Threads for conversations, beside the audit's and those for what may block. One does two thousand logins a second, and
/// takes no more of a host that is there for something else than a core; with more of them, each that is woken wakes
/// another, which costs a login a tenth of its processor time.
const WORKERS: usize = 1;

/// How a command of `tsmgated` ends. The numbers are those of `sysexits.h` where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It did, or the answer is yes.
    Done = 0,
    /// `audit verify`, `audit report`: the chain is broken. `status`: the gate is not ready. `doctor`: a warning,
    /// and nothing that failed; what failed has the code of its kind below.
    Broken = 1,
    /// `audit verify`, `audit report`: what is there is in order, but it does not begin at the beginning.
    Partial = 2,
    /// The command line is wrong.
    Usage = 64,
    /// A file's contents are wrong.
    Contents = 65,
    /// A file is missing, or others could change it.
    File = 66,
    /// `status`, `reload`: no running gate answers. `trust-tsm`: TSM's controller does not. `doctor`: one of them,
    /// TSM's socket or the runner.
    Unavailable = 69,
    /// A part of the daemon ended that must not.
    Internal = 70,
    /// The address cannot be listened on, or the system refuses something else.
    System = 71,
    /// `explain`: the answer is no. `trust-tsm`: it is another certificate than the expected one. `doctor`: so it
    /// is, or another user.
    Refused = 77,
}

impl Exit {
    const ALL: [Self; 10] = [
        Self::Done,
        Self::Broken,
        Self::Partial,
        Self::Usage,
        Self::Contents,
        Self::File,
        Self::Unavailable,
        Self::Internal,
        Self::System,
        Self::Refused,
    ];

    fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done; explain: permitted; audit: the chain is whole",
            Self::Broken => "audit: the chain is broken; status: not ready; doctor: a warning",
            Self::Partial => "audit: in order, but the beginning is elsewhere or missing",
            Self::Usage => "the command line is wrong",
            Self::Contents => "a file's contents are wrong (named with line and column)",
            Self::File => "a file is missing, or others than root and our user could change it",
            Self::Unavailable => {
                "status, reload: no gate answers; trust-tsm: TSM does not; doctor: either"
            }
            Self::Internal => {
                "a part of the daemon ended that must not, or its last records are lost"
            }
            Self::System => {
                "the address cannot be listened on, or the system refuses something else"
            }
            Self::Refused => "explain: refused; trust-tsm, doctor: somebody else than expected",
        }
    }
}

/// What follows the options in `--help`.
fn after_help() -> String {
    let line = |exit: &Exit| format!("  {:>2}  {}\n", *exit as u8, exit.meaning());
    let table: String = Exit::ALL.iter().map(line).collect();
    format!(
        "Exit codes:\n{table}\nExamples:\n  tsmgated check --config {CONFIG_FILE}\n  \
         tsmgated explain --client jump01 --from 10.20.1.7 --permission login"
    )
}

/// Safe remote access to TSM's passwordless login.
#[derive(Debug, Parser)]
#[command(name = "tsmgated", version, after_help = after_help())]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT; SIGHUP reads everything anew
    Run(Configuration),
    /// Load all that `run` would, bind nothing, and say what is wrong
    Check {
        #[command(flatten)]
        configuration: Configuration,
        /// As JSON: file, listen, local, warnings[], clients[]{name, roles[]}, callers[]{who, roles[]}
        #[arg(long)]
        json: bool,
    },
    /// Say which rule would answer a client, an address and a permission; or a user of this host
    Explain {
        #[command(flatten)]
        configuration: Configuration,
        /// A client's name
        #[arg(long, requires = "from", required_unless_present = "local")]
        client: Option<String>,
        /// Where it comes from
        #[arg(long, requires = "client")]
        from: Option<IpAddr>,
        /// Or a user of this host, who comes by the local socket
        #[arg(long, value_name = "USER", conflicts_with_all = ["client", "from"])]
        local: Option<String>,
        /// What it wants
        #[arg(long, default_value = "login")]
        permission: Permission,
        /// As JSON: permitted, reason, steps[]{stage, says}
        #[arg(long)]
        json: bool,
    },
    /// Look at everything around the gate on this host, and say what to do where something is wrong
    Doctor(doctor::Arguments),
    /// Say how the running gate is
    Status(status::StatusArguments),
    /// Let the running gate read everything anew, and say how that went
    Reload(status::ReloadArguments),
    /// The audit trail
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Write the allowlist as drop-ins for systemd's own packet filter
    PrintIpDropin(ip_dropin::Arguments),
    /// Show the certificate of TSM's HTTPS controller, to be compared; with --write, pin it
    TrustTsm(trust_tsm::Arguments),
    /// Read the `socat` line that this gate replaces, and print a configuration to start from
    FromSocat(from_socat::Arguments),
    /// Set up the gate on the TSM host, once: becomes `tsmgate-authority setup`, which has the options
    Setup(setup::Arguments),
    #[command(flatten)]
    Manual(tsmgate_manual::Shown),
}

/// The whole command line as clap sees it, for manual pages, completions and tests.
pub fn command() -> clap::Command {
    Arguments::command()
}

#[derive(Debug, clap::Args)]
struct Configuration {
    /// The configuration
    #[arg(long, env = "TSMGATED_CONFIG", default_value = CONFIG_FILE)]
    config: PathBuf,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Check that no line is missing, changed or out of order
    Verify {
        /// The audit file; several, oldest first, are checked as one chain
        #[arg(default_value = AUDIT_FILE)]
        files: Vec<PathBuf>,
        /// A head that was noted elsewhere, as `NUMBER:HASH`: it must be in the file
        #[arg(long)]
        expect_head: Option<Head>,
        /// As JSON: file, verdict (whole, partial, empty or broken), first, last, torn, head, fault
        #[arg(long)]
        json: bool,
    },
    /// Sum it up for a security review
    Report(report::Arguments),
}

/// How much the log says, as `error`, `warn`, `info`, `debug` or `trace`.
const LOG_FILTER: &str = "TSMGATED_LOG";

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            return ExitCode::from(code as u8);
        }
    };
    let exit = match arguments.command {
        Command::Run(Configuration { config }) => run(&config),
        Command::Check { configuration, json } => check::check(&configuration.config, json),
        Command::Explain { configuration, client, from, local, permission, json } => {
            let who = match (&client, from, &local) {
                (Some(name), Some(from), _) => explain::Whom::Client { name, from },
                (.., Some(user)) => explain::Whom::Local { user },
                // clap requires one of them
                _ => return ExitCode::from(Exit::Usage as u8),
            };
            explain::explain(&configuration.config, who, &permission, json)
        }
        Command::Audit(AuditCommand::Verify { files, expect_head, json }) => {
            verify::verify(&files, expect_head.as_ref(), json)
        }
        Command::Audit(AuditCommand::Report(arguments)) => report::report(&arguments),
        Command::Doctor(arguments) => doctor::doctor(&arguments),
        Command::Status(arguments) => status::status(&arguments),
        Command::Reload(arguments) => status::reload(&arguments),
        Command::PrintIpDropin(arguments) => ip_dropin::print(&arguments),
        Command::TrustTsm(arguments) => trust_tsm::trust_tsm(&arguments),
        Command::FromSocat(arguments) => from_socat::from_socat(&arguments),
        Command::Setup(arguments) => setup::setup(&arguments),
        Command::Manual(shown) => manual::manual(shown),
    };
    ExitCode::from(exit as u8)
}

fn run(config: &std::path::Path) -> Exit {
    // first of all: until somebody catches it, one would be the end
    let hangup = SigSet::from(SignalNumber::SIGHUP);
    if let Err(errno) = hangup.thread_block() {
        return fail(&StartFault::Process(errno.into()));
    }
    log::to_stderr("tsmgated", LOG_FILTER);
    let limited = process::forbid_core_dumps().and_then(|()| process::forbid_new_privileges());
    if let Err(error) = limited {
        return fail(&StartFault::Process(error));
    }
    let loaded = match Loaded::load(config) {
        Ok(loaded) => loaded,
        Err(fault) => return fail(&fault),
    };
    for warning in loaded.warnings() {
        tracing::warn!("{warning}");
    }
    let sockets = match Sockets::open(&loaded.snapshot.config) {
        Ok(sockets) => sockets,
        Err(fault) => return fail(&fault.into()),
    };
    // no thread exists yet: each that is started from here on is in it
    let sandbox = Sandbox::for_config(&loaded.snapshot.config, config);
    if !sandbox.is_full() {
        tracing::warn!("the process confines itself less than it would: {sandbox}");
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = match runtime.worker_threads(WORKERS).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&StartFault::Process(error)),
    };
    let exit = runtime.block_on(async {
        // caught from here on: a signal that comes while the daemon starts is not lost, and no end
        let signals = match Signals::catch() {
            Ok(signals) => signals,
            Err(error) => return fail(&StartFault::Process(error)),
        };
        // one that came before is delivered now. The other threads go on without: this one is enough
        if let Err(errno) = hangup.thread_unblock() {
            return fail(&StartFault::Process(errno.into()));
        }
        match Daemon::on(sockets, sandbox, loaded).await {
            Err(fault) => fail(&fault),
            Ok(daemon) => {
                let reload = daemon.reloader();
                match daemon.run_until(signals.stop(reload)).await {
                    true => Exit::Done,
                    false => Exit::Internal,
                }
            }
        }
    });
    // what still reads a file that hangs is not waited for
    runtime.shutdown_timeout(LEFTOVERS);
    exit
}

/// How long the end waits for what still runs on a thread of its own, such as a reload that reads.
const LEFTOVERS: Duration = Duration::from_secs(1);

/// Writes an answer; a reader who closed early has read enough.
fn say(lines: &[String]) {
    let mut out = io::stdout().lock();
    for line in lines {
        if writeln!(out, "{line}").is_err() {
            return;
        }
    }
}

fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "tsmgated: {line}");
}

fn fail(fault: &StartFault) -> Exit {
    complain(&fault.to_string());
    match fault {
        StartFault::Config(ConfigFault::File(_))
        | StartFault::Credentials(CredentialsFault::File(_)) => Exit::File,
        StartFault::Config(_) | StartFault::Credentials(_) => Exit::Contents,
        StartFault::Audit(_) => Exit::File,
        StartFault::Listen(_) | StartFault::Process(_) => Exit::System,
    }
}
