//! `tsmgate monitor`: a batch of points on stdout each time that it is asked for, as Telegraf's execd has it.
//!
//! What fails is told once, and again when it fails for another reason; the batches go on. It ends with its
//! stdin, with its reader, or by a signal, and none of these is a failure.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgMatches, Args, ValueEnum};
use tokio::runtime;

use super::Streams;
use super::complaint::Complaint;
use super::peer_options::{PeerOptions, Wanted};
use crate::api::Peer;
use crate::exit::Exit;
use crate::gate::read_timeout;
use crate::monitor::{
    Batch, Change, Gateway, GatewayUrl, Monitor, Sources, json, line, prometheus,
};
use crate::system::program::refuse_core_dumps;
use crate::system::signal::Signals;
use trigger::Trigger;

mod trigger;

/// The time of a batch where nobody is asked but Tableau's gateway.
const USUAL: Duration = Duration::from_secs(15);

/// Measure TSM, Tableau Server and the gate, for Telegraf and others
///
/// A batch is written for each line on stdin, for each signal, or at an interval. No two are made at once:
/// what comes while one is under way is answered by the next, all of it by one. The end of stdin is the end.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  echo | tsmgate monitor
  tsmgate monitor --timeout 8s --systeminfo http://tableau.example.com
  tsmgate monitor --interval 30s --format json --checks tsm,gate

Measurements: tableau_tsm_status, tableau_systeminfo, tableau_gate; their fields are in
systemd/monitoring/README.md. Takes the permissions status.read and jobs.read; --pending-changes takes
that of `tsm pending-changes list` too. An end of stdin, of the reader or by a signal is exit code 0.")]
pub(crate) struct MonitorArgs {
    /// What to ask: all is whatever can be asked with the options given
    #[arg(long, value_enum, value_name = "CHECK", env = "TSMGATE_CHECKS", hide_env_values = true)]
    #[arg(value_delimiter = ',', default_value = "all")]
    checks: Vec<Check>,
    /// How a batch is written
    #[arg(long, value_enum, value_name = "FORMAT", env = "TSMGATE_FORMAT", hide_env_values = true)]
    #[arg(default_value = "influx")]
    format: Format,
    /// What asks for a batch, as Telegraf's execd names it
    #[arg(long, value_enum, value_name = "SIGNAL", env = "TSMGATE_SIGNAL", hide_env_values = true)]
    #[arg(default_value = "STDIN")]
    signal: Signal,
    /// Make a batch at once and every so often, asked or not: a number and ms, s or m
    #[arg(long, value_name = "TIME", env = "TSMGATE_INTERVAL", hide_env_values = true)]
    #[arg(value_parser = read_timeout)]
    interval: Option<Duration>,
    /// Tableau's gateway, http://HOST or https://HOST; it has to let this host's address in
    #[arg(long, value_name = "URL", env = "TSMGATE_SYSTEMINFO", hide_env_values = true)]
    systeminfo: Option<GatewayUrl>,
    /// Authority of its certificate, PEM; for https:// alone
    #[arg(long, value_name = "FILE", env = "TSMGATE_SYSTEMINFO_CA", hide_env_values = true)]
    systeminfo_ca: Option<PathBuf>,
    /// Have the gate run `tsm pending-changes list`, at most once in ten minutes
    #[arg(long, env = "TSMGATE_PENDING_CHANGES", hide_env_values = true)]
    #[arg(value_parser = FalseyValueParser::new())]
    pending_changes: bool,
    #[command(flatten)]
    peer: PeerOptions,
}

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Check {
    All,
    Tsm,
    Systeminfo,
    Gate,
}

/// How a batch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// InfluxDB's line protocol
    Influx,
    /// Prometheus's text format
    Prometheus,
    /// One JSON object on a line
    Json,
}

/// What asks for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Signal {
    /// A line on stdin
    #[value(name = "STDIN")]
    Stdin,
    #[value(name = "SIGHUP")]
    Hup,
    #[value(name = "SIGUSR1")]
    Usr1,
    #[value(name = "SIGUSR2")]
    Usr2,
}

/// Runs the command; `given` is what clap read of it.
pub(super) fn run(arguments: MonitorArgs, given: &ArgMatches, streams: &mut Streams<'_>) -> Exit {
    match perform(arguments, given, streams) {
        Ok(()) => Exit::Done,
        Err(complaint) => complaint.tell(streams.talk),
    }
}

fn perform(
    arguments: MonitorArgs,
    given: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<(), Complaint> {
    refuse_core_dumps();
    let (format, signal, interval) = (arguments.format, arguments.signal, arguments.interval);
    let sources = arguments.settle(given)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Complaint::system(&error))?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::listen();
        let mut trigger =
            Trigger::new(signal, interval).map_err(|error| Complaint::system(&error))?;
        let mut monitor = Monitor::new(sources);
        let outcome = loop {
            tokio::select! {
                asked = trigger.come() => if !asked { break Ok(()) },
                () = signals.come() => break Ok(()),
            }
            let (batch, changes) = tokio::select! {
                looked = monitor.look(|| trigger.has_ended()) => looked,
                () = signals.come() => break Ok(()),
            };
            changes.iter().for_each(|change| tell(change, streams));
            match write(&batch, format, streams.out) {
                Ok(()) => {}
                // whoever read has read enough
                Err(error) if error.kind() == ErrorKind::BrokenPipe => break Ok(()),
                Err(error) => break Err(Complaint::stdout(&error)),
            }
        };
        monitor.end().await;
        outcome
    });
    // a name that is still being looked up when the time is over must not keep us
    runtime.shutdown_background();
    outcome
}

/// A batch in one write, so that a reader never has half of a line for long.
fn write(batch: &Batch, format: Format, out: &mut dyn Write) -> io::Result<()> {
    let text = match format {
        Format::Influx => line::write(batch),
        Format::Prometheus => prometheus::write(batch),
        Format::Json => json::write(batch),
    };
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn tell(change: &Change, streams: &mut Streams<'_>) {
    match change {
        Change::Fails(what, trouble) => {
            streams.say(&format!("{what}: {} (hint: {})", trouble.what, trouble.hint));
        }
        Change::Answers(what) => streams.say(&format!("{what}: there again")),
    }
}

impl MonitorArgs {
    /// Decides what is asked, and whom.
    fn settle(self, given: &ArgMatches) -> Result<Sources, Complaint> {
        let named = |check| self.checks.contains(&check);
        let all = named(Check::All);
        let systeminfo = match self.systeminfo {
            Some(url) if all || named(Check::Systeminfo) => {
                if url.is_tls() && self.systeminfo_ca.is_none() {
                    return Err(Complaint::usage(
                        "the gateway's certificate cannot be checked",
                        "give --systeminfo-ca FILE, the authority of its certificate",
                    ));
                }
                Some(Gateway { url, authority: self.systeminfo_ca })
            }
            None if named(Check::Systeminfo) => {
                return Err(Complaint::usage(
                    "--systeminfo is missing",
                    "give --systeminfo http://HOST, Tableau's gateway",
                ));
            }
            _ => None,
        };
        let asks_gate = named(Check::Gate) || self.pending_changes;
        let peer = if all || asks_gate || named(Check::Tsm) {
            let wanted = if asks_gate { Wanted::Gate } else { Wanted::Anybody };
            Some(self.peer.settle(wanted, given)?)
        } else {
            None
        };
        let timeout = peer.as_ref().map_or(USUAL, Peer::timeout);
        let gate = peer.clone().filter(|peer| peer.is_gate() && (all || asks_gate));
        let tsm = peer.filter(|_| all || named(Check::Tsm));
        Ok(Sources { tsm, systeminfo, gate, pending_changes: self.pending_changes, timeout })
    }
}
