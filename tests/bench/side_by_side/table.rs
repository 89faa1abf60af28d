//! What is printed, in Markdown: a table of costs, one of what a server does when it is disturbed, one of the
//! client program, and under what circumstances all that was measured.

use std::time::Duration;

use clap::ValueEnum;

use crate::Options;
use crate::circumstances::{median, spread};
use crate::figures::{Figures, Losses};
use crate::measure::Measure;
use crate::measure::program::Programs;
use crate::target::Target;

/// The one all others are compared with.
const YARDSTICK: &str = "envoy";

/// A column: its head, the measure it belongs to, and what a target has in it.
struct Column {
    head: String,
    of: Measure,
    cell: Box<dyn Fn(&Figures) -> String>,
}

fn column(head: &str, of: Measure, cell: impl Fn(&Figures) -> String + 'static) -> Column {
    Column { head: head.to_owned(), of, cell: Box::new(cell) }
}

/// All of it.
pub fn print(targets: &[Target], programs: &Programs, options: &Options, circumstances: &[String]) {
    let measured = options.measures();
    print_table(targets, &costs(targets), &measured);
    print_table(targets, &disturbances(options), &measured);
    if measured.contains(&Measure::Program) && !programs.ours.wall.is_empty() {
        print_programs(programs);
    }
    println!("* command: `tests/bench/side-by-side{}`", command(options));
    circumstances.iter().for_each(|line| println!("{line}"));
    for target in targets {
        println!("* {}: {}", target.name(), target.recipe.about);
    }
}

fn costs(targets: &[Target]) -> Vec<Column> {
    let yardstick = targets.iter().find(|target| target.name() == YARDSTICK);
    let yardstick = yardstick.map(|target| target.figures.cold.clone()).unwrap_or_default();
    vec![
        column("cold login, CPU µs", Measure::Cold, |figures| cell(&figures.cold)),
        column("of Envoy's", Measure::Cold, move |figures| {
            ratio(turn_by_turn(&figures.cold, &yardstick))
        }),
        column("post-quantum, CPU µs", Measure::Cold, |figures| cell(&figures.cold_post_quantum)),
        column("at 200/s: p50, µs", Measure::Paced, |figures| cell(&figures.p50)),
        column("p99, µs", Measure::Paced, |figures| cell(&figures.p99)),
        column("KiB per idle connection", Measure::Idle, |figures| cell(&figures.idle)),
        column("kept connection: logins/s", Measure::Kept, |figures| cell(&figures.kept_rate)),
        column("CPU µs each", Measure::Kept, |figures| cell(&figures.kept_cpu)),
    ]
}

fn disturbances(options: &Options) -> Vec<Column> {
    let patience = options.patience();
    vec![
        column("lost at reload", Measure::Losses, |figures| lost(&figures.reload)),
        column("longest wait, ms", Measure::Losses, |figures| longest(&figures.reload)),
        column("lost at stop and start", Measure::Losses, |figures| lost(&figures.restart)),
        column("longest wait, ms", Measure::Losses, |figures| longest(&figures.restart)),
        column("cookie behind silent strangers, s", Measure::Lockout, move |figures| {
            waited(&figures.waited, patience)
        }),
        column("strangers at the client's address, s", Measure::Lockout, move |figures| {
            waited(&figures.waited_beside, patience)
        }),
    ]
}

fn print_table(targets: &[Target], columns: &[Column], measured: &[Measure]) {
    let columns: Vec<_> = columns.iter().filter(|column| measured.contains(&column.of)).collect();
    if columns.is_empty() {
        return;
    }
    let heads: Vec<_> = columns.iter().map(|column| column.head.as_str()).collect();
    println!("| target | {} |", heads.join(" | "));
    println!("|---|{}", "---|".repeat(columns.len()));
    for target in targets {
        let cells: Vec<_> = columns.iter().map(|column| (column.cell)(&target.figures)).collect();
        println!("| {} | {} |", target.name(), cells.join(" | "));
    }
    println!();
}

fn print_programs(programs: &Programs) {
    let Programs { ours, bare } = programs;
    println!(
        "| program, start to end | wall ms | of the bare one's | CPU ms | of the bare one's |"
    );
    println!("|---|---|---|---|---|");
    for (name, program) in [("bare rustls client", bare), ("tsmgate login", ours)] {
        println!(
            "| {name} | {} | {} | {} | {} |",
            cell(&program.wall),
            ratio(turn_by_turn(&program.wall, &bare.wall)),
            cell(&program.cpu),
            ratio(turn_by_turn(&program.cpu, &bare.cpu)),
        );
    }
    println!();
}

/// Nothing where nothing was measured.
fn cell(values: &[f64]) -> String {
    if values.is_empty() { "–".to_owned() } else { spread(values) }
}

/// The middle of what each turn came to beside the other's of the same turn: what else the machine did meanwhile
/// fell on both.
fn turn_by_turn(values: &[f64], of: &[f64]) -> f64 {
    median(&values.iter().zip(of).map(|(value, of)| value / of).collect::<Vec<_>>())
}

fn ratio(ratio: f64) -> String {
    if ratio.is_nan() { "–".to_owned() } else { format!("{ratio:.2}") }
}

/// In all rounds together.
fn lost(losses: &[Losses]) -> String {
    let sum = |which: fn(&Losses) -> usize| losses.iter().map(which).sum::<usize>();
    match sum(|losses| losses.of) {
        0 => "–".to_owned(),
        of => format!("{} of {of}", sum(|losses| losses.lost)),
    }
}

fn longest(losses: &[Losses]) -> String {
    let longest: Vec<_> = losses.iter().map(|losses| losses.longest.as_secs_f64() * 1e3).collect();
    cell(&longest)
}

fn waited(waited: &[Option<Duration>], patience: Duration) -> String {
    match waited {
        [] => "–".to_owned(),
        [Some(waited), ..] => format!("{:.2}", waited.as_secs_f64()),
        [None, ..] => format!("locked out (over {})", patience.as_secs()),
    }
}

/// The options that make this run again.
fn command(options: &Options) -> String {
    let Options { rounds, logins, paced, idle, calls, starts, patience, profile, .. } = options;
    let mut text = format!(
        " --profile {profile} --rounds {rounds} --logins {logins} --paced {paced} --idle {idle} \
         --calls {calls} --starts {starts} --patience {patience}"
    );
    if options.measures().len() < Measure::value_variants().len() {
        let names: Vec<_> = options.measures().iter().map(ToString::to_string).collect();
        text += &format!(" --measure {}", names.join(","));
    }
    if !options.only.is_empty() {
        text += &format!(" --only {}", options.only.join(","));
    }
    text
}
