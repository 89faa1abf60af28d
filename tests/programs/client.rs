//! `tsmgate` at the real gate: every command of the api lane, and the exit code of every way to fail.

use std::process::Output;
use std::time::Duration;

use tests::program::{Gated, command, texts};
use tests::scene::entry;
use tests::{Scene, SceneOptions};
use tsmsim::{ApiOptions, JobDrive, ServerState};

use crate::stage::{run, stage, told};

/// A scene whose jobs go on by themselves.
async fn scene(options: SceneOptions) -> Scene {
    let jobs = JobDrive::Every(Duration::from_millis(5));
    let api = Some(ApiOptions { jobs, ..ApiOptions::default() });
    stage(SceneOptions { api, ..options }).await
}

/// Runs `tsmgate` as a client of the scene, in its folder.
pub fn tsmgate(scene: &Scene, gated: &Gated, name: &str, arguments: &[&str]) -> Output {
    let identity = scene.authority.client(name);
    scene.install(&identity);
    command("tsmgate")
        .args(arguments)
        .current_dir(scene.path("."))
        .envs(scene.environment(gated.address()))
        .output()
        .unwrap()
}

/// No cookie in what a run said; and an answer on the standard output where it went well.
fn clean(scene: &Scene, output: &Output) {
    let (out, err) = texts(output);
    for cookie in scene.tsm.cookies() {
        assert!(!out.contains(&cookie) && !err.contains(&cookie), "a cookie: {out}{err}");
    }
}

/// Each command does at the gate what it says, and says in JSON what a program can read.
#[tokio::test(flavor = "multi_thread")]
async fn every_command_works_at_the_gate() {
    let scene = scene(SceneOptions::api("[\"admin\"]")).await;
    let gated = run(&scene);
    let commands: &[(&[&str], &str)] = &[
        (&["whoami"], "jump01"),
        (&["permissions"], "server.stop"),
        (&["status"], "RUNNING"),
        (&["status", "--verbose"], "is running"),
        (&["nodes"], "node1"),
        (&["ports"], "8850"),
        (&["config", "get", "ssl.port"], "ssl.port: "),
        (&["backup", "evening.tsbak", "--wait"], "succeeded"),
        (&["cleanup", "--delete-log-files", "--wait"], "succeeded"),
        (&["stop", "--wait"], "succeeded"),
        (&["start", "--wait"], "succeeded"),
        (&["restart", "--wait"], "succeeded"),
        (&["jobs", "list"], "RestartServerJob"),
        (&["jobs", "show", "1"], "GenerateBackupJob"),
        (&["jobs", "wait", "1"], "succeeded"),
        (&["api", "GET", "/api/0.5/serverInfo"], "serverInfo"),
    ];
    for (arguments, wanted) in commands {
        let output = tsmgate(&scene, &gated, "jump01", arguments);
        clean(&scene, &output);
        let (code, out, err) = told(&output);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        assert!(out.contains(wanted), "{arguments:?}: {out}{err}");
        if arguments.first() != Some(&"api") {
            let output = tsmgate(&scene, &gated, "jump01", &[*arguments, &["--json"]].concat());
            let json: Result<serde_json::Value, _> = serde_json::from_slice(&output.stdout);
            assert!(json.is_ok_and(|json| json.is_object()), "{arguments:?}: {output:?}");
        }
    }
    // all of that under one session, which nobody but the gate has seen
    assert_eq!(scene.tsm.counts().cookies, 1);
}

/// Passwords come without a permission of their own as what they are not; with it as they are.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_shown_to_whom_it_is_given_by_name() {
    let role = "[[role]]\nname = \"secrets\"\npermissions = [\"config.secrets\"]\n\n";
    let rest = entry("jump01", "[\"admin\"]") + &entry("keeper", "[\"admin\", \"secrets\"]") + role;
    let scene = scene(SceneOptions { rest, ..SceneOptions::api("[]") }).await;
    let gated = run(&scene);
    let password = scene.api().configuration()["pgsql.adminpassword"].clone();
    assert!(!password.is_empty());
    let get = &["config", "get", "pgsql.adminpassword"];
    let (code, out, err) = told(&tsmgate(&scene, &gated, "jump01", get));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("[redacted by tsmgate]") && !out.contains(&password), "{out}");
    assert!(err.contains("config.secrets"), "{err}");
    let (code, out, _) = told(&tsmgate(&scene, &gated, "keeper", get));
    assert_eq!(code, 0);
    assert!(out.contains(&password), "{out}");
}

/// How TSM is, by exit code, for who asks for that.
#[tokio::test(flavor = "multi_thread")]
async fn status_tells_by_its_exit_code_how_tsm_is() {
    let scene = scene(SceneOptions::api("[\"monitor\"]")).await;
    let gated = run(&scene);
    let check = || told(&tsmgate(&scene, &gated, "jump01", &["status", "--check"])).0;
    assert_eq!(check(), 0);
    scene.api().set_process("vizqlserver", "Down", None);
    assert_eq!(check(), 1);
    scene.api().set_server_state(ServerState::Stopped);
    assert_eq!(check(), 2);
    let (code, _, _) = told(&tsmgate(&scene, &gated, "jump01", &["status"]));
    assert_eq!(code, 0, "it could be read");
}

/// Each way to fail has its exit code, one line and one hint; and nothing of TSM's is behind a refusal.
#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_fail_has_its_exit_code() {
    let rest = entry("jump01", "[\"monitor\"]")
        + &entry("hasty", "[\"monitor\"]")
        + "limits = { requests = { per_minute = 1, burst = 1 } }\n";
    let scene = scene(SceneOptions { rest, ..SceneOptions::api("[]") }).await;
    let mut gated = run(&scene);
    let ends = |gated: &Gated, name: &str, arguments: &[&str], code: i32, words: &[&str]| {
        let output = tsmgate(&scene, gated, name, arguments);
        clean(&scene, &output);
        let (found, out, err) = told(&output);
        assert_eq!(found, code, "{arguments:?}: {out}{err}");
        assert!(words.iter().all(|word| err.contains(word)), "{arguments:?}: {err}");
        assert_eq!(err.matches("hint: ").count(), 1, "{err}");
    };
    ends(&gated, "jump01", &["stop"], 77, &["server.stop"]);
    ends(&gated, "jump01", &["config", "get", "ssl.port"], 77, &["config.read"]);
    ends(&gated, "jump01", &["api", "POST", "/api/0.5/login"], 65, &[]);
    ends(&gated, "stranger", &["whoami"], 71, &[]);
    scene.nothing_reached_tsm();
    ends(&gated, "jump01", &["jobs", "show", "4711"], 65, &["4711"]);
    assert_eq!(told(&tsmgate(&scene, &gated, "hasty", &["whoami"])).0, 0);
    ends(&gated, "hasty", &["whoami"], 75, &[]);
    scene.tsm.stop().await;
    ends(&gated, "jump01", &["status"], 69, &["backend_unreachable"]);
    let address = gated.address();
    gated.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(gated.wait(), Some(0));
    let gate = address.to_string();
    ends(&gated, "jump01", &["status", "--gate", &gate], 70, &[]);
}
