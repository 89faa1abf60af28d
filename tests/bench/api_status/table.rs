//! What is printed: the circumstances first, then a row for each target, in Markdown.

use crate::Options;
use crate::circumstances::{self, median, spread};
use crate::targets::Target;

/// Command, date, machine, versions.
pub fn print_header(options: &Options, targets: &[Target]) {
    let Options { rounds, requests, paced, large, profile, only } = options;
    println!(
        "CPU microseconds of the proxy for one GET of a status of 20 KiB: mutual TLS 1.3, the"
    );
    println!("session's cookie put in, TLS to TSM; on kept connections, one after the other.\n");
    let only = if only.is_empty() { String::new() } else { format!(" --only {}", only.join(",")) };
    println!(
        "* command: `tests/bench/api-status --profile {profile} --rounds {rounds} --requests {requests} \
         --paced {paced} --large {large}{only}`"
    );
    circumstances::lines().iter().for_each(|line| println!("{line}"));
    for target in targets {
        println!("* {}: {}", target.name, target.about);
    }
    println!();
}

/// The tables.
pub fn print(targets: &[Target], options: &Options) {
    let better = targets.iter().filter(|target| target.name != "tsmgated");
    let better = better.filter(|target| !target.cpu.is_empty()).map(|target| median(&target.cpu));
    let better = better.fold(f64::NAN, f64::min);
    let direct = targets.iter().find(|target| target.name == "direct");
    println!(
        "| target | CPU µs, median (spread) | of the better peer's | requests/s | CPU µs at 200/s |"
    );
    println!("|---|---|---|---|---|");
    for target in targets {
        let rate = median(&target.rate);
        match target.process {
            None => println!("| {} | – | – | {rate:.0} | – |", target.name),
            Some(_) => println!(
                "| {} | {} | {:.2} | {rate:.0} | {} |",
                target.name,
                spread(&target.cpu),
                median(&target.cpu) / better,
                spread(&target.paced_cpu),
            ),
        }
    }
    println!("\n| target | at 200/s: p50 µs | p99 µs | later than TSM's own: p50 µs | p99 µs |");
    println!("|---|---|---|---|---|");
    for target in targets {
        let at = |hundredths| quantile(&target.latency, hundredths);
        let later = |hundredths| match direct {
            Some(direct) if target.process.is_some() => {
                format!("{:.0}", at(hundredths) - quantile(&direct.latency, hundredths))
            }
            _ => "–".to_owned(),
        };
        println!(
            "| {} | {:.0} | {:.0} | {} | {} |",
            target.name,
            at(50),
            at(99),
            later(50),
            later(99)
        );
    }
    println!(
        "\n| target | {} MiB: MiB/s | CPU µs a MiB | memory before, KiB | most meanwhile, KiB |",
        options.large
    );
    println!("|---|---|---|---|---|");
    for target in targets {
        if let Some(large) = &target.large {
            let (rate, cpu) = (large.rate, large.cpu);
            println!(
                "| {} | {rate:.0} | {cpu:.0} | {} | {} |",
                target.name, large.before, large.most
            );
        }
    }
}

/// What so many hundredths of the values are not above.
fn quantile(values: &[f64], hundredths: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() * hundredths).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or(f64::NAN)
}
