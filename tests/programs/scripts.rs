//! Shell scripts as administrators write them for `tsm`, run with `tsmgate` in its place and nothing else
//! changed: through client, daemon and runner to the simulator's `tsm`.

use std::process::{Command, Output};
use std::time::Duration;

use tests::program::{Gated, built, have, install_script, texts};
use tests::{Runner, RunnerOptions, Scene, SceneOptions};
use tsmsim::{ApiOptions, JobDrive};

use crate::stage::{run, stage};

/// A scene with the command lane, whose jobs go on by themselves.
async fn scene() -> (Scene, Gated, Runner) {
    let jobs = JobDrive::Every(Duration::from_millis(5));
    let api = Some(ApiOptions { jobs, assumed_routes: true, ..ApiOptions::default() });
    let options = SceneOptions::commands("[\"tls-admin\"]");
    let scene = stage(SceneOptions { api, ..options }).await;
    let runner = Runner::start(&scene, &RunnerOptions::simulated(&scene));
    let gated = run(&scene);
    (scene, gated, runner)
}

/// Runs a script of `scripts/`, in which one word was changed.
fn script(scene: &Scene, gated: &Gated, text: &str, arguments: &[&str]) -> Output {
    let identity = scene.authority.client("jump01");
    scene.install(&identity);
    let word = |line: &str| -> String {
        let words = line.split_inclusive(' ').map(|word| match word {
            "tsm " => "tsmgate ",
            word => word,
        });
        words.collect()
    };
    let changed: Vec<_> = text.lines().map(word).collect();
    assert!(changed.iter().any(|line| line.contains("tsmgate ")), "nothing was changed");
    install_script(&(changed.join("\n") + "\n"), &scene.path("script"));
    let folder = built("tsmgate").parent().unwrap().display().to_string();
    Command::new(scene.path("script"))
        .args(arguments)
        .current_dir(scene.path("."))
        .env("PATH", format!("{folder}:{}", std::env::var("PATH").unwrap()))
        .envs(scene.environment(gated.address()))
        .output()
        .unwrap()
}

/// A certificate of an authority of its own, its key and that authority, as files.
fn material(scene: &Scene) {
    let make = "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out chain.crt -days 90 -subj '/CN=The CA' \
         -addext basicConstraints=critical,CA:TRUE && \
         openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=tableau.example.com && \
         openssl x509 -req -in server.csr -CA chain.crt -CAkey ca.key -days 60 -out server.crt";
    let made = Command::new("sh").args(["-c", make]).current_dir(scene.path(".")).output().unwrap();
    assert!(made.status.success(), "{made:?}");
}

fn applied(scene: &Scene, key: &str) -> Option<String> {
    scene.api().configuration().get(key).cloned()
}

/// A certificate is renewed as it always was: disable, enable, apply.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed() {
    if !have("openssl", "openssl") {
        return;
    }
    let (scene, gated, _runner) = scene().await;
    material(&scene);
    let output = script(
        &scene,
        &gated,
        include_str!("scripts/renew.sh"),
        &["server.crt", "server.key", "chain.crt"],
    );
    let (out, err) = texts(&output);
    assert!(output.status.success() && out.ends_with("renewed\n"), "{out}{err}");
    assert!(out.contains("Successfully deployed nodes"), "{out}");
    assert_eq!(applied(&scene, "ssl.enabled").as_deref(), Some("true"));
    assert_eq!(
        applied(&scene, "ssl.protocols").as_deref(),
        Some("all -SSLv2 -SSLv3 -TLSv1 -TLSv1.1")
    );
    // a key that belongs to another certificate does not get as far as the gate
    let before = scene.records("command").len();
    let wrong = "tsm security external-ssl enable --cert-file server.crt --key-file ca.key";
    let output = script(&scene, &gated, &format!("#!/bin/sh\n{wrong}"), &[]);
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    assert_eq!(scene.records("command").len(), before);
}

/// TLS of the repository is switched on, and its certificate fetched to this host.
#[tokio::test(flavor = "multi_thread")]
async fn the_repository_gets_tls_and_its_certificate_comes() {
    if !have("openssl", "openssl") {
        return;
    }
    let (scene, gated, _runner) = scene().await;
    let output =
        script(&scene, &gated, include_str!("scripts/repository.sh"), &["repository.cert"]);
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("pgsql.ssl.enabled: true"), "{out}");
    assert!(out.contains("pgsql.ssl.required: false"), "{out}");
    let fetched = std::fs::read_to_string(scene.path("repository.cert")).unwrap();
    assert!(fetched.starts_with("-----BEGIN CERTIFICATE-----"), "{fetched}");
}

/// TabPy is switched, with the vendor's short forms; the password is in no record.
#[tokio::test(flavor = "multi_thread")]
async fn another_tabpy_is_switched_to() {
    if !have("openssl", "openssl") {
        return;
    }
    let (scene, gated, runner) = scene().await;
    material(&scene);
    let arguments = ["tabpy.example.com", "9004", "chain.crt"];
    let output = script(&scene, &gated, include_str!("scripts/tabpy.sh"), &arguments);
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(applied(&scene, "vizqlserver.extsvc.host").as_deref(), Some("tabpy.example.com"));
    assert_eq!(applied(&scene, "vizqlserver.extsvc.port").as_deref(), Some("9004"));
    assert_eq!(applied(&scene, "vizqlserver.extsvc.password").as_deref(), Some("S3cret pass-word"));
    let audit = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    for told in [&out, &audit, &runner.log().join("\n"), &gated.log().join("\n")] {
        assert!(!told.contains("S3cret"), "{told}");
    }
}

/// A script that counts on the exit code: a second authority is refused, and takes the first one's place.
#[tokio::test(flavor = "multi_thread")]
async fn an_exit_code_is_what_scripts_think_it_is() {
    if !have("openssl", "openssl") {
        return;
    }
    let (scene, gated, _runner) = scene().await;
    material(&scene);
    for second in [false, true] {
        let output = script(&scene, &gated, include_str!("scripts/mail_ca.sh"), &["chain.crt"]);
        let (out, err) = texts(&output);
        assert!(output.status.success(), "{out}{err}");
        assert_eq!(out.contains("there is one already"), second, "{out}{err}");
    }
}
