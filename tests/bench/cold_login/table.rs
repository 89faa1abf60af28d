//! What is printed: the circumstances first, then a row for each target, in Markdown.

use crate::Options;
use crate::circumstances::{self, median, spread};
use crate::targets::Target;

/// The one all others are compared with.
const YARDSTICK: &str = "haproxy";

/// Date, machine, command, versions.
pub fn print_header(options: &Options, targets: &[Target]) {
    let Options { rounds, logins, profile, only, .. } = options;
    println!("CPU microseconds of the proxy for one cold login: connect, full TLS 1.3 handshake");
    println!(
        "(ECDSA P-256 certificates on both sides), one login(), close; one after the other.\n"
    );
    let only = if only.is_empty() { String::new() } else { format!(" --only {}", only.join(",")) };
    println!(
        "* command: `tests/bench/cold-login --profile {profile} --rounds {rounds} --logins {logins}{only}`"
    );
    circumstances::print();
    let mut told = "";
    for target in targets {
        if target.about != told {
            println!("* {}: {}", target.name, target.about);
        }
        told = &target.about;
    }
    println!();
}

/// A row for each target.
pub fn print(targets: &[Target]) {
    let yardstick = targets.iter().find(|target| target.name == YARDSTICK);
    let yardstick = yardstick.map(|target| median(&target.cpu));
    println!(
        "| target | key exchange | CPU µs, median (spread) | of HAProxy's | latency p50, µs |"
    );
    println!("|---|---|---|---|---|");
    for target in targets {
        let cpu = median(&target.cpu);
        let ratio = yardstick.map_or("–".to_owned(), |other| format!("{:.2}", cpu / other));
        println!(
            "| {} | {:?} | {} | {ratio} | {:.0} |",
            target.name,
            target.group.name(),
            spread(&target.cpu),
            median(&target.latency),
        );
    }
}
