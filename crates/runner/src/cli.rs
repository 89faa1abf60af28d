//! The command line of `tsmgate-runner`: the runner itself, and a look at its configuration.
//!
//! Answers go to standard output, talk to standard error. Exit codes are one table, below: those of `tsmgated`.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser, Subcommand};
use nix::sys::signal::{SigSet, Signal};
use tracing_subscriber::EnvFilter;
use tsmgate_manual::Surroundings;
use tsmgate_settings::fault::ConfigFault;

use crate::config::Config;
use crate::config::raw::CONFIG_FILE;
use crate::desk::Desk;
use crate::listen::{self, ListenFault};
use crate::program::{Distrust, Program};
use crate::serve::{self, Signals};
use crate::store::{Store, StoreFault};
use crate::{family, files, hardening};

/// How `tsmgate-runner` ends. The numbers are those of `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It did, or all is good.
    Done = 0,
    /// The command line is wrong.
    Usage = 64,
    /// A file's contents are wrong.
    Contents = 65,
    /// A file is missing, or others could change it; `check`: so is `tsm`.
    File = 66,
    /// The socket cannot be listened on, or the system refuses something else.
    System = 71,
}

impl Exit {
    const ALL: [Self; 5] = [Self::Done, Self::Usage, Self::Contents, Self::File, Self::System];

    fn meaning(self) -> &'static str {
        match self {
            Self::Done => "stopped, or left because nothing was to be done; check: all is good",
            Self::Usage => "the command line is wrong",
            Self::Contents => "a file's contents are wrong (named with line and column)",
            Self::File => "a file is missing, or others could change it; check: tsm is so",
            Self::System => "the socket cannot be listened on, or the system refuses something",
        }
    }
}

/// What follows the options in `--help`.
fn after_help() -> String {
    let line = |exit: &Exit| format!("  {:>2}  {}\n", *exit as u8, exit.meaning());
    let table: String = Exit::ALL.iter().map(line).collect();
    format!(
        "Signals: SIGTERM ends all commands and itself; SIGHUP leaves when nothing runs or waits.\n\n\
         Exit codes:\n{table}\nExample:\n  tsmgate-runner check --config {CONFIG_FILE}"
    )
}

/// Runs commands of the official tsm program for tsmgated, from a closed catalogue.
#[derive(Debug, Parser)]
#[command(name = "tsmgate-runner", version, after_help = after_help())]
struct Arguments {
    /// The configuration
    #[arg(long, global = true, env = "TSMGATE_RUNNER_CONFIG", default_value = CONFIG_FILE)]
    config: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load all that would be, bind nothing, and say what is wrong
    Check,
    #[command(flatten)]
    Manual(tsmgate_manual::Shown),
}

/// The whole command line as clap sees it, for manual pages, completions and tests.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// How much the log says, as `error`, `warn`, `info`, `debug` or `trace`.
const LOG_FILTER: &str = "TSMGATE_RUNNER_LOG";

/// What the manual has beyond the command line.
const AROUND: Surroundings<'_> = Surroundings {
    environment: &[(LOG_FILTER, "How much the log says: error, warn, info, debug or trace.")],
    files: &[(CONFIG_FILE, "The configuration.")],
    see_also: &["tsmgated(1)", "tsmgate(1)"],
};

/// What keeps the runner from starting.
#[derive(Debug, thiserror::Error)]
enum StartFault {
    #[error(transparent)]
    Config(#[from] ConfigFault),
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(transparent)]
    Program(#[from] Distrust),
    #[error(transparent)]
    Listen(#[from] ListenFault),
    #[error("the system refuses what the runner needs: {0}")]
    System(#[from] io::Error),
}

impl StartFault {
    fn exit(&self) -> Exit {
        match self {
            Self::Store(StoreFault::Busy(_)) => Exit::System,
            Self::Config(ConfigFault::File(_)) | Self::Store(_) | Self::Program(_) => Exit::File,
            Self::Config(ConfigFault::Contents { .. }) => Exit::Contents,
            Self::Listen(_) | Self::System(_) => Exit::System,
        }
    }
}

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
    let done = match arguments.command {
        None => run(&arguments.config),
        Some(Command::Check) => check(&arguments.config),
        Some(Command::Manual(shown)) => shown
            .perform(command(), &AROUND, &mut io::stdout().lock())
            .map_err(|unwritten| StartFault::System(io::Error::other(unwritten.to_string()))),
    };
    let exit = match done {
        Ok(()) => Exit::Done,
        Err(fault) => {
            complain(&fault.to_string());
            fault.exit()
        }
    };
    ExitCode::from(exit as u8)
}

fn run(path: &Path) -> Result<(), StartFault> {
    // first of all: until somebody catches it, one would be the end
    let hangup = SigSet::from(Signal::SIGHUP);
    hangup.thread_block().map_err(io::Error::from)?;
    let inherited = hardening::inherited();
    log_to_stderr();
    if inherited > 0 {
        tracing::warn!(inherited, "descriptors that we were started with reach tsm as well");
    }
    hardening::harden()?;
    let config = Config::load(path)?;
    let store = Store::open(&config.state)?;
    let listener = listen::open(&config)?;
    let left = family::end_leftovers(store.work());
    if left > 0 {
        tracing::warn!(left, "processes of an earlier life were ended");
    }
    files::wipe(&config.state, store.work(), config.tsm.file_group)?;
    if rustix::process::geteuid().is_root() {
        tracing::warn!("this runs as root; TSM's group is enough for what tsm does");
    }
    if config.served.is_empty() {
        tracing::warn!("nothing is run: `serve.permissions` is empty");
    }
    if let Err(distrust) = Program::trusted(&config.tsm.program, &config.tsm.owners) {
        tracing::warn!("nothing is run as it is now: {distrust}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = Signals::catch()?;
        // one that came before is delivered now
        hangup.thread_unblock().map_err(io::Error::from)?;
        let desk: Arc<Desk> = Desk::open(config, store);
        tracing::info!("ready");
        serve::serve(&desk, listener, signals).await
    })?;
    Ok(())
}

fn check(path: &Path) -> Result<(), StartFault> {
    let config = Config::load(path)?;
    let program = Program::trusted(&config.tsm.program, &config.tsm.owners)?;
    let mut lines = vec![format!("{}: good", path.display())];
    lines.push(format!("runs {}", program.path().display()));
    lines.extend(config.served.iter().map(|served| format!("serves {served}")));
    if config.served.is_empty() {
        lines.push("warning: nothing is run: `serve.permissions` is empty".to_owned());
    }
    let mut out = io::stdout().lock();
    for line in lines {
        // a reader who closed early has read enough
        if writeln!(out, "{line}").is_err() {
            break;
        }
    }
    Ok(())
}

fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "tsmgate-runner: {line}");
}

fn log_to_stderr() {
    let wanted = std::env::var(LOG_FILTER).unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::try_new(&wanted).unwrap_or_else(|error| {
        complain(&format!("{LOG_FILTER}: {error}; it is `info` now"));
        EnvFilter::new("info")
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
}
