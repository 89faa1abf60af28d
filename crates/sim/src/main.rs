//! `tsmsim`: the pretend controller as a program, for demos and for tests across users.
//!
//! A doorway: it reads the command line, starts the simulator, and waits for a signal. SIGHUP is a
//! TSM restart (a new socket file), SIGTERM and SIGINT end it and remove the socket.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tsmsim::{Behaviour, LogTarget, Policy, Simulator, SimulatorOptions};

/// The command line was wrong.
const USAGE: u8 = 64;
/// A local file, the socket or the log, could not be made.
const LOCAL_FILE: u8 = 66;

/// A pretend TSM login socket that checks its peers as the real one does.
///
/// Prints `ready` once it listens. SIGHUP restarts it on a new socket file.
#[derive(Parser)]
#[command(
    name = "tsmsim",
    version,
    after_help = "Example:\n  tsmsim --socket /tmp/tab-controller-login-8850 --group staff --misbehave delay:1500\n\n\
                  Exit codes: 0 ended by a signal, 64 usage, 66 the socket or the log cannot be made"
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
    use anyhow::Context;

    // before the socket appears: a signal that comes at once must find us listening
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let socket = command_line.socket.display().to_string();
    let simulator = Simulator::start(command_line.into())
        .await
        .with_context(|| format!("cannot listen on {socket}"))?;
    writeln!(std::io::stdout(), "ready")?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => {
                simulator.restart().await.with_context(|| format!("cannot listen on {socket}"))?;
            }
        }
    }
    simulator.stop().await;
    Ok(())
}

impl From<CommandLine> for SimulatorOptions {
    fn from(written: CommandLine) -> Self {
        Self {
            socket_mode: written.socket_mode,
            policy: Policy {
                group: written.group,
                service_account: written.service_account,
                ..Policy::default()
            },
            log: written.log.map_or(LogTarget::Stderr, LogTarget::File),
            behaviour: written.misbehave,
            ..Self::new(written.socket)
        }
    }
}

fn octal(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("an octal mode up to 0777 is wanted".to_owned()),
    }
}
