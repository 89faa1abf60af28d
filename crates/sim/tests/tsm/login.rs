//! Who the program is to the controller, and what it says when there is no way in.

use tsmsim::{ApiAccount, ApiBehaviour, Behaviour};

use super::stage::{FAST, Running, Stage};

#[tokio::test]
async fn it_logs_in_as_the_user_it_runs_as_and_once() {
    let stage = Stage::new().await;
    stage.good("pending-changes apply").await;
    assert_eq!(stage.tsm.counts().connections, 1, "one session does");
    let journal = stage.tsm.journal().join("\n");
    assert!(journal.contains("Password-less login request from user 'runner'"), "{journal}");
    assert!(stage.tsm.requests().iter().all(|one| one.operation != Some("login")));
}

#[tokio::test]
async fn a_user_who_may_not_learns_so() {
    let stage = Stage::new().await;
    stage.tsm.behave(Behaviour::NotAuthorized);
    let ended = stage.run("security external-ssl list").await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.err, "This user is not authorized to administer TSM.\n");
    for behaviour in [Behaviour::PllError, Behaviour::Garbage, Behaviour::Vanish] {
        stage.tsm.behave(behaviour);
        assert_eq!(stage.run("status").await.code, Some(1), "{behaviour:?}");
    }
    assert_eq!(stage.tsm.counts().requests, 0);
}

#[tokio::test]
async fn a_password_takes_the_other_door() {
    let account = |in_group| ApiAccount {
        name: if in_group { "anna" } else { "otto" }.to_owned(),
        password: "my password".to_owned(),
        in_group,
    };
    let stage = Stage::with(|api| {
        api.jobs = FAST;
        api.accounts = vec![account(true), account(false)];
    })
    .await;
    stage.good("status -u anna -p 'my password' --trust-admin-controller-cert").await;
    for (line, said) in [
        ("status -u anna -p wrong", "user"),
        ("status --username otto --password 'my password'", "not authorized"),
        ("status -u anna", "There is no terminal to ask: Password: "),
    ] {
        let ended = stage.run(line).await;
        assert_eq!(ended.code, Some(1), "{line}");
        assert!(ended.err.contains(said), "{line}: {}", ended.err);
    }
    assert_eq!(stage.tsm.counts().connections, 0);
}

#[tokio::test]
async fn a_lost_session_is_replaced_once() {
    let stage = Stage::new().await;
    // the first question, and its repetition with a session of its own
    stage.api().behave_next(ApiBehaviour::Honest);
    stage.api().behave_next(ApiBehaviour::Unauthorized);
    stage.good("security external-ssl list").await;
    assert_eq!(stage.tsm.counts().connections, 2);
    stage.api().behave(ApiBehaviour::Unauthorized);
    assert_eq!(stage.run("security external-ssl list").await.code, Some(1));
}

#[tokio::test]
async fn only_the_given_certificate_is_trusted_and_nothing_is_guessed() {
    let stage = Stage::new().await;
    let (other, _) = stage.certificate();
    let spawned = |name: &str, value: Option<&str>| {
        let mut command = stage.command("status");
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
        Running::of(command.spawn().unwrap()).ended()
    };
    let foreign = spawned("TSM_SIM_CERTIFICATE", Some(&other)).await;
    assert_eq!(foreign.code, Some(1));
    assert!(foreign.err.contains("invalid peer certificate"), "{}", foreign.err);
    let pem = stage.api().certificate().to_owned();
    assert_eq!(spawned("TSM_SIM_CERTIFICATE", Some(&pem)).await.code, Some(0), "as PEM itself");
    for name in ["TSM_SIM_CERTIFICATE", "TSM_SIM_SOCKET", "TSM_SIM_URL"] {
        let missing = spawned(name, None).await;
        assert_eq!((missing.code, missing.err), (Some(1), format!("{name} is not set.\n")));
    }
    let away = spawned("TSM_SIM_SOCKET", Some("/nowhere/login")).await;
    assert!(away.err.starts_with("Could not connect to the controller: "), "{}", away.err);
    assert_eq!(away.code, Some(1));
}
