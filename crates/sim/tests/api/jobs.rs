//! Jobs over the wire: made at once, moved by the test or by time, cancelled, failed, still there after
//! a restart.

use std::time::Duration;

use serde_json::Value;
use tsmsim::{JobDrive, JobStatus, ServerState};

use super::Stage;
use super::client::{Client, DEADLINE};

async fn job(stage: &Stage, id: u64) -> Value {
    stage.ask("GET", &format!("asyncJobs/{id}")).await.json()["asyncJob"].clone()
}

#[tokio::test]
async fn a_stop_is_a_job_of_two_steps_with_two_notes_each() {
    let stage = Stage::new().await;
    let answer = stage.ask("POST", "disable").await;
    assert_eq!(answer.status, 200);
    let made = answer.json()["asyncJob"].clone();
    assert_eq!((made["id"].as_u64(), made["status"].as_str()), (Some(1), Some("Created")));
    assert_eq!(
        (made["jobType"].as_str(), made["jobTimeout"].as_u64()),
        (Some("StopServerJob"), Some(300))
    );
    assert_eq!((made["worker"].as_str(), made["progress"].as_u64()), (Some("node1"), Some(0)));
    assert!(made.get("completedAt").is_none() && made.get("errorMessage").is_none());

    assert!(stage.api().step() && stage.api().step());
    let running = job(&stage, 1).await;
    assert_eq!(
        (running["status"].as_str(), running["progress"].as_u64()),
        (Some("Running"), Some(50))
    );
    let notes = running["detailedProgress"]["progressNotes"].as_array().unwrap().clone();
    let short: Vec<_> = notes
        .iter()
        .map(|note| (note["step"].as_str().unwrap(), note["status"].as_str().unwrap()))
        .collect();
    assert_eq!(
        short,
        [
            ("DisableAllServices", "Running"),
            ("DisableAllServices", "Succeeded"),
            ("StopAllServices", "Running"),
        ]
    );
    assert!(notes.iter().all(|note| note["timestamp"].as_u64() > Some(1_600_000_000_000)));
    assert_eq!(stage.api().server_state(), ServerState::Running);
    assert!(stage.api().step());
    let done = job(&stage, 1).await;
    assert_eq!(done["statusMessage"], "This job completed successfully.");
    assert!(done["completedAt"].as_u64() >= done["createdAt"].as_u64());
    assert_eq!(done["detailedProgress"]["doneSteps"], 2);
    assert_eq!(stage.api().server_state(), ServerState::Stopped);
    assert!(!stage.api().step());
}

#[tokio::test]
async fn the_list_can_be_filtered_and_has_a_latest() {
    let stage = Stage::new().await;
    stage.ask("POST", "restart?jobTimeoutSeconds=77").await;
    stage.ask("POST", "reindex-search").await;
    assert!(stage.api().step());
    let list = async |path: &str| {
        let jobs = stage.ask("GET", path).await.json()["asyncJobs"].clone();
        let ids: Vec<_> =
            jobs.as_array().unwrap().iter().map(|job| job["id"].as_u64().unwrap()).collect();
        ids
    };
    assert_eq!(list("asyncJobs").await, [1, 2]);
    assert_eq!(list("asyncJobs?status=Running").await, [1]);
    assert_eq!(list("asyncJobs?status=Queued").await, [2]);
    assert_eq!(list("asyncJobs?status=Nothing").await, [0_u64; 0]);
    let latest = stage.ask("GET", "asyncJobs/latest").await.json();
    assert_eq!(latest["asyncJob"]["jobType"], "RebuildSearchIndex");
    assert_eq!(job(&stage, 1).await["jobTimeout"], 77);
    stage.api().finish_jobs();
    assert_eq!(list("asyncJobs?status=Succeeded").await, [1, 2]);
}

#[tokio::test]
async fn cancelling_follows_the_rules() {
    let stage = Stage::new().await;
    stage.ask("POST", "disable").await;
    stage.ask("POST", "enable").await;
    assert!(stage.api().step());
    let running = stage.ask("PUT", "asyncJobs/1/cancel").await;
    assert_eq!(running.status, 409);
    assert!(running.detail().contains("while it runs"));
    let waiting = stage.ask("PUT", "asyncJobs/2/cancel").await;
    assert_eq!((waiting.status, &waiting.json()["asyncJob"]["status"]), (200, &"Cancelled".into()));
    stage.api().finish_jobs();
    assert_eq!(stage.ask("PUT", "asyncJobs/1/cancel").await.status, 409);
    stage.ask("POST", "cleanup?logFilesRetentionSeconds=60&deleteLogFiles=true").await;
    assert!(stage.api().step());
    let cleanup = stage.ask("PUT", "asyncJobs/3/cancel").await.json();
    assert!(
        cleanup["asyncJob"]["errorMessage"].is_string()
            && cleanup["asyncJob"]["completedAt"].is_u64()
    );
}

#[tokio::test]
async fn a_backup_is_a_file_in_the_folder_and_can_be_restored() {
    let stage = Stage::new().await;
    let made =
        stage.ask("POST", "backupFixedFile/?writePath=a%20b.tsbak&skipVerification=true").await;
    assert_eq!(made.json()["asyncJob"]["jobType"], "GenerateBackupJob");
    let file = stage.api().backups().join("a b.tsbak");
    assert!(!file.exists());
    stage.api().finish_jobs();
    assert!(file.is_file());
    stage.ask("POST", "restoreFixedFile?fixedFile=a+b.tsbak").await;
    stage.ask("POST", "restoreFixedFile?fixedFile=other.tsbak").await;
    stage.api().finish_jobs();
    let ends: Vec<_> = stage.api().jobs().into_iter().map(|(_, status)| status).collect();
    assert_eq!(ends, [JobStatus::Succeeded, JobStatus::Succeeded, JobStatus::Failed]);
    assert!(job(&stage, 3).await["errorMessage"].as_str().unwrap().contains("other.tsbak"));
    let folder = stage.api().backups();
    stage.tsm.stop().await;
    drop(stage);
    assert!(!folder.exists(), "its own folder goes with it");
}

#[tokio::test]
async fn time_fails_a_running_job_but_not_a_waiting_one() {
    let stage = Stage::new().await;
    stage.ask("POST", "cleanup?jobTimeoutSeconds=30").await;
    stage.api().clock().advance(Duration::from_secs(60));
    assert_eq!(job(&stage, 1).await["status"], "Created");
    assert!(stage.api().step());
    stage.api().clock().advance(Duration::from_secs(60));
    let late = job(&stage, 1).await;
    assert_eq!(
        (&late["status"], &late["errorMessage"]),
        (&"Failed".into(), &"The job timed out.".into())
    );
}

#[tokio::test]
async fn a_restart_in_mid_job_cuts_and_the_job_is_still_there() {
    let stage = Stage::new().await;
    stage.ask("POST", "restart").await;
    assert!(stage.api().step());
    let held = stage.client().await;
    stage.tsm.crash().await;
    assert_eq!(held.read().await.raw, b"");
    let refused = Client::try_connect(stage.api(), "localhost").await.err().unwrap();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    stage.tsm.restart().await.unwrap();
    assert_eq!(job(&stage, 1).await["status"], "Running");
    stage.api().finish_jobs();
    assert_eq!(job(&stage, 1).await["status"], "Succeeded");
}

#[tokio::test]
async fn real_time_moves_jobs_where_that_is_asked_for() {
    let stage = Stage::with(|api| api.jobs = JobDrive::Every(Duration::from_millis(1))).await;
    stage.ask("POST", "disable").await;
    let done = async {
        while stage.api().server_state() != ServerState::Stopped {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, done).await.unwrap();
    assert_eq!(stage.api().jobs(), [(1, JobStatus::Succeeded)]);
    assert!(stage.folder.path().exists());
}
