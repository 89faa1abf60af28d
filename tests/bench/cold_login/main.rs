//! What one cold login costs the proxy that serves it: connect, full TLS 1.3 handshake with a client
//! certificate, one `login()`, close. In CPU microseconds of the proxy's processes, `tsmgated` beside
//! HAProxy, stunnel, socat and a floor, all in one interleaved run.
//!
//! It measures nothing that it did not see refuse a client without a certificate, and gives no figures
//! where a single login failed.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

#[path = "../parts/circumstances.rs"]
mod circumstances;
mod client;
#[path = "../parts/cpu.rs"]
mod cpu;
mod floor;
#[path = "../parts/interrupt.rs"]
mod interrupt;
mod measure;
#[path = "../parts/process.rs"]
mod process;
mod stage;
mod table;
mod targets;
#[path = "../parts/tsm.rs"]
mod tsm;

/// CPU microseconds per cold login of tsmgated and its peers.
#[derive(Debug, Parser)]
#[command(
    name = "cold-login",
    after_help = "Example:\n  tests/bench/cold-login --profile dev --rounds 1 --logins 20\n\n\
                  With REQUIRE_ALL=1 a missing peer is a failure.\n\
                  Exit codes: 0 measured, 1 a login failed or a peer is missing, 2 usage"
)]
struct Options {
    /// How often each target has its turn
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Cold logins in one turn
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    logins: u32,
    /// Which build to measure; tests/bench/cold-login makes it
    #[arg(long, default_value = BUILT, value_parser = ["release", "dev"])]
    profile: String,
    /// Only these: floor, tsmgated, haproxy, stunnel, socat
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    /// Be the floor on this port, with the files of this folder
    #[arg(long, hide = true, num_args = 2, value_names = ["PORT", "FOLDER"])]
    floor: Option<Vec<String>>,
}

/// The profile this program was built in.
const BUILT: &str = if cfg!(debug_assertions) { "dev" } else { "release" };

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.floor {
        Some(place) => be_the_floor(place),
        None => run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cold-login: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    anyhow::ensure!(
        options.profile == BUILT,
        "this program is the {BUILT} build; tests/bench/cold-login makes the other one"
    );
    interrupt::watch()?;
    let stage = stage::Stage::new()?;
    let mut targets = targets::start(&stage, &options.only)?;
    table::print_header(options, &targets);
    for target in &targets {
        measure::check(target, &stage)?;
    }
    measure::run(&mut targets, options.rounds, options.logins)?;
    table::print(&targets);
    Ok(())
}

fn be_the_floor(place: &[String]) -> anyhow::Result<()> {
    let [port, folder] = place else { anyhow::bail!("a port and a folder are wanted") };
    floor::serve(port.parse()?, &PathBuf::from(folder))
}
