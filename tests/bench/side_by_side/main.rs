//! `tsmgated` beside HAProxy, nginx, stunnel, socat and Envoy, and two floors, all in one interleaved run:
//! what a login costs, how late it comes, what a connection takes, what a reload loses, and who is locked
//! out by strangers.
//!
//! It measures nothing that it did not see refuse a client without a certificate and one with a stranger's,
//! and gives no figures where a single cookie was wrong.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[path = "../parts/circumstances.rs"]
mod circumstances;
mod client;
#[path = "../parts/cpu.rs"]
mod cpu;
#[path = "../parts/family.rs"]
mod family;
mod figures;
mod floor;
#[path = "../parts/interrupt.rs"]
mod interrupt;
mod measure;
#[path = "../parts/memory.rs"]
mod memory;
#[path = "../parts/offer.rs"]
mod offer;
mod plot;
#[path = "../parts/process.rs"]
mod process;
mod recipe;
mod stage;
mod table;
mod target;
#[path = "../parts/tsm.rs"]
mod tsm;

use measure::Measure;
use target::Target;

/// tsmgated beside its peers.
#[derive(Debug, Parser)]
#[command(
    name = "side-by-side",
    after_help = "Example:\n  tests/bench/side-by-side --measure cold,idle --only tsmgated,envoy --rounds 3\n\n\
                  With REQUIRE_ALL=1 a missing peer is a failure.\n\
                  Exit codes: 0 measured, 1 a login failed or a peer is missing, 2 usage"
)]
pub struct Options {
    /// How often each target has its turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Cold logins in one round
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    logins: u32,
    /// Logins in one turn at 200 a second, also around a reload and a new start
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(4..=100_000))]
    paced: u32,
    /// Idle connections
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=4000))]
    idle: u32,
    /// Logins on a kept connection in one turn
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    calls: u32,
    /// Starts of the client program in one turn
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    starts: u32,
    /// Seconds until a client behind strangers gives up
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=60))]
    patience: u64,
    /// Only these measures
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    measure: Vec<Measure>,
    /// Only these targets: floor-answers, floor-passes, tsmgated, envoy, haproxy, nginx, stunnel, socat,
    /// ghostunnel
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    /// Write the plot there
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Which build to measure; tests/bench/side-by-side makes it
    #[arg(long, default_value = BUILT, value_parser = ["release", "dev"])]
    profile: String,
    /// Be a floor
    #[arg(long, hide = true, requires_all = ["port", "folder"])]
    floor: Option<floor::Floor>,
    /// Where
    #[arg(long, hide = true)]
    port: Option<u16>,
    /// With the files of this folder
    #[arg(long, hide = true)]
    folder: Option<PathBuf>,
}

/// Enough for all that is opened at once.
const DESCRIPTORS: u64 = 16_384;
/// The profile this program was built in.
const BUILT: &str = if cfg!(debug_assertions) { "dev" } else { "release" };

impl Options {
    /// What is measured.
    pub fn measures(&self) -> Vec<Measure> {
        let all = Measure::value_variants().iter().copied();
        all.filter(|one| self.measure.is_empty() || self.measure.contains(one)).collect()
    }

    /// How long a client waits behind strangers.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match (options.floor, options.port, &options.folder) {
        (Some(floor), Some(port), Some(folder)) => floor::serve(floor, port, folder),
        _ => run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("side-by-side: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A thousand connections want a descriptor each here and two in a server, which has as many as we.
fn raise_descriptors() -> anyhow::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(DESCRIPTORS, |most| most.min(DESCRIPTORS));
    if current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })?;
    }
    Ok(())
}

fn run(options: &Options) -> anyhow::Result<()> {
    anyhow::ensure!(
        options.profile == BUILT,
        "this program is the {BUILT} build; tests/bench/side-by-side makes the other one"
    );
    interrupt::watch()?;
    raise_descriptors()?;
    let circumstances = circumstances::lines();
    let stage = stage::Stage::new()?;
    let mut targets = Vec::new();
    for recipe in recipe::all(&stage, &options.only)? {
        let target = Target::start(recipe, &stage)?;
        target.check_refusals(&stage)?;
        targets.push(target);
    }
    let programs = measure::run(&mut targets, &stage, options)?;
    table::print(&targets, &programs, options, &circumstances);
    if let Some(file) = &options.svg {
        let plot = plot::draw(&targets, &circumstances);
        std::fs::write(file, plot).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
