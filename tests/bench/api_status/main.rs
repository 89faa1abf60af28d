//! What one `GET /api/0.5/status` on a kept connection costs the proxy that serves it: mutual TLS 1.3 to
//! the caller, the session's cookie put in, TLS to TSM. In CPU microseconds of the proxy's process,
//! `tsmgated` beside HAProxy and nginx, and how much later than TSM's own the answer comes; all in one
//! interleaved run.
//!
//! It measures nothing that it did not see refuse a client without a certificate, and gives no figures
//! where a single answer was not the one that TSM gave.

use std::process::ExitCode;

use clap::Parser;

#[path = "../parts/circumstances.rs"]
mod circumstances;
mod client;
#[path = "../parts/cpu.rs"]
mod cpu;
#[path = "../parts/family.rs"]
mod family;
#[path = "../parts/interrupt.rs"]
mod interrupt;
mod large;
mod measure;
#[path = "../parts/offer.rs"]
mod offer;
#[path = "../parts/process.rs"]
mod process;
mod stage;
mod table;
mod targets;
#[path = "../parts/tsm.rs"]
mod tsm;

/// CPU microseconds per request of tsmgated and its peers.
#[derive(Debug, Parser)]
#[command(
    name = "api-status",
    after_help = "Example:\n  tests/bench/api-status --profile dev --rounds 1 --requests 100 --paced 40 --large 16\n\n\
                  With REQUIRE_ALL=1 a missing peer is a failure. Without nginx nothing is measured: it is TSM.\n\
                  Exit codes: 0 measured, 1 a request failed or a peer is missing, 2 usage"
)]
struct Options {
    /// How often each target has its turn
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Requests in one turn, one after the other
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    requests: u32,
    /// Requests in one turn, 200 a second
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    paced: u32,
    /// The large answer, in MiB
    #[arg(long, default_value_t = 256, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=4096))]
    large: u32,
    /// Which build to measure; tests/bench/api-status makes it
    #[arg(long, default_value = BUILT, value_parser = ["release", "dev"])]
    profile: String,
    /// Only these: direct, tsmgated, haproxy, nginx
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
}

/// The profile this program was built in.
const BUILT: &str = if cfg!(debug_assertions) { "dev" } else { "release" };

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("api-status: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    anyhow::ensure!(
        options.profile == BUILT,
        "this program is the {BUILT} build; tests/bench/api-status makes the other one"
    );
    interrupt::watch()?;
    let Some(stage) = stage::Stage::new(options.large)? else {
        anyhow::ensure!(std::env::var_os("REQUIRE_ALL").is_none(), "nginx is not installed");
        eprintln!("LEFT OUT: nginx is missing (Debian: nginx-light), nothing is measured");
        return Ok(());
    };
    let mut targets = targets::start(&stage, &options.only)?;
    table::print_header(options, &targets);
    for target in &targets {
        measure::check(target, &stage)?;
    }
    measure::run(&mut targets, options, &stage.status)?;
    for target in &mut targets {
        target.large = large::fetch(target, &stage)?;
    }
    table::print(&targets, options);
    Ok(())
}
