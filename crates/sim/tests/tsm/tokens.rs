//! New internal tokens: a long job that ends every session, and a controller that goes away meanwhile.

use tsmsim::{JobDrive, JobStatus, ServerState};

use super::stage::{Stage, until};

const REGENERATE: &str = "security regenerate-internal-tokens";

#[tokio::test]
async fn it_survives_the_end_of_its_session_and_a_controller_that_is_away() {
    let stage = Stage::with(|api| api.jobs = JobDrive::ByHand).await;
    let before = stage.api().configuration();
    let mut running = stage.start(REGENERATE);
    until("a job", || !stage.api().jobs().is_empty()).await;
    let other = stage.api().open_session("anna");
    let logins = || stage.tsm.cookies().len();
    // begins, and five steps up to the new key
    assert!((0..7).all(|_| stage.api().step()));
    assert!(stage.api().is_open(&other));
    assert!(stage.api().step());
    assert!(!stage.api().is_open(&other), "the key of the cookies is another one");
    assert_eq!(stage.api().server_state(), ServerState::Stopped);
    let first = logins();
    until("another login", || logins() > first).await;
    stage.tsm.crash().await;
    assert!(!running.has_ended());
    stage.api().end_sessions();
    stage.tsm.restart().await.unwrap();
    let second = logins();
    until("a third login", || logins() > second).await;
    stage.api().finish_jobs();
    let ended = running.ended().await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
    let out: Vec<_> = ended.out.lines().map(str::trim_end).collect();
    assert_eq!(out[0], "Starting regenerate internal tokens asynchronous job.");
    assert_eq!(out[1], "Job id is '1', timeout is 30 minutes.");
    assert_eq!(out[2], "9% - Disabling all services.");
    assert_eq!(out[8], "63% - Generating a new encryption key for configuration secrets.");
    assert_eq!(out[12], "100% - Waiting for the services to start.");
    assert_eq!(out[13], "Successfully regenerated internal tokens.");
    assert_eq!(out.len(), 14, "each step once: {out:?}");
    assert_eq!(stage.api().server_state(), ServerState::Running);
    let after = stage.api().configuration();
    for key in ["pgsql.adminpassword", "crypto.configuration.active_key_value"] {
        assert_ne!(before[key], after[key], "{key}");
    }
}

#[tokio::test]
async fn the_repository_gets_a_new_certificate_and_a_stopped_server_stays_so() {
    let stage = Stage::new().await;
    stage.good("security repository-ssl enable").await;
    stage.good("pending-changes apply --ignore-prompt").await;
    let before = stage.api().repository_certificate().unwrap();
    stage.api().set_server_state(ServerState::Stopped);
    let out = stage.good(&format!("{REGENERATE} --request-timeout 2000")).await;
    assert!(out.contains("Job id is '2', timeout is 33.33 minutes.\n"), "{out}");
    assert!(out.contains("14% - Generating new internal SSL certificates."), "{out}");
    assert_ne!(stage.api().repository_certificate().unwrap(), before);
    assert_eq!(stage.api().server_state(), ServerState::Stopped);
}

#[tokio::test]
async fn a_job_that_takes_too_long_goes_on_without_it() {
    let stage = Stage::with(|api| api.jobs = JobDrive::ByHand).await;
    let ended = stage.run(&format!("{REGENERATE} --request-timeout 1")).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("It goes on; to follow it: tsm jobs reconnect --id 1"));
    assert_eq!(stage.api().jobs(), [(1, JobStatus::Created)]);
}

#[tokio::test]
async fn what_is_staged_may_be_in_the_way() {
    let stage = Stage::with(|api| api.tokens_need_nothing_staged = true).await;
    stage.good("security repository-ssl enable").await;
    let ended = stage.run(REGENERATE).await;
    assert_eq!((ended.code, stage.api().jobs().len()), (Some(1), 0));
    assert_eq!(ended.err, "There are pending changes; apply or discard them first.\n");
}
