//! What is staged: the list, discarding, and applying it with a restart and without.

use std::process::{Command, Stdio};

use tsmsim::{JobDrive, JobStatus, ServerState};

use super::stage::{Stage, until};

const APPLY: &str = "pending-changes apply --ignore-prompt";
const NOTHING: &str = "There are no pending configuration changes.\n\
                       There are no pending topology changes.\n";

fn stage_key(stage: &Stage, key: &str, value: &str) {
    stage.api().stage([(key.to_owned(), Some(value.to_owned()))], false).unwrap();
}

#[tokio::test]
async fn the_list_has_the_sentences_that_were_seen_and_secrets_in_clear() {
    let stage = Stage::new().await;
    assert_eq!(stage.good("pending-changes list").await, NOTHING);
    stage_key(&stage, "wgserver.domain.password", "hunter2");
    stage_key(&stage, "ssl.port", "8443");
    let configuration = "ssl.port: 8443\nwgserver.domain.password: hunter2\n";
    let restart = "These changes will require a server restart.\n";
    let topology = "There are no pending topology changes.\n";
    assert_eq!(
        stage.good("pending-changes list").await,
        format!("{configuration}{topology}{restart}")
    );
    let config_only = stage.good("pending-changes list --config-only").await;
    assert_eq!(config_only, format!("{configuration}{restart}"));
    assert_eq!(stage.good("pending-changes list --topology-only").await, topology);
    stage.api().set_server_state(ServerState::Stopped);
    let stopped = stage.good("pending-changes list --config-only").await;
    assert_eq!(stopped, configuration, "what does not run is not restarted");
    stage.good("pending-changes discard --topology-only").await;
    assert_eq!(stage.pending().len(), 2);
    stage.good("pending-changes discard").await;
    assert_eq!(stage.good("pending-changes list").await, NOTHING);
}

#[tokio::test]
async fn without_a_restart_it_is_short() {
    let stage = Stage::new().await;
    stage_key(&stage, "wgserver.systeminfo.allow_referrer_ips", "10.0.0.1");
    let dynamic = stage.good("pending-changes apply").await;
    stage_key(&stage, "ssl.port", "8443");
    stage.api().set_server_state(ServerState::Stopped);
    let stopped = stage.good(APPLY).await;
    assert_eq!(stage.api().server_state(), ServerState::Stopped);
    for (number, out) in (1..).zip([&dynamic, &stopped]) {
        assert!(out.contains(&format!("Job id is '{number}', timeout is 10 minutes.\n")));
        assert_eq!(out.lines().count(), 12, "{out}");
        assert!(!out.contains("services to stop"), "{out}");
        let mut last = out.lines().rev();
        assert_eq!(
            last.next().unwrap(),
            "Successfully deployed nodes with updated configuration and topology version."
        );
        let step = last.next().unwrap().trim_end();
        assert_eq!(step, "100% - Waiting for services to reconfigure.");
    }
}

#[tokio::test]
async fn it_asks_before_a_restart_and_fails_where_nobody_can_answer() {
    let stage = Stage::new().await;
    stage_key(&stage, "ssl.port", "8443");
    for state in [ServerState::Running, ServerState::Stopped] {
        stage.api().set_server_state(state);
        let ended = stage.run("pending-changes apply").await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{state:?}");
        assert!(ended.err.starts_with("There is no terminal to ask: "), "{}", ended.err);
    }
    assert_eq!(stage.api().jobs(), []);
}

/// With a terminal from `script`, which every Debian has (bsdutils).
#[tokio::test]
async fn at_a_terminal_it_takes_yes_and_no() {
    let stage = Stage::new().await;
    for (answer, (code, jobs)) in [("n\n", (1, 0)), ("y\n", (0, 1))] {
        stage_key(&stage, "ssl.port", "8443");
        let tsm = stage.command("pending-changes apply");
        let mut command = Command::new("script");
        command.args(["-q", "-e", "-c"]);
        command.arg(format!("{} pending-changes apply", tsm.get_program().to_str().unwrap()));
        command.arg("/dev/null").env_clear().env("PATH", "/usr/bin:/bin");
        command.envs(tsm.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, answer.as_bytes()).unwrap();
        let ended = super::stage::Running::of(child).ended().await;
        drop(input);
        assert!(ended.out.contains("Are you sure you wish to continue? (y/n): "), "{ended:?}");
        assert_eq!((ended.code, stage.api().jobs().len()), (Some(code), jobs));
    }
}

#[tokio::test]
async fn warnings_hold_it_up_unless_they_are_ignored() {
    let stage = Stage::new().await;
    stage_key(&stage, "ssl.port", "8443");
    stage.api().warn("The port 8443 is used by something else.");
    let ended = stage.run(APPLY).await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.err, "The port 8443 is used by something else.\n");
    for ignored in ["--ignore-warnings", "-iw"] {
        stage.good(&format!("{APPLY} {ignored}")).await;
    }
    assert_eq!(stage.api().jobs().len(), 2);
}

#[tokio::test]
async fn interrupting_it_does_not_stop_the_job() {
    let stage = Stage::with(|api| api.jobs = JobDrive::ByHand).await;
    stage_key(&stage, "ssl.port", "8443");
    let running = stage.start(APPLY);
    until("a job", || !stage.api().jobs().is_empty()).await;
    running.signal(nix::sys::signal::Signal::SIGINT);
    let ended = running.ended().await;
    assert_eq!(ended.code, None, "ended by the signal");
    stage.api().finish_jobs();
    assert_eq!(stage.api().jobs(), [(1, JobStatus::Succeeded)]);
    assert_eq!(stage.api().configuration()["ssl.port"], "8443");
}
