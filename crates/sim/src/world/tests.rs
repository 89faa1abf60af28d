//! Jobs step by step, what they do to the server, and how the configuration is staged and applied.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use super::cluster::ServerState;
use super::jobs::{JobStatus, NotCancelled};
use super::*;

fn world() -> (TempDir, World) {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::new(vec!["node1".to_owned()], true);
    let world = World::new(Clock::default(), cluster, Folder::Given(folder.path().to_owned()));
    (folder, world)
}

fn stage(world: &mut World, key: &str, value: Option<&str>) {
    let changes = BTreeMap::from([(key.to_owned(), value.map(str::to_owned))]);
    world.store.stage(changes, false).unwrap();
}

#[test]
fn a_deployment_that_restarts_has_the_fifteen_messages_and_percentages_of_the_real_one() {
    let (_folder, mut world) = world();
    stage(&mut world, "ssl.enabled", Some("true"));
    let id = world.queue(JobKind::Deployments, None);
    assert_eq!(world.said, ["Found 1 cold config changes: [ssl.enabled]"]);
    let mut percentages = Vec::new();
    let mut stopped = 0;
    while world.step() {
        percentages.push(world.jobs.find(id).unwrap().progress());
        stopped += usize::from(world.cluster.state() == ServerState::Stopped);
    }
    assert_eq!(percentages, [0, 6, 13, 20, 26, 33, 40, 46, 53, 60, 66, 73, 80, 86, 93, 100]);
    assert!(stopped > 0, "it restarts the server");
    let job = world.jobs.find(id).unwrap();
    let messages: Vec<_> = job.notes.iter().step_by(2).map(|note| note.message).collect();
    assert_eq!(
        messages,
        [
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
        ]
    );
    assert_eq!((job.status, job.notes.len()), (JobStatus::Succeeded, 30));
    assert_eq!(world.cluster.state(), ServerState::Running);
    assert_eq!(world.store.applied()["ssl.enabled"], "true");
    assert_eq!(world.store.keys(1).unwrap()["ssl.enabled"], "false");
}

#[test]
fn a_dynamic_change_and_a_stopped_server_need_no_restart() {
    let (_folder, mut world) = world();
    stage(&mut world, "wgserver.systeminfo.allow_referrer_ips", Some("10.0.0.1"));
    let id = world.queue(JobKind::Deployments, None);
    while world.step() {
        assert_eq!(world.cluster.state(), ServerState::Running);
    }
    let last = world.jobs.find(id).unwrap().notes.last().unwrap();
    assert_eq!(last.message, "Waiting for services to reconfigure.");
    world.cluster.become_state(ServerState::Stopped);
    stage(&mut world, "ssl.enabled", Some("true"));
    world.queue(JobKind::Deployments, None);
    while world.step() {
        assert_eq!(world.cluster.state(), ServerState::Stopped);
    }
    assert_eq!(world.store.version(), 3);
}

#[test]
fn a_deployment_behind_a_stop_leaves_the_server_stopped() {
    let (_folder, mut world) = world();
    stage(&mut world, "ssl.enabled", Some("true"));
    world.queue(JobKind::Stop, None);
    world.queue(JobKind::Deployments, None);
    while world.step() {}
    assert_eq!(world.cluster.state(), ServerState::Stopped);
    assert_eq!(world.store.applied()["ssl.enabled"], "true");
}

#[test]
fn one_job_runs_at_a_time_and_each_step_leaves_two_notes() {
    let (_folder, mut world) = world();
    let (stop, start) = (world.queue(JobKind::Stop, None), world.queue(JobKind::Start, None));
    let status = |world: &World, id| world.jobs.find(id).unwrap().status;
    assert_eq!(status(&world, stop), JobStatus::Created);
    assert_eq!(status(&world, start), JobStatus::Queued);
    assert!(world.step());
    assert_eq!(status(&world, stop), JobStatus::Running);
    assert!(world.step() && world.step());
    let job = world.jobs.find(stop).unwrap();
    let notes: Vec<_> = job.notes.iter().map(|note| (note.step, note.status)).collect();
    assert_eq!(
        notes,
        [
            ("DisableAllServices", "Running"),
            ("DisableAllServices", "Succeeded"),
            ("StopAllServices", "Running"),
            ("StopAllServices", "Succeeded"),
        ]
    );
    assert_eq!((job.status, world.cluster.state()), (JobStatus::Succeeded, ServerState::Stopped));
    assert_eq!(status(&world, start), JobStatus::Queued);
    while world.step() {}
    assert_eq!(world.cluster.state(), ServerState::Running);
}

#[test]
fn running_jobs_are_cancelled_only_where_the_real_ones_are() {
    let (_folder, mut world) = world();
    for (kind, cancelled) in [
        (JobKind::Cleanup, Ok(())),
        (JobKind::Backup("b.tsbak".to_owned()), Ok(())),
        (JobKind::Stop, Err(NotCancelled::Runs)),
        (JobKind::Restart, Err(NotCancelled::Runs)),
    ] {
        let running = world.queue(kind.clone(), None);
        assert!(world.step());
        let waiting = world.queue(kind, None);
        assert_eq!(world.jobs.cancel(waiting, 0), Ok(()));
        assert_eq!(world.jobs.cancel(running, 0), cancelled);
        while world.step() {}
        assert_eq!(world.jobs.cancel(running, 0), Err(NotCancelled::Ended));
    }
    assert_eq!(world.jobs.cancel(99, 0), Err(NotCancelled::Unknown));
}

#[test]
fn time_fails_a_job_that_is_late_or_says_nothing() {
    let (_folder, mut world) = world();
    for (timeout_s, passed_s, reason) in
        [(Some(60), 60, "The job timed out."), (None, 600, "The job stopped reporting.")]
    {
        let id = world.queue(JobKind::Cleanup, timeout_s);
        assert!(world.step());
        world.clock.advance(Duration::from_secs(passed_s - 5));
        world.settle();
        assert_eq!(world.jobs.find(id).unwrap().status, JobStatus::Running);
        world.clock.advance(Duration::from_secs(6));
        world.settle();
        let job = world.jobs.find(id).unwrap();
        assert_eq!((job.status, job.error.as_deref()), (JobStatus::Failed, Some(reason)));
        assert!(job.completed.is_some());
    }
}

#[test]
fn a_backup_is_a_file_and_a_restore_wants_one() {
    let (folder, mut world) = world();
    let lost = world.queue(JobKind::Restore("b.tsbak".to_owned()), None);
    world.queue(JobKind::Backup("b.tsbak".to_owned()), None);
    let found = world.queue(JobKind::Restore("b.tsbak".to_owned()), None);
    while world.step() {}
    assert!(folder.path().join("b.tsbak").is_file());
    assert_eq!(world.jobs.find(lost).unwrap().status, JobStatus::Failed);
    assert_eq!(world.jobs.find(found).unwrap().status, JobStatus::Succeeded);
}

#[test]
fn an_archive_of_logs_is_a_zip_file() {
    let (folder, mut world) = world();
    let job = world.queue(JobKind::Ziplogs("logs.zip".to_owned()), None);
    while world.step() {}
    assert_eq!(world.jobs.find(job).unwrap().status, JobStatus::Succeeded);
    let archive = std::fs::read(folder.path().join("logs.zip")).unwrap();
    assert_eq!((archive.len(), &archive[..4]), (22, b"PK\x05\x06".as_slice()));
}

#[test]
fn what_is_staged_is_not_read_until_it_is_applied_and_is_sealed_at_rest() {
    let (_folder, mut world) = world();
    let store = &mut world.store;
    let unknown = BTreeMap::from([("no.such.key".to_owned(), Some("x".to_owned()))]);
    assert_eq!(store.stage(unknown.clone(), false), Err(vec!["no.such.key".to_owned()]));
    store.stage(unknown, true).unwrap();
    store.discard();
    assert_eq!(store.changes(), []);
    let password = BTreeMap::from([("wgserver.domain.password".to_owned(), Some("pw".to_owned()))]);
    store.stage(password, false).unwrap();
    assert_eq!(store.applied()["wgserver.domain.password"], "");
    assert_eq!(store.changes()[0].pending.as_deref(), Some("pw"));
    store.apply();
    assert_eq!(store.applied()["wgserver.domain.password"], "pw");
    let at_rest = store.at_rest();
    assert!(at_rest["wgserver.domain.password"].starts_with("ENC("));
    assert!(at_rest["pgsql.adminpassword"].starts_with("ENC("));
    assert_eq!(at_rest["ssl.port"], "443");
    store.stage(BTreeMap::from([("wgserver.domain.password".to_owned(), None)]), false).unwrap();
    store.apply();
    assert_eq!((store.applied()["wgserver.domain.password"].as_str(), store.version()), ("", 3));
}
