//! Jobs as people read them, line by line.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use serde_json::{Value, json};

use super::*;
use crate::cli::colour::dress;

/// The job of a simulated stop, in its middle.
fn stop() -> Value {
    json!({ "id": 7, "jobType": "StopServerJob", "status": "Running", "progress": 50,
        "detailedProgress": { "progressNotes": [
            { "step": "DisableAllServices", "status": "Running",
                "message": "Disabling all services.", "messageData": [], "timestamp": 1 },
            { "step": "DisableAllServices", "status": "Succeeded",
                "message": "Disabling all services.", "messageData": [], "timestamp": 2 },
            { "step": "StopAllServices", "status": "Running",
                "message": "Waiting for the services to stop.", "timestamp": 3 },
        ], "doneSteps": 1, "totalSteps": 2 },
        "createdAt": 1_700_000_000_999_u64, "updatedAt": 1_700_000_060_000_u64,
        "statusMessage": "This job is running.", "statusMessageData": [], "jobTimeout": 300,
        "worker": "node1", "href": "/api/0.5/asyncJobs/7" })
}

fn read(job: &Value) -> Job {
    Job::read(json!({ "asyncJob": job }).to_string().as_bytes()).unwrap()
}

fn listed(jobs: &[Value]) -> JobList {
    JobList::read(json!({ "asyncJobs": jobs }).to_string().as_bytes()).unwrap()
}

fn with(changes: &[(&str, Value)]) -> Value {
    let mut job = stop();
    for (name, value) in changes {
        job[*name] = value.clone();
    }
    job
}

#[test]
fn jobs_are_listed_the_newest_first() {
    let jobs = [
        with(&[("id", json!(6)), ("status", json!("Failed")), ("errorMessage", json!("No room."))]),
        stop(),
        json!({ "id": 12 }),
    ];
    let expected = "\
ID  TYPE           STATUS   PROGRESS  CREATED               MESSAGE
12  -              -        -         -                     -
7   StopServerJob  Running  50%       2023-11-14T22:13:20Z  This job is running.
6   StopServerJob  Failed   50%       2023-11-14T22:13:20Z  No room.
";
    assert_eq!(dress(list(&listed(&jobs), None), false), expected);
    assert_eq!(list(&listed(&[]), None), "There are no jobs.\n");
}

#[test]
fn a_cut_list_says_so_and_a_terminal_sees_whole_lines() {
    let mut jobs = listed(&[stop()]);
    jobs.left_out = 3;
    let text = dress(list(&jobs, Some(76)), false);
    let expected = "\
ID  TYPE           STATUS   PROGRESS  CREATED               MESSAGE
7   StopServerJob  Running  50%       2023-11-14T22:13:20Z  This job is run…
and 3 older ones
";
    assert_eq!(text, expected);
}

#[test]
fn a_job_is_shown_with_its_steps() {
    let expected = "\
Job 7: StopServerJob
  status     Running
  progress   50%
  created    2023-11-14T22:13:20Z
  updated    2023-11-14T22:14:20Z
  completed  -
  timeout    5 minutes
  worker     node1
  message    This job is running.
Steps:
   50%  done       Disabling all services.
  100%  running    Waiting for the services to stop.
";
    assert_eq!(dress(block(&read(&stop())), false), expected);
}

#[test]
fn a_failed_job_says_why() {
    let mut failed = with(&[
        ("status", json!("Failed")),
        ("completedAt", json!(1_700_000_061_000_u64)),
        ("errorMessage", json!("The service gateway did not stop.")),
        ("statusMessage", json!("This job failed.")),
    ]);
    failed["detailedProgress"]["progressNotes"][1]["status"] = json!("Failed");
    let expected = "\
Job 7: StopServerJob
  status     Failed
  progress   50%
  created    2023-11-14T22:13:20Z
  updated    2023-11-14T22:14:20Z
  completed  2023-11-14T22:14:21Z
  timeout    5 minutes
  worker     node1
  message    This job failed.
  error      The service gateway did not stop.
Steps:
   50%  Failed     Disabling all services.
  100%  begun      Waiting for the services to stop.
";
    assert_eq!(dress(block(&read(&failed)), false), expected);
}

#[test]
fn a_job_of_nothing_but_a_number_is_shown() {
    let expected = "\
Job 1: -
  status     -
  progress   -
  created    -
  updated    -
  completed  -
  timeout    -
  worker     -
  message    -
";
    assert_eq!(dress(block(&read(&json!({ "id": 1 }))), false), expected);
    assert_eq!(announced(&read(&json!({ "id": 1 }))), "Job id is '1'.");
}

#[test]
fn minutes_are_those_of_tsm() {
    let said = |timeout: u64| announced(&read(&with(&[("jobTimeout", json!(timeout))])));
    assert_eq!(said(600), "Job id is '7', timeout is 10 minutes.");
    assert_eq!(said(2000), "Job id is '7', timeout is 33.33 minutes.");
    assert_eq!(said(172_800), "Job id is '7', timeout is 2880 minutes.");
    assert_eq!(said(90), "Job id is '7', timeout is 1.5 minutes.");
    assert_eq!(said(0), "Job id is '7', timeout is 0 minutes.");
    let most = u64::MAX;
    assert!(said(most).starts_with("Job id is '7', timeout is "));
}

#[test]
fn ends_are_told_in_one_sentence() {
    let told = |status: &str, error: Option<&str>| {
        let error = error.map_or(Value::Null, |error| json!(error));
        let changes = [
            ("status", json!(status)),
            ("completedAt", json!(5)),
            ("statusMessage", Value::Null),
            ("errorMessage", error),
        ];
        ended(&read(&with(&changes)))
    };
    assert_eq!(told("Succeeded", None), "job 7 (StopServerJob) succeeded");
    assert_eq!(told("Failed", Some("No room.")), "job 7 (StopServerJob) failed: No room.");
    assert_eq!(told("Failed", None), "job 7 (StopServerJob) failed");
    assert_eq!(told("Cancelled", None), "job 7 (StopServerJob) was cancelled");
    assert_eq!(told("Odd", None), "job 7 (StopServerJob) ended as \"Odd\"");
    assert_eq!(ended(&read(&json!({ "id": 1 }))), "job 1 is not over");
    let text = "the job goes on at TSM; `tsmgate jobs wait 7` waits for it again";
    assert_eq!(goes_on(7), text);
}

#[test]
fn times_that_are_none_are_a_dash() {
    for time in [json!(u64::MAX), json!("soon"), Value::Null, json!(253_402_300_800_000_u64)] {
        let text = block(&read(&with(&[("createdAt", time)])));
        assert!(text.contains("\n  created    -\n"), "{text}");
    }
}

/// R43: words of TSM's steer no terminal, forge no line and stay short.
#[test]
fn hostile_words_are_shown_and_do_nothing() {
    let evil = "\u{1b}[2J\u{202e}\nJob 9: fine\u{9b}";
    let mut job = with(&[]);
    for name in ["jobType", "status", "statusMessage", "errorMessage", "worker"] {
        job[name] = json!(evil);
    }
    for name in ["step", "status", "message"] {
        job["detailedProgress"]["progressNotes"][0][name] = json!(evil);
    }
    let read = read(&job);
    let texts = [
        (dress(block(&read), false), 14),
        (dress(list(&listed(&[job]), None), false), 2),
        (ended(&read), 1),
        (announced(&read), 1),
    ];
    for (text, lines) in texts {
        assert_eq!(text.lines().count(), lines, "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{text:?}");
    }
    let mut long = stop();
    for name in ["jobType", "status", "statusMessage", "errorMessage", "worker"] {
        long[name] = json!("x".repeat(1 << 20));
    }
    assert!(block(&self::read(&long)).len() < 4096);
    assert!(list(&listed(&[long]), None).len() < 4096);
}
