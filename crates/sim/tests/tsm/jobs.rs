//! Jobs: the list, following one, cancelling one; the status of the server; and the care for it.

use tsmsim::{JobDrive, JobStatus, ServerState};

use super::stage::{Stage, until};

#[tokio::test]
async fn jobs_are_listed_followed_and_cancelled() {
    let stage = Stage::with(|api| api.jobs = JobDrive::ByHand).await;
    assert_eq!(stage.good("jobs list").await, "There are no jobs.\n");
    assert_eq!(stage.run("jobs reconnect").await.code, Some(1));
    stage.api().deploy();
    stage.api().deploy();
    assert!(stage.api().step());
    let listed = stage.good("jobs list").await;
    let cells: Vec<Vec<&str>> =
        listed.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(cells[0], ["1", "DeploymentsJob", "Running", "0%"]);
    assert_eq!(cells[1], ["2", "DeploymentsJob", "Queued", "0%"]);
    assert_eq!(stage.good("jobs list --status queued").await.lines().count(), 2);
    let running = stage.run("jobs cancel --id 1").await;
    assert_eq!(running.code, Some(1));
    assert_eq!(running.err, "The job 1 cannot be cancelled while it runs.\n");
    stage.good("jobs cancel -i 2").await;
    let following = stage.start("jobs reconnect --id 1");
    let asked = |path: &str| stage.tsm.requests().iter().any(|one| one.target.ends_with(path));
    until("a question", || asked("asyncJobs/1")).await;
    stage.api().finish_jobs();
    let ended = following.ended().await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.out.starts_with("Job id is '1', timeout is 10 minutes.\n11% - Retrieving"));
    let cancelled = stage.run("jobs reconnect").await;
    assert_eq!((cancelled.code, cancelled.err.as_str()), (Some(1), "The job was cancelled.\n"));
    assert_eq!(stage.run("jobs cancel --id 77").await.code, Some(1));
    assert_eq!(stage.run("jobs cancel --id x").await.code, Some(2));
}

#[tokio::test]
async fn a_job_that_fails_is_a_command_that_fails() {
    let stage = Stage::with(|api| api.jobs = JobDrive::ByHand).await;
    let running = stage.start("maintenance cleanup --log-files");
    until("a job", || !stage.api().jobs().is_empty()).await;
    assert!(stage.api().step());
    stage.api().clock().advance(std::time::Duration::from_secs(3600));
    let ended = running.ended().await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), "The job stopped reporting.\n"));
}

#[tokio::test]
async fn backups_archives_and_cleaning_up() {
    let stage = Stage::new().await;
    let file = |name: &str| stage.api().backups().join(name).is_file();
    let out = stage.good("maintenance backup --file night --description 'every night'").await;
    assert!(out.starts_with("Starting backup asynchronous job.\nJob id is '1', timeout is 2880"));
    assert!(file("night.tsbak"));
    stage.good("maintenance backup -f dated -d --request-timeout 77").await;
    let dated = std::fs::read_dir(stage.api().backups()).unwrap();
    let names: Vec<_> = dated.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().any(|name| name.starts_with("dated-2") && name.ends_with(".tsbak")));
    assert_eq!(stage.run("maintenance backup --file ../out").await.code, Some(1));
    assert_eq!(stage.run("maintenance backup").await.code, Some(2));
    stage.good("maintenance ziplogs").await;
    assert!(file("logs.zip"));
    let again = stage.run("maintenance ziplogs -f logs.zip").await;
    assert_eq!((again.code, again.err.as_str()), (Some(1), "The file logs.zip already exists.\n"));
    stage.good("maintenance ziplogs -f logs.zip -o").await;
    let both = stage.run("maintenance ziplogs --minimumdate 01/02/2020 --startdate 01/02/2020");
    assert_eq!(both.await.code, Some(2));
    stage.good("maintenance cleanup -l --log-files-retention 3 -ic").await;
    let requests = stage.tsm.requests();
    let cleanup = requests.iter().find(|one| one.target.contains("/cleanup?")).unwrap();
    assert_eq!(
        cleanup.target.split_once('?').unwrap().1,
        "deleteLogFiles=true&clearSheetImageCache=true&logFilesRetentionSeconds=259200"
    );
    let timed = requests.iter().find(|one| one.target.contains("writePath=dated")).unwrap();
    assert!(timed.target.ends_with("&jobTimeoutSeconds=77"), "{}", timed.target);
    let all = stage.api().jobs();
    assert!(all.iter().all(|(_, status)| *status == JobStatus::Succeeded));
}

#[tokio::test]
async fn status_and_version() {
    let stage = Stage::new().await;
    assert_eq!(stage.good("status").await, "Status: RUNNING\n");
    let verbose = stage.good("status --verbose").await;
    assert!(verbose.starts_with("node1:\n\tStatus: RUNNING\n"), "{verbose}");
    assert!(verbose.contains("\t'Tableau Server Repository 0' is running (Active Repository).\n"));
    stage.api().set_server_state(ServerState::Stopped);
    assert!(stage.good("status -v").await.contains("\t'Tableau Server Gateway 0' is stopped.\n"));
    assert_eq!(stage.good("version").await, "Tableau Server version 2019.2.2\n");
}
