//! What a figure is worth nothing without: when, on which machine, how busy it was; and what is made of
//! many measurements.

use time::OffsetDateTime;
use time::macros::format_description;

/// Date, machine and the load as it is now, as lines of a list.
pub fn lines() -> [String; 2] {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let now = OffsetDateTime::now_utc().format(format).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = file("/proc/sys/kernel/osrelease");
    // what a builder of kernels adds says nothing to anybody else
    let kernel = kernel.split('-').next().unwrap_or_default();
    let load = file("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    let processor = processor();
    [
        format!("* date: {now}"),
        format!("* machine: {processor}, {cores} cores, Linux {kernel}, load {load} at the start"),
    ]
}

/// The middle of what was measured.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// The least and the most of what was measured.
pub fn range(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    (least, values.iter().copied().fold(0.0, f64::max))
}

/// Median, least and most, as a table has them: with one decimal where they are small.
pub fn spread(values: &[f64]) -> String {
    let (middle, (least, most)) = (median(values), range(values));
    let decimals = usize::from(middle < 100.0);
    format!("{middle:.decimals$} ({least:.decimals$}..{most:.decimals$})")
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
