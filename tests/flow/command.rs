//! A command from the caller's order to the record of its end, through daemon and runner.

use serde_json::{Value, json};
use tests::http::Http;
use tests::{Runner, RunnerOptions, Scene, SceneOptions};

use crate::command_support::{ended, file, lines, order, output, run, start, started};

/// R1, R41, R42: a command runs where the role gives it, what it prints comes back, and four records say so
#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_run_and_recorded() {
    let scene = Scene::with(SceneOptions::commands("[\"tls-admin\"]")).await;
    let script = RunnerOptions::script(&scene, "echo \"$@\"; echo oops >&2; exit 3");
    let _runner = Runner::start(&scene, &script);
    let peer = scene.peer("jump01");
    let id = started(&peer, &order("security external-ssl list", &[])).await;
    let events = output(&peer, &id, 0).await;
    assert_eq!(lines(&events, "stdout"), ["security external-ssl list"]);
    assert_eq!(lines(&events, "stderr"), ["oops"]);
    assert_eq!(events.last().unwrap()["end"], json!({"how": "exited", "code": 3}));
    let record = ended(&scene, &id).await;
    assert_eq!(record["client.user.name"], "jump01");
    assert_eq!(record["process.exit_code"], 3);
    assert_eq!(record["event.outcome"], "failure");
    let calls = scene.records("command");
    let phases: Vec<_> = calls.iter().map(|call| &call["tsmgate.phase"]).collect();
    assert_eq!(phases, ["intent", "outcome"]);
    assert_eq!(calls[0]["tsmgate.command.path"], "security external-ssl list");
    assert_eq!(calls[0]["tsmgate.permission"], "security.external-ssl.list");
    assert_eq!(calls[1]["tsmgate.command.id"], *id);
    assert_eq!(scene.records("command-started").len(), 1);
    scene.verify();
}

/// R1, R7: without the role nothing reaches the runner, and the permission is named
#[tokio::test(flavor = "multi_thread")]
async fn without_the_permission_nothing_is_run() {
    let scene = Scene::with(SceneOptions::commands("[\"monitor\"]")).await;
    let mark = scene.path("ran");
    let script = RunnerOptions::script(&scene, &format!("touch {}", mark.display()));
    let runner = Runner::start(&scene, &script);
    let answer = start(&scene.peer("jump01"), &order("security external-ssl disable", &[])).await;
    assert_eq!((answer.status, answer.code().as_deref()), (403, Some("not_permitted")));
    assert_eq!(answer.json()["error"]["permission"], "security.external-ssl.disable");
    scene.refusal("permission_missing").await;
    assert!(scene.records("command").is_empty());
    assert!(!mark.exists());
    assert!(!runner.log().iter().any(|line| line.contains("external-ssl")), "{:?}", runner.log());
}

/// R39: neither a passphrase nor a key is in any record; both are known by their fingerprints
#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_files_are_recorded_as_fingerprints() {
    let scene = Scene::with(SceneOptions::commands("[\"tls-admin\"]")).await;
    let script =
        RunnerOptions::script(&scene, "for a in \"$@\"; do echo \"[$a]\"; done; cat \"$5\"");
    let runner = Runner::start(&scene, &script);
    let peer = scene.peer("jump01");
    let mut order =
        order("security external-ssl enable", &[("passphrase", Some("hunter2-hunter2"))]);
    let options = order["options"].as_array_mut().unwrap();
    options.insert(0, file("cert-file", "server.crt", b"the certificate"));
    options.insert(1, file("key-file", "server.key", b"the-key-itself"));
    let (code, events) = run(&peer, &order).await;
    assert_eq!(code, 0);
    let printed = lines(&events, "stdout").join("\n");
    assert!(printed.contains("[--cert-file]"), "{printed}");
    assert!(printed.contains("the certificate"), "{printed}");
    assert!(!printed.contains("hunter2"), "{printed}");
    let audit = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    for secret in ["hunter2", "the-key-itself", "the certificate"] {
        assert!(!audit.contains(secret), "{secret} in {audit}");
        assert!(!runner.log().join("\n").contains(secret));
    }
    let options = scene.records("command")[0]["tsmgate.command.options"].clone();
    let options: Vec<String> = serde_json::from_value(options).unwrap();
    assert!(options[0].starts_with("cert-file=sha256:"), "{options:?}");
    assert!(options[2].starts_with("passphrase=hmac:"), "{options:?}");
}

/// R65: whose command it is: others see nothing of it, as if it were not there, but for `commands.others`
#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_its_callers_own() {
    let options = SceneOptions::commands("[\"tls-admin\"]");
    let more = [
        tests::scene::entry("jump02", "[\"tls-admin\"]"),
        tests::scene::entry("boss", "[\"overseer\"]"),
        "[[role]]\nname = \"overseer\"\npermissions = [\"commands.others\"]\n".to_owned(),
    ];
    let rest = format!("{}{}", options.rest, more.concat());
    let scene = Scene::with(SceneOptions { rest, ..options }).await;
    let _runner = Runner::start(&scene, &RunnerOptions::script(&scene, "echo mine; exec sleep 60"));
    let id = started(&scene.peer("jump01"), &order("security external-ssl disable", &[])).await;
    let list = |answer: tests::http::Answer| answer.json()["commands"].as_array().unwrap().len();
    let mut other = Http::open(&scene.peer("jump02")).await.unwrap();
    assert_eq!(list(other.get("/v1/commands").await.unwrap()), 0);
    let paths = [("GET", ""), ("GET", "/output"), ("POST", "/cancel")];
    for (method, what) in paths {
        let path = format!("/v1/commands/{id}{what}");
        let answer = other.ask(method, &path, "", b"").await.unwrap();
        assert_eq!((answer.status, answer.code().as_deref()), (404, Some("unknown_id")));
    }
    let mut boss = Http::open(&scene.peer("boss")).await.unwrap();
    assert_eq!(list(boss.get("/v1/commands").await.unwrap()), 1);
    let answer = boss.get(&format!("/v1/commands/{id}")).await.unwrap();
    assert_eq!(answer.json()["client"], "jump01");
    let answer = boss.ask("POST", &format!("/v1/commands/{id}/cancel"), "", b"").await.unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    let record = ended(&scene, &id).await;
    assert_eq!(record["tsmgate.command.cancelled_by"], "boss");
    assert_eq!(record["tsmgate.command.end"], "cancelled");
    let events = output(&scene.peer("jump01"), &id, 0).await;
    assert_eq!(events.last().unwrap()["end"]["how"], "cancelled");
}

/// A command outlives the daemon: its end is recorded when the daemon is there again, and its output from
/// the event where the caller left off
#[tokio::test(flavor = "multi_thread")]
async fn a_command_outlives_the_daemon() {
    let mut scene = Scene::with(SceneOptions::commands("[\"tls-admin\"]")).await;
    let go = scene.path("go");
    let text = format!("echo one; while [ ! -e {} ]; do sleep 0.05; done; echo two", go.display());
    let _runner = Runner::start(&scene, &RunnerOptions::script(&scene, &text));
    let id = started(&scene.peer("jump01"), &order("security external-ssl disable", &[])).await;
    tests::wait::until("the first line", || async {
        let mut http = Http::open(&scene.peer("jump01")).await.ok()?;
        let task = http.get(&format!("/v1/commands/{id}")).await.ok()?.json();
        (task["output_bytes"].as_u64()? > 0).then_some(())
    })
    .await;
    scene.stop().await;
    std::fs::write(&go, "").unwrap();
    scene.start_again().await;
    let events = output(&scene.peer("jump01"), &id, 0).await;
    assert_eq!(lines(&events, "stdout"), ["one", "two"]);
    let last = events.last().unwrap()["n"].as_u64().unwrap();
    let again = output(&scene.peer("jump01"), &id, last).await;
    assert_eq!(again.len(), 1);
    assert_eq!(ended(&scene, &id).await["process.exit_code"], 0);
    let of_it = |record: &&Value| record["tsmgate.command.id"] == *id;
    assert_eq!(scene.records("command-started").iter().filter(of_it).count(), 1);
}
