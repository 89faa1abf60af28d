//! What begins a job, what shows one, and the waiting for its end.

use tsmsim::{ApiBehaviour, JobDrive};

use crate::rig::{Controller, Gate, Reply, Run, at};

#[test]
fn each_command_begins_its_job_and_tells_the_number() {
    for (arguments, target) in [
        (&["start"][..], "POST /api/0.5/enable"),
        (&["stop", "--request-timeout", "90"], "POST /api/0.5/disable?jobTimeoutSeconds=90"),
        (&["restart"], "POST /api/0.5/restart"),
        (&["backup", "nightly"], "POST /api/0.5/backupFixedFile?writePath=nightly"),
        (
            &["backup", "a.tsbak", "--skip-verification", "--request-timeout", "7"],
            "POST /api/0.5/backupFixedFile?writePath=a.tsbak&skipVerification=true&jobTimeoutSeconds=7",
        ),
        (
            &["cleanup", "--delete-log-files", "--log-files-retention", "60"],
            "POST /api/0.5/cleanup?logFilesRetentionSeconds=60&deleteLogFiles=true",
        ),
        (
            &[
                "cleanup",
                "--delete-temp-files",
                "--clear-redis-cache",
                "--delete-http-requests",
                "--clear-sheet-image-cache",
            ],
            "POST /api/0.5/cleanup?deleteTempFiles=true&clearRedisCache=true&deleteHttpRequests=true\
             &clearSheetImageCache=true",
        ),
    ] {
        let controller = Controller::with(|options| options.jobs = JobDrive::ByHand);
        let run = controller.ask(arguments);
        assert_eq!((run.talk.as_str(), run.out.as_str()), ("", "1\n"), "{run:?}");
        assert_eq!(controller.targets(), [target]);
        let json = controller.ask(&[arguments, &["--json"]].concat()).good();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["asyncJob"]["id"], 2);
        controller.is_left_alone();
    }
}

#[test]
fn waiting_tells_each_step_and_how_it_ended() {
    let controller = Controller::start();
    let run = controller.ask(&["stop", "--wait"]);
    assert_eq!(run.out, "job 1 (StopServerJob) succeeded\n");
    assert!(run.talk.starts_with("Job id is '1', timeout is "), "{run:?}");
    assert!(run.talk.contains("\n50% - Disabling all services.\n"), "{run:?}");
    assert_eq!(run.code, Some(0));
    let json = controller.ask(&["jobs", "wait", "1", "--json"]).good();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["asyncJob"]["status"], "Succeeded");
    controller.is_left_alone();
}

#[test]
fn how_a_job_ended_is_the_exit_code() {
    for (status, more, code, said) in [
        ("Succeeded", "", 0, "job 7 (X) succeeded\n"),
        (
            "Failed",
            r#","errorMessage":"disk\u001b full""#,
            1,
            "job 7 (X) failed: disk\\u{1b} full\n",
        ),
        ("Cancelled", "", 2, "job 7 (X) was cancelled\n"),
        ("Vanished", r#","completedAt":17"#, 1, "job 7 (X) ended as \"Vanished\"\n"),
    ] {
        let body = format!(r#"{{"asyncJob":{{"id":7,"jobType":"X","status":"{status}"{more}}}}}"#);
        let gate = Gate::start(move |_| Reply::json(&body));
        let run = Run::of(&mut at(&gate, &["jobs", "wait", "7"]));
        assert_eq!((run.code, run.out.as_str()), (Some(code), said), "{run:?}");
        assert_eq!(gate.seen()[0].line, "GET /api/0.5/asyncJobs/7");
    }
}

#[test]
fn trouble_in_the_middle_is_sat_out_and_a_refusal_is_not() {
    let controller = Controller::with(|options| options.jobs = JobDrive::ByHand);
    controller.ask(&["stop"]).good();
    controller.api().finish_jobs();
    controller.api().behave_next(ApiBehaviour::Honest);
    controller.api().behave_next(ApiBehaviour::Html(502));
    let run = controller.ask(&["jobs", "wait", "1"]);
    assert!(run.talk.contains("TSM does not answer; asking again"), "{run:?}");
    assert_eq!(run.good(), "job 1 (StopServerJob) succeeded\n");
    controller.ask(&["jobs", "wait", "99"]).says(65, "404: There is no job 99.", "check the id");
}

#[test]
fn a_list_shows_the_newest_first_and_can_be_filtered() {
    let controller = Controller::with(|options| options.jobs = JobDrive::ByHand);
    assert_eq!(controller.ask(&["jobs", "list"]).good(), "There are no jobs.\n");
    controller.ask(&["stop"]).good();
    controller.ask(&["start"]).good();
    let out = controller.ask(&["jobs", "list"]).good();
    let first_words: Vec<_> =
        out.lines().map(|line| line.split_whitespace().take(3).collect::<Vec<_>>()).collect();
    assert_eq!(
        first_words,
        [
            ["ID", "TYPE", "STATUS"],
            ["2", "StartServerJob", "Queued"],
            ["1", "StopServerJob", "Created"]
        ]
    );
    let out = controller.ask(&["jobs", "list", "--status", "Failed"]).good();
    assert_eq!(out, "There are no jobs.\n");
    assert_eq!(controller.targets().last().unwrap(), "GET /api/0.5/asyncJobs?status=Failed");
    let run = controller.ask(&["jobs", "list", "--status", "Queued"]);
    run.says(65, "must be Succeeded, Failed, Created or Running", "--help");
}

#[test]
fn a_waiting_job_is_cancelled_and_an_ended_one_is_not() {
    let controller = Controller::with(|options| options.jobs = JobDrive::ByHand);
    controller.ask(&["stop"]).good();
    let out = controller.ask(&["jobs", "cancel", "1"]).good();
    assert!(out.contains("status     Cancelled\n"), "{out}");
    let run = controller.ask(&["jobs", "cancel", "1"]);
    run.says(65, "409: The job 1 has ended.", "jobs list");
    let out = controller.ask(&["jobs", "show", "1"]).good();
    assert!(out.starts_with("Job 1: StopServerJob\n"), "{out}");
}

/// Nothing is sent for what could never be asked.
#[test]
fn what_is_no_number_name_or_time_is_refused_before_anything_is_sent() {
    let controller = Controller::start();
    for (arguments, what) in [
        (&["jobs", "show", "latest"][..], "a part of the path must be a job's number"),
        (&["jobs", "cancel", "1/../2"], "a job's number"),
        (&["backup", "../x"], "the plain name of a file"),
        (&["backup", ""], "the plain name of a file"),
        (&["start", "--request-timeout", "5m"], "a whole number of seconds"),
        (&["cleanup", "--log-files-retention", "-1", "--delete-log-files"], "-1"),
    ] {
        let run = controller.ask(arguments);
        assert!(matches!(run.code, Some(64 | 65)), "{run:?}");
        run.told(what, "");
    }
    controller.ask(&["cleanup"]).says(64, "nothing to clean up is named", "--delete-log-files");
    assert!(controller.api().requests().is_empty(), "not even a login");
}
