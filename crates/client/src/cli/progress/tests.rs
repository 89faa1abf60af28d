//! Lines as `tsm` prints them, and the bar, drawn over itself.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use serde_json::{Value, json};

use super::*;

fn note(step: &str, status: &str) -> Value {
    json!({ "step": step, "status": status, "message": step, "timestamp": 1 })
}

fn pairs(steps: &[&str]) -> Vec<Value> {
    steps.iter().flat_map(|step| [note(step, "Running"), note(step, "Succeeded")]).collect()
}

fn job(status: &str, notes: &[Value], total: usize) -> Job {
    let body = json!({ "asyncJob": { "id": 1, "status": status, "jobTimeout": 600,
        "detailedProgress": { "progressNotes": notes, "totalSteps": total } }});
    Job::read(body.to_string().as_bytes()).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What is said while these jobs are seen, or not, two seconds apart.
fn said(width: Option<fn() -> usize>, answers: &[Option<Job>]) -> String {
    let mut talk = Vec::new();
    let mut progress = match width {
        None => Progress::lines(&mut talk),
        Some(width) => Progress::bar(&mut talk, width),
    };
    for (elapsed, answer) in (0..).step_by(2).map(seconds).zip(answers) {
        match answer {
            Some(job) => progress.seen(job, elapsed),
            None => progress.missed(elapsed),
        }
    }
    drop(progress);
    String::from_utf8(talk).unwrap()
}

const DEPLOYMENT: [&str; 15] = [
    "Retrieving the topology to deploy.",
    "Retrieving the configuration to deploy.",
    "Validating the new topology.",
    "Determining if server needs to be started.",
    "Disabling all services.",
    "Waiting for the services to stop.",
    "Updating nodes to new topology.",
    "Waiting for topology to be applied.",
    "Updating nodes to new configuration.",
    "Disabling all services.",
    "Waiting for the services to stop.",
    "Reconfiguring services.",
    "Waiting for services to reconfigure.",
    "Enabling all services.",
    "Waiting for the services to start.",
];

#[test]
fn a_deployment_is_told_as_tsm_tells_it() {
    // seen at an uneven pace, some steps whole, some while they run
    let notes = pairs(&DEPLOYMENT);
    let seen = |notes: &[Value]| Some(job("Running", notes, 15));
    let end = Some(job("Succeeded", &notes, 15));
    let answers = [seen(&[]), seen(&notes[..1]), seen(&notes[..7]), seen(&notes[..7]), end];
    let expected = "\
Job id is '1', timeout is 10 minutes.
6% - Retrieving the topology to deploy.
13% - Retrieving the configuration to deploy.
20% - Validating the new topology.
26% - Determining if server needs to be started.
33% - Disabling all services.
40% - Waiting for the services to stop.
46% - Updating nodes to new topology.
53% - Waiting for topology to be applied.
60% - Updating nodes to new configuration.
66% - Disabling all services.
73% - Waiting for the services to stop.
80% - Reconfiguring services.
86% - Waiting for services to reconfigure.
93% - Enabling all services.
100% - Waiting for the services to start.
";
    assert_eq!(said(None, &answers), expected);
}

#[test]
fn each_step_has_its_line_once_it_has_ended() {
    let notes = pairs(&["A", "B"]);
    let first = said(None, &[Some(job("Running", &notes[..3], 2))]);
    assert_eq!(first, "Job id is '1', timeout is 10 minutes.\n50% - A\n");
    // the second note of a step may be missing
    let halves = [note("A", "Running"), note("B", "Running")];
    let text = said(None, &[Some(job("Running", &halves, 2)), Some(job("Succeeded", &halves, 2))]);
    assert_eq!(text, "Job id is '1', timeout is 10 minutes.\n50% - A\n100% - B\n");
    let failed = [note("A", "Running"), note("A", "Failed")];
    let text = said(None, &[Some(job("Failed", &failed, 2))]);
    assert_eq!(text, "Job id is '1', timeout is 10 minutes.\n50% - A (Failed)\n");
    let text = said(None, &[Some(job("Failed", &halves, 2))]);
    assert_eq!(text, "Job id is '1', timeout is 10 minutes.\n50% - A\n");
}

#[test]
fn silence_is_told_once_and_its_end_too() {
    let notes = pairs(&["A"]);
    let answers = [Some(job("Running", &[], 2)), None, None, Some(job("Running", &notes, 2))];
    let expected = "\
Job id is '1', timeout is 10 minutes.
tsmgate: TSM does not answer; asking again for 5 minutes
tsmgate: TSM answers again
50% - A
";
    assert_eq!(said(None, &answers), expected);
}

#[test]
fn the_bar_is_drawn_over_itself_and_gone_at_the_end() {
    let notes = pairs(&["A", "B"]);
    let answers = [Some(job("Running", &notes[..3], 2)), None, Some(job("Succeeded", &notes, 2))];
    let expected = "Job id is '1', timeout is 10 minutes.\n\
        \r\u{1b}[K[##########----------]  50%  0:00  B\
        \r\u{1b}[K[##########----------]  50%  0:02  (no answer, asking again)\
        \r\u{1b}[K[####################] 100%  0:04  B\
        \r\u{1b}[K";
    assert_eq!(said(Some(|| 80), &answers), expected);
}

#[test]
fn the_bar_never_wraps() {
    let answers = [None, Some(job("Running", &[note(&"x".repeat(200), "Running")], 1))];
    let expected = "\r\u{1b}[K[--------------------]   0%  0:00  (no a…\
        \r\u{1b}[KJob id is '1', timeout is 10 minutes.\n\
        \r\u{1b}[K[--------------------]   0%  0:02  xxxxx…\
        \r\u{1b}[K";
    assert_eq!(said(Some(|| 42), &answers), expected);
    assert_eq!(said(Some(|| 0), &answers[..1]), "\r\u{1b}[K\r\u{1b}[K");
}

/// R43: what TSM says of a step steers no terminal and forges no line.
#[test]
fn hostile_steps_are_shown_and_do_nothing() {
    let evil = "a\n100% - done\u{1b}[2J\u{202e}\r";
    let shown = "a\\u{a}100% - done\\u{1b}[2J\\u{202e}\\u{d}";
    let notes = [note(evil, "Running"), note(evil, evil)];
    let text = said(None, &[Some(job("Running", &notes, 1))]);
    let expected = format!("Job id is '1', timeout is 10 minutes.\n100% - {shown} ({shown})\n");
    assert_eq!(text, expected);
    let text = said(Some(|| 200), &[Some(job("Running", &notes, 1))]);
    assert!(text.contains(shown) && !text.contains("[2J\u{202e}"), "{text:?}");
    let long = [note(&"x".repeat(4 << 20), "Succeeded")];
    assert!(said(None, &[Some(job("Running", &long, 1))]).len() < 400);
}
