//! `tsmgate doctor`: settle → walk → tell each step as it ends. The steps are the library's.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;

use clap::{ArgMatches, Args};
use tokio::runtime;

use super::Streams;
use super::colour::When;
use super::complaint::Complaint;
use super::gate_options::{GateOptions, nobody};
use super::whom::Chosen;
use crate::doctor::{Patient, Report, Setting, Side, Step, Trouble, examine};
use crate::exit::Exit;
use crate::system::program::refuse_core_dumps;
use crate::system::signal::Signals;
use crate::{Gate, Source, json};

mod report;
mod settings;

/// Walk the way to the gate step by step, and say where it ends and what to do
///
/// The steps: settings and files, your certificate, the gate's name, a connection to each of its addresses,
/// TLS, the gate's certificate, whether the gate takes yours, who you are there, what you may, the clocks, the
/// login lane, and TSM. What a step needs of one that failed is not tried. With --local the socket is in the place
/// of network and TLS. Each step ends within --timeout. Nothing is changed, and without --login no session
/// is taken.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate doctor --gate tsm.example.com --ca ca.pem --cert jump01.pem --key jump01.key
  tsmgate doctor --profile prod --verbose
  tsmgate doctor --json | jq '.steps[] | select(.verdict == \"failed\")'

JSON: exit, steps[]{name, verdict, milliseconds, says, found{…}}, and with a warning or failure what, side, hint.
The verdict is ok, warning, failed or not_tried, the side here, network, gate or tsm. Exit code: 0, or that of the
first step that failed.")]
pub(crate) struct DoctorArgs {
    /// Take a session and end it again, to see that the login works
    #[arg(long)]
    login: bool,
    /// Show all that was found
    #[arg(long, short)]
    verbose: bool,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    color: When,
    #[command(flatten)]
    gate: GateOptions,
}

/// Runs the command; `given` is what clap read of it.
pub(super) fn run(arguments: DoctorArgs, given: &ArgMatches, streams: &mut Streams<'_>) -> Exit {
    match perform(arguments, given, streams) {
        Ok(exit) => exit,
        Err(complaint) => complaint.tell(streams.talk),
    }
}

fn perform(
    arguments: DoctorArgs,
    given: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<Exit, Complaint> {
    refuse_core_dumps();
    streams.coloured = arguments.color.is_wanted(&io::stdout());
    let (json, verbose, login) = (arguments.json, arguments.verbose, arguments.login);
    let mut written = Ok(());
    let mut tell = |step: &Step| {
        if !json && written.is_ok() {
            written = streams.rendered(report::step(step, verbose));
        }
    };
    let report = match settle(arguments.gate, given) {
        Ok((patient, settings)) => walk(&patient, settings, login, &mut tell)?,
        Err(complaint) => {
            let (exit, what, hint) = complaint.into_parts();
            let trouble = Trouble { what, side: Side::Here, hint };
            Report::unsettled(trouble, exit, &mut tell)
        }
    };
    written?;
    if json {
        streams.answer(json::line(&report::object(&report)).as_bytes())?;
    } else {
        streams.rendered(report::verdict(&report))?;
    }
    Ok(report.exit())
}

/// What is to be examined, and where each part of it was said.
fn settle(options: GateOptions, given: &ArgMatches) -> Result<(Patient, Vec<Setting>), Complaint> {
    let chosen = Chosen::one(given)?;
    let said = options.clone();
    let patient = match options.source_of(&chosen, Gate::TIMEOUT, given)? {
        Some(Source::Gate(gate)) => Patient::Gate(gate),
        Some(Source::LocalGate(gate)) => Patient::Local(gate),
        Some(Source::LocalSocket(_)) | None => return Err(nobody("")),
    };
    let settings = settings::of(&patient, said, &chosen, given)?;
    Ok((patient, settings))
}

fn walk(
    patient: &Patient,
    settings: Vec<Setting>,
    takes_session: bool,
    tell: &mut dyn FnMut(&Step),
) -> Result<Report, Complaint> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Complaint::system(&error))?;
    let held = Cell::new(false);
    let report = runtime.block_on(async {
        let mut signals = Signals::listen();
        let mut walk = pin!(examine(patient, settings, takes_session.then_some(&held), tell));
        tokio::select! {
            report = &mut walk => return Some(report),
            () = signals.come() => {}
        }
        // a session that was taken is given back, whatever signal comes
        poll_fn(|context| match walk.as_mut().poll(context) {
            Poll::Ready(report) => Poll::Ready(Some(report)),
            Poll::Pending if held.get() => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        })
        .await
    });
    // a name that is still being looked up when the time is over must not keep us
    runtime.shutdown_background();
    report.ok_or_else(|| Complaint::left("interrupted", "no session of this walk is left"))
}
