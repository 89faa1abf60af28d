//! Jobs: shapes that TSM sends, how one ends, lists without end.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use serde_json::{Value, json};

use super::*;

fn note(step: &str, status: &str, timestamp: u64) -> Value {
    json!({ "step": step, "status": status, "message": format!("{step}."), "messageData": [],
        "timestamp": timestamp })
}

fn stop(status: &str, notes: &[Value]) -> Value {
    json!({ "id": 7, "jobType": "StopServerJob", "status": status, "progress": 50,
        "detailedProgress": { "progressNotes": notes, "doneSteps": 1, "totalSteps": 2 },
        "createdAt": 1_700_000_000_000_u64, "updatedAt": 1_700_000_001_000_u64,
        "statusMessage": "This job is running.", "statusMessageData": [], "jobTimeout": 300,
        "worker": "node1", "href": "/api/0.5/asyncJobs/7" })
}

fn read(job: &Value) -> Job {
    Job::read(json!({ "asyncJob": job }).to_string().as_bytes()).unwrap()
}

#[test]
fn a_job_is_read_whole() {
    let notes = [
        note("DisableAllServices", "Running", 1),
        note("DisableAllServices", "Succeeded", 2),
        note("StopAllServices", "Running", 3),
    ];
    let job = read(&stop("Running", &notes));
    let step = |name: &str, state, ended_at| Step {
        name: Some(name.to_owned()),
        message: Some(format!("{name}.")),
        state,
        began_at: Some(if ended_at == Some(2) { 1 } else { 3 }),
        ended_at,
    };
    let expected = Job {
        id: 7,
        job_type: Some("StopServerJob".to_owned()),
        status: JobStatus::Running,
        progress: Some(50),
        total_steps: Some(2),
        created_at: Some(1_700_000_000_000),
        updated_at: Some(1_700_000_001_000),
        completed_at: None,
        status_message: Some("This job is running.".to_owned()),
        error_message: None,
        timeout_s: Some(300),
        worker: Some("node1".to_owned()),
        steps: vec![
            step("DisableAllServices", StepState::Succeeded, Some(2)),
            step("StopAllServices", StepState::Running, None),
        ],
    };
    assert_eq!(job, expected);
    assert_eq!((job.is_over(), job.outcome()), (false, None));
}

#[test]
fn a_step_that_is_done_twice_is_two_steps() {
    let notes = ["Disable", "Wait", "Disable", "Wait"]
        .iter()
        .flat_map(|step| [note(step, "Running", 1), note(step, "Succeeded", 2)]);
    let job = read(&stop("Running", &notes.collect::<Vec<_>>()));
    let steps: Vec<_> = job.steps.iter().map(Step::title).collect();
    assert_eq!(steps, ["Disable.", "Wait.", "Disable.", "Wait."]);
    assert!(job.steps.iter().all(|step| step.state == StepState::Succeeded));
}

#[test]
fn notes_out_of_turn_still_make_steps() {
    let notes =
        [note("A", "Failed", 5), note("B", "Running", 6), note("B", "Running", 7), json!({})];
    let job = read(&stop("Running", &notes));
    let states: Vec<_> = job.steps.iter().map(|step| (step.title(), &step.state)).collect();
    let ended = |word: &str| StepState::Ended(word.to_owned());
    assert_eq!(states, [("A.", &ended("Failed")), ("B.", &StepState::Running), ("", &ended(""))]);
    assert_eq!((job.steps[0].began_at, job.steps[0].ended_at), (None, Some(5)));
}

#[test]
fn percentages_are_those_of_tsm() {
    let mut job = read(&stop("Running", &[]));
    job.total_steps = Some(15);
    let percents: Vec<_> = (1..=15).map(|step| job.percent_of(step)).collect();
    assert_eq!(percents, [6, 13, 20, 26, 33, 40, 46, 53, 60, 66, 73, 80, 86, 93, 100]);
    assert_eq!(job.percent_of(16), 100);
    job.total_steps = Some(u64::MAX);
    assert_eq!(job.percent_of(usize::MAX), 1);
    job.total_steps = None;
    assert_eq!(job.percent_of(1), 100);
}

#[test]
fn the_end_of_a_job_is_told_by_its_word_or_by_the_time_of_its_end() {
    let ended = |status: &str, completed: Value, error: Value| {
        let mut job = stop(status, &[]);
        job["completedAt"] = completed;
        job["errorMessage"] = error;
        read(&job).outcome()
    };
    let none = Value::Null;
    assert_eq!(ended("Succeeded", json!(5), none.clone()), Some(Outcome::Succeeded));
    assert_eq!(ended("FAILED", none.clone(), none.clone()), Some(Outcome::Failed));
    assert_eq!(ended("Cancelled", json!(5), json!("by hand")), Some(Outcome::Cancelled));
    assert_eq!(ended("Canceled", json!(5), none.clone()), Some(Outcome::Cancelled));
    for status in ["Created", "Queued", "Running", "Paused"] {
        assert_eq!(ended(status, none.clone(), none.clone()), None, "{status}");
        assert_eq!(ended(status, json!(0), none.clone()), None, "{status}");
    }
    assert_eq!(ended("TimedOut", json!(5), none), Some(Outcome::Unknown));
    assert_eq!(ended("TimedOut", json!("5"), json!("too slow")), Some(Outcome::Failed));
}

#[test]
fn a_job_of_nothing_but_a_number_is_a_job() {
    let job = Job::read(br#"{"asyncJob":{"id":"12","detailedProgress":null,"progress":999}}"#);
    let job = job.unwrap();
    assert_eq!((job.id, job.progress, job.is_over()), (12, Some(100), false));
    assert_eq!(job.status, JobStatus::Other(String::new()));
    let odd =
        Job::read(br#"{"asyncJob":{"id":1.0,"progress":46.9,"createdAt":-5,"jobTimeout":1e30}}"#);
    let odd = odd.unwrap();
    assert_eq!((odd.id, odd.progress, odd.created_at, odd.timeout_s), (1, Some(46), None, None));
}

#[test]
fn an_answer_of_another_kind_is_refused() {
    assert_eq!(Job::read(b"{}"), Err(Unreadable::Missing("asyncJob")));
    let nameless = Err(Unreadable::Missing("id of a job"));
    assert_eq!(Job::read(br#"{"asyncJob":{"id":-1}}"#), nameless);
    assert_eq!(JobList::read(b"{}"), Err(Unreadable::Missing("asyncJobs")));
    assert_eq!(JobList::read(br#"{"asyncJobs":[{}]}"#), Err(Unreadable::Missing("id of a job")));
    assert_eq!(Job::read(b"[1"), Err(Unreadable::Json { line: 1, column: 2 }));
    assert!(matches!(JobList::read(br#"{"asyncJobs":{}}"#), Err(Unreadable::Json { .. })));
}

#[test]
fn a_list_has_the_newest_first_and_is_bounded() {
    let list = |ids: &mut dyn Iterator<Item = usize>| {
        let jobs: Vec<_> = ids.map(|id| format!(r#"{{"id":{id}}}"#)).collect();
        JobList::read(format!(r#"{{"asyncJobs":[{}]}}"#, jobs.join(",")).as_bytes()).unwrap()
    };
    let ids = |list: &JobList| list.jobs.iter().map(|job| job.id).collect::<Vec<_>>();
    assert_eq!(list(&mut std::iter::empty()), JobList::default());
    assert_eq!(ids(&list(&mut [3, 9, 4].into_iter())), [9, 4, 3]);
    let all = 1_usize..=35_000;
    for ids in [&mut all.clone() as &mut dyn Iterator<Item = usize>, &mut all.rev()] {
        let list = list(ids);
        assert_eq!((list.jobs.len(), list.left_out), (MOST_JOBS, 25_000));
        assert_eq!((list.jobs[0].id, list.jobs[MOST_JOBS - 1].id), (35_000, 25_001));
    }
}

#[test]
fn notes_are_bounded() {
    let notes: Vec<_> =
        (0..3 * MOST_NOTES).map(|step| note(&step.to_string(), "Running", 1)).collect();
    assert_eq!(read(&stop("Running", &notes)).steps.len(), MOST_NOTES);
}
