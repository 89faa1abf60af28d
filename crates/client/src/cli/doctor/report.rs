//! A step as lines for people, and the whole report for programs. All texts come escaped.

use serde_json::{Map, Value, json};

use crate::cli::colour::Tone;
use crate::doctor::{Report, Step, Verdict};

/// Under what a step says, further lines begin here: behind verdict, name and time.
const INDENT: usize = 41;

/// One step; `verbose` shows all that was found also where all is well.
pub(super) fn step(step: &Step, verbose: bool) -> String {
    let tone = match step.verdict() {
        Verdict::Good => Tone::Good,
        Verdict::Warning => Tone::Middling,
        Verdict::Failed => Tone::Bad,
        Verdict::NotTried => Tone::Quiet,
    };
    let verdict = tone.paint(&format!("{:<9}", step.verdict().word()));
    let time = match step.verdict() {
        Verdict::NotTried => "-".to_owned(),
        _ => format!("{} ms", step.took().as_millis()),
    };
    let mut lines = Vec::new();
    if !step.says().is_empty() {
        lines.push(step.says().to_owned());
    }
    let what = step.trouble().map(|trouble| &trouble.what).filter(|what| *what != step.says());
    lines.extend(what.cloned());
    if verbose || step.trouble().is_some() {
        lines.extend(step.more().iter().cloned());
    }
    if let Some(trouble) = step.trouble() {
        lines.push(format!("where: {}", trouble.side.place()));
        lines.push(format!("hint: {}", trouble.hint));
    }
    let name = step.name().replace('_', " ");
    let lines = lines.join(&format!("\n{:INDENT$}", ""));
    format!("{verdict}  {name:<16}  {time:>10}  {lines}\n")
}

/// The last line: how it all went.
pub(super) fn verdict(report: &Report) -> String {
    let of = |verdict| report.steps().iter().filter(|step| step.verdict() == verdict).count();
    match report.failed() {
        Some(step) => {
            let name = step.name().replace('_', " ");
            format!("the way ends at: {name}; exit code {}\n", report.exit().code())
        }
        None => match (of(Verdict::Warning), of(Verdict::NotTried)) {
            (0, 0) => "all is well\n".to_owned(),
            (warnings, untried) => {
                format!("it works; warnings: {warnings}, steps not tried: {untried}\n")
            }
        },
    }
}

/// The report as one object.
pub(super) fn object(report: &Report) -> Value {
    let steps: Vec<_> = report.steps().iter().map(step_object).collect();
    json!({ "exit": report.exit().code(), "steps": steps })
}

fn step_object(step: &Step) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("name", step.name().into());
    put("verdict", step.verdict().word().replace(' ', "_").into());
    put("milliseconds", u64::try_from(step.took().as_millis()).unwrap_or(u64::MAX).into());
    put("says", step.says().into());
    put("found", step.found().clone().into());
    if let Some(trouble) = step.trouble() {
        put("what", trouble.what.clone().into());
        put("side", trouble.side.word().into());
        put("hint", trouble.hint.clone().into());
    }
    object.into()
}
