//! The command line of `tsmgate-authority`: the service itself, and a look at what it would load.
//!
//! Answers go to standard output, talk to standard error. Exit codes are one table, below: those of `tsmgated`.

use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use nix::sys::signal::{SigSet, Signal};
use tsmgate_manual::Surroundings;
use tsmgate_server::signals::Signals;
use tsmgate_server::{log, process, sandbox};
use tsmgate_settings::fault::ConfigFault;

use crate::config::raw::{AUDIT_FILE, CONFIG_FILE, FOLDER, PUBLISHED};
use crate::daemon::{Daemon, Loaded, StartFault};
use crate::keeper::KeeperFault;
use crate::setup::{SetupArguments, setup};

mod check;

/// How `tsmgate-authority` ends. The numbers are those of `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It did, or all is good.
    Done = 0,
    /// The command line is wrong.
    Usage = 64,
    /// A file's contents are wrong.
    Contents = 65,
    /// A file is missing, or others could change or read it.
    File = 66,
    /// A part of the service ended that must not.
    Internal = 70,
    /// The address cannot be listened on, or the system refuses something else.
    System = 71,
}

impl Exit {
    const ALL: [Self; 6] =
        [Self::Done, Self::Usage, Self::Contents, Self::File, Self::Internal, Self::System];

    fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done; check: all is good",
            Self::Usage => "the command line is wrong",
            Self::Contents => "a file's contents are wrong (named with line and column)",
            Self::File => "a file is missing, or others could change it, or read the key",
            Self::Internal => "a part of the service ended that must not",
            Self::System => "the address cannot be listened on, or the system refuses something",
        }
    }
}

/// What follows the options in `--help`.
fn after_help() -> String {
    let line = |exit: &Exit| format!("  {:>2}  {}\n", *exit as u8, exit.meaning());
    let table: String = Exit::ALL.iter().map(line).collect();
    format!(
        "Signals: SIGTERM ends it; SIGHUP reads anew who may connect, the life of certificates and what is \
         said of the gate.\n\n\
         Exit codes:\n{table}\nExample:\n  tsmgate-authority check --config {CONFIG_FILE}"
    )
}

/// Enrols hosts and renews their certificates: the service that holds the authority's key.
#[derive(Debug, Parser)]
#[command(name = "tsmgate-authority", version, after_help = after_help())]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT
    Run(Configuration),
    /// Load all that `run` would, bind and write nothing, and say what is wrong
    Check(Configuration),
    /// Set up the gate and this service on the TSM host, step by step; what is there is left
    Setup(SetupArguments),
    #[command(flatten)]
    Manual(tsmgate_manual::Shown),
}

#[derive(Debug, clap::Args)]
struct Configuration {
    /// The configuration
    #[arg(long, env = "TSMGATE_AUTHORITY_CONFIG", default_value = CONFIG_FILE)]
    config: PathBuf,
}

/// The whole command line as clap sees it, for manual pages, completions and tests.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// How much the log says, as `error`, `warn`, `info`, `debug` or `trace`.
const LOG_FILTER: &str = "TSMGATE_AUTHORITY_LOG";

/// What the manual has beyond the command line.
const AROUND: Surroundings<'_> = Surroundings {
    environment: &[
        (LOG_FILTER, "How much the log says: error, warn, info, debug or trace."),
        ("CREDENTIALS_DIRECTORY", "Where systemd hands over ca.key, and ca.passphrase."),
    ],
    files: &[
        (CONFIG_FILE, "The configuration."),
        (FOLDER, "The authority."),
        (PUBLISHED, "What the gate reads."),
        (AUDIT_FILE, "The audit."),
    ],
    see_also: &["tsmgated(1)", "tsmgate(1)"],
};

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
        Command::Run(Configuration { config }) => run(&config).unwrap_or_else(|fault| fail(&fault)),
        Command::Check(Configuration { config }) => check::check(&config),
        Command::Setup(arguments) => setup(&arguments),
        Command::Manual(shown) => manual(shown),
    };
    ExitCode::from(exit as u8)
}

/// How long the end waits for what still runs on a thread of its own.
const LEFTOVERS: Duration = Duration::from_secs(1);

fn run(path: &Path) -> Result<Exit, StartFault> {
    // first of all: until somebody catches it, one would be the end
    let hangup = SigSet::from(Signal::SIGHUP);
    hangup.thread_block().map_err(|errno| StartFault::Process(errno.into()))?;
    log::to_stderr("tsmgate-authority", LOG_FILTER);
    process::forbid_core_dumps()
        .and_then(|()| process::forbid_new_privileges())
        .map_err(StartFault::Process)?;
    let loaded = Loaded::load(path)?;
    for warning in loaded.warnings() {
        tracing::warn!("{warning}");
    }
    let opened = loaded.open()?;
    // before: from in there the limits of our control group cannot be read
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    // no thread exists yet: each that is started from here on is in it
    let level = sandbox::enter(&opened.folders());
    if !level.is_full() {
        tracing::warn!("the process confines itself less than it would: {level}");
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime =
        runtime.worker_threads(workers).enable_all().build().map_err(StartFault::Process)?;
    let exit = runtime.block_on(async {
        let signals = Signals::catch().map_err(StartFault::Process)?;
        // one that came before is delivered now
        hangup.thread_unblock().map_err(|errno| StartFault::Process(errno.into()))?;
        let daemon = Daemon::on(opened)?;
        let reload = daemon.reloader();
        match daemon.run_until(signals.stop(reload)).await {
            true => Ok(Exit::Done),
            false => Ok(Exit::Internal),
        }
    });
    runtime.shutdown_timeout(LEFTOVERS);
    exit
}

fn manual(shown: tsmgate_manual::Shown) -> Exit {
    match shown.perform(command(), &AROUND, &mut io::stdout().lock()) {
        Ok(()) => Exit::Done,
        Err(unwritten) => {
            complain(&unwritten.to_string());
            Exit::System
        }
    }
}

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
    let _ = writeln!(io::stderr(), "tsmgate-authority: {line}");
}

fn fail(fault: &StartFault) -> Exit {
    complain(&fault.to_string());
    match fault {
        StartFault::Config(ConfigFault::Contents { .. })
        | StartFault::Keeper(KeeperFault::NoCertificate { .. }) => Exit::Contents,
        StartFault::Config(ConfigFault::File(_)) | StartFault::Keeper(_) | StartFault::Audit(_) => {
            Exit::File
        }
        StartFault::Listen { .. } | StartFault::Process(_) => Exit::System,
    }
}
