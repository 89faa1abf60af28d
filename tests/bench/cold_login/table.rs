//! What is printed: the circumstances first, then a row for each target, in Markdown.

use time::OffsetDateTime;
use time::macros::format_description;

use crate::Options;
use crate::targets::Target;

/// The one all others are compared with.
const YARDSTICK: &str = "haproxy";

/// Date, machine, command, versions.
pub fn print_header(options: &Options, targets: &[Target]) {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let now = OffsetDateTime::now_utc().format(format).unwrap_or_default();
    let Options { rounds, logins, profile, only, .. } = options;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = file("/proc/sys/kernel/osrelease");
    let load = file("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    println!("CPU microseconds of the proxy for one cold login: connect, full TLS 1.3 handshake");
    println!(
        "(ECDSA P-256 certificates on both sides), one login(), close; one after the other.\n"
    );
    let only = if only.is_empty() { String::new() } else { format!(" --only {}", only.join(",")) };
    println!(
        "* command: `tests/bench/cold-login --profile {profile} --rounds {rounds} --logins {logins}{only}`"
    );
    println!("* date: {now}");
    println!("* machine: {}, {cores} cores, Linux {kernel}, load {load} at the start", processor());
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
        let least = target.cpu.iter().copied().fold(f64::INFINITY, f64::min);
        let most = target.cpu.iter().copied().fold(0.0, f64::max);
        let ratio = yardstick.map_or("–".to_owned(), |other| format!("{:.2}", cpu / other));
        println!(
            "| {} | {:?} | {cpu:.0} ({least:.0}..{most:.0}) | {ratio} | {:.0} |",
            target.name,
            target.group.name(),
            median(&target.latency),
        );
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

fn processor() -> String {
    let text = file("/proc/cpuinfo");
    let name = text.lines().find(|line| line.starts_with("model name"));
    let name = name.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim().to_owned());
    name.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn file(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}
