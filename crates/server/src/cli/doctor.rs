//! `tsmgated doctor`: the gate and what stands around it on this host, step by step.
//!
//! The looking is [`crate::doctor`]'s; here is how it is said, and which exit code it comes to.

use serde::Serialize;

use super::status::{Gate, json, picture};
use super::{Configuration, Exit, say};
use crate::doctor::{Cause, Finding, Question, Verdict, examine};
use crate::observe::visible;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing is changed, no program started and no session asked for. Root sees
everything; another user is told what is left out. Connections without a
certificate are tried at the gate's own port: its audit has their refusals.

Exit codes: 0 where all is good, 1 where there are warnings alone; else that of
the first step that failed: 65 a file's contents, 66 a file, 69 nobody answers,
71 the system, 77 somebody is not who it has to be.

JSON: verdict, steps[]{step, verdict, milliseconds, looked_at, found[],
advice[]{side, do}, cause}; a verdict is ok, left_out, warning or failed, a side
gate, tsm, runner or host, a cause contents, file, unavailable, system or refused.

Examples:
  tsmgated doctor
  tsmgated doctor --json | jq '.steps[] | select(.verdict == \"failed\")'")]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
    #[command(flatten)]
    gate: Gate,
    /// The user whose rights and groups count [default: the running gate's, else the unit's]
    #[arg(long)]
    user: Option<String>,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
}

/// The whole answer for machines.
#[derive(Serialize)]
struct Answer<'a> {
    verdict: Verdict,
    steps: &'a [Finding],
}

pub(super) fn doctor(arguments: &Arguments) -> Exit {
    let question = Question {
        config: &arguments.configuration.config,
        user: arguments.user.as_deref(),
        status: picture(&arguments.gate.socket),
    };
    let findings = examine(&question);
    let verdict = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
    match arguments.json {
        true => say(&[json(&Answer { verdict, steps: &findings })]),
        false => say(&told(&findings)),
    }
    exit(&findings, verdict)
}

/// That of the first failure; a warning is one where nothing failed.
fn exit(findings: &[Finding], verdict: Verdict) -> Exit {
    match findings.iter().find_map(|finding| finding.cause) {
        Some(Cause::Contents) => Exit::Contents,
        Some(Cause::File) => Exit::File,
        Some(Cause::Unavailable) => Exit::Unavailable,
        Some(Cause::System) => Exit::System,
        Some(Cause::Refused) => Exit::Refused,
        None if verdict == Verdict::Warning => Exit::Broken,
        None => Exit::Done,
    }
}

/// Lines for a person: each step, what was seen, what to do; then the first thing to do once more.
fn told(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in findings {
        let (verdict, step) = (word(finding.verdict), finding.step.replace('_', " "));
        let Finding { milliseconds, looked_at, .. } = finding;
        let head =
            format!("{verdict:<8}  {step:<16}  {milliseconds:>5} ms  {}", visible(looked_at));
        lines.push(head.trim_end().to_owned());
        lines.extend(finding.found.iter().map(|found| format!("            {}", visible(found))));
        lines.extend(finding.advice.iter().map(|advice| {
            format!("         -> {}: {}", advice.side.name(), visible(&advice.what))
        }));
    }
    let failed: Vec<_> =
        findings.iter().filter(|finding| finding.verdict == Verdict::Failed).collect();
    match failed.split_first() {
        None => lines.push("nothing has failed".to_owned()),
        Some((first, others)) => {
            let step = first.step.replace('_', " ");
            let more = match others.len() {
                0 => String::new(),
                more => format!("; {more} more have failed, which may be its consequence"),
            };
            lines.push(format!("begin with: {step}{more}"));
        }
    }
    lines
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::LeftOut => "left out",
        Verdict::Warning => "warning",
        Verdict::Failed => "FAILED",
    }
}
