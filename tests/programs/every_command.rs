//! Every command and option of the catalogue, typed as the vendor's page has it, through client, daemon, runner
//! and the simulator's `tsm`. Generated from the table, so that none is left out.

use std::path::Path;
use std::process::{Command as Process, Output};
use std::time::Duration;

use serde_json::Value;
use tests::program::{Gated, have};
use tests::{Runner, RunnerOptions, Scene, SceneOptions, wait};
use tsmgate_catalogue::command::{Catalogue, Command, Effect, FileKind, Kind, Opt};
use tsmsim::{ApiOptions, JobDrive};

use crate::client::tsmgate;
use crate::stage::{run, stage, told};

/// What must have been done before a command can do anything, as the vendor's page says.
fn before(path: &str) -> &'static [&'static [&'static str]] {
    const APPLY: &[&str] = &["pending-changes", "apply", "--ignore-prompt"];
    match path {
        "security custom-cert delete" => {
            &[&["security", "custom-cert", "add", "-c", "chain.crt"], APPLY]
        }
        "security repository-ssl get-certificate-file" => {
            &[&["security", "repository-ssl", "enable"], APPLY]
        }
        "security external-ssl disable" => &[&[
            "security",
            "external-ssl",
            "enable",
            "--cert-file",
            "server.crt",
            "--key-file",
            "server.key",
        ]],
        "security repository-ssl disable" => &[&["security", "repository-ssl", "enable"]],
        "authentication mutual-ssl enable" => {
            &[&["authentication", "mutual-ssl", "configure", "--ca-cert", "chain.crt"]]
        }
        _ => &[],
    }
}

/// A value that an option takes.
fn value(option: &Opt) -> Option<String> {
    let text = match &option.kind {
        Kind::Flag => return None,
        Kind::Boolean => "false",
        Kind::Choice(words) => words.last().unwrap(),
        Kind::Text if option.long.contains("retention") => "7",
        Kind::Text if option.long.contains("date") => "2026-11-01 10:00",
        Kind::Text => "some words",
        Kind::FileName => "a-name",
        Kind::Host => "external.example.com",
        Kind::Port => "6311",
        Kind::Seconds => "1900",
        Kind::Milliseconds => "1500",
        Kind::Protocols => "-SSLv3 all",
        Kind::SendFile(FileKind::PrivateKey) => "server.key",
        Kind::SendFile(FileKind::Chain) => "chain.crt",
        Kind::SendFile(FileKind::RevocationList) => "list.crl",
        Kind::SendFile(_) if option.long == "ca-cert" => "chain.crt",
        Kind::SendFile(_) => "server.crt",
        Kind::FetchFile => "fetched.crt",
        Kind::Secret => "pass-word 1",
    };
    Some(text.to_owned())
}

/// The command typed with these options; by their short names, where they have one and that is wanted.
fn typed(command: &Command, options: &[&Opt], short: bool) -> Vec<String> {
    let mut words: Vec<String> = command.words().map(str::to_owned).collect();
    for option in options {
        words.push(match &option.short {
            Some(name) if short => format!("-{name}"),
            _ => format!("--{}", option.long),
        });
        words.extend(value(option));
    }
    words
}

/// The options that may stand together: all but those that one before excludes.
fn together(command: &Command) -> Vec<&Opt> {
    let mut options: Vec<&Opt> = Vec::new();
    for option in &command.options {
        let excludes = |other: &&Opt| {
            other.conflicts.contains(&option.long) || option.conflicts.contains(&other.long)
        };
        if !options.iter().any(excludes) {
            options.push(option);
        }
    }
    options
}

/// Certificates, keys and a revocation list, as files.
fn material(folder: &Path) {
    let make = "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out chain.crt -days 90 -subj '/CN=The CA' \
         -addext basicConstraints=critical,CA:TRUE && \
         openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=tableau.example.com && \
         openssl x509 -req -in server.csr -CA chain.crt -CAkey ca.key -days 60 -out server.crt && \
         : > index.txt && printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase=index.txt\\ndefault_md=sha256\\n' > ca.cnf && \
         openssl ca -config ca.cnf -gencrl -crldays 30 -cert chain.crt -keyfile ca.key -out list.crl";
    let made = Process::new("sh").args(["-c", make]).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{made:?}");
}

async fn scene() -> (Scene, Gated, Runner) {
    let jobs = JobDrive::Every(Duration::from_millis(2));
    let api = Some(ApiOptions { jobs, assumed_routes: true, ..ApiOptions::default() });
    let options = SceneOptions::commands("[\"admin\"]");
    let scene = stage(SceneOptions { api, ..options }).await;
    let runner = Runner::start(&scene, &RunnerOptions::simulated(&scene));
    let gated = run(&scene);
    // it has read its own files, which have the names of some that are written below
    gated.address();
    (scene, gated, runner)
}

fn ran(scene: &Scene, gated: &Gated, words: &[String]) -> Output {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = tsmgate(scene, gated, "jump01", &words);
    let (code, out, err) = told(&output);
    assert_eq!(code, 0, "{words:?}: {out}{err}");
    output
}

/// The record of the end of the newest command, once it is there.
async fn newest_end(scene: &Scene) -> Value {
    let id = scene.records("command").last().unwrap()["tsmgate.command.id"].clone();
    wait::until("the record of the end", || async {
        let of_it = |record: &Value| record["tsmgate.command.id"] == id;
        scene.records("command-ended").into_iter().find(of_it)
    })
    .await
}

/// R41: every command, with the options that it must have, with all that it may have, and by short names
#[tokio::test(flavor = "multi_thread")]
async fn every_command_with_every_option() {
    if !have("openssl", "openssl") {
        return;
    }
    let files = tempfile::tempdir().unwrap();
    material(files.path());
    let mut seen = 0;
    for command in Catalogue::official().commands() {
        let (scene, gated, _runner) = scene().await;
        for file in ["server.crt", "server.key", "chain.crt", "list.crl"] {
            std::fs::copy(files.path().join(file), scene.path(file)).unwrap();
        }
        let required: Vec<&Opt> = command.options.iter().filter(|option| option.required).collect();
        let all = together(command);
        let mut ways = vec![(required.clone(), false)];
        if all.len() > required.len() {
            ways.push((all.clone(), false));
        }
        if all.iter().any(|option| option.short.is_some()) {
            ways.push((all, true));
        }
        for (options, short) in ways {
            for step in before(&command.path) {
                let words: Vec<_> = step.iter().map(|word| (*word).to_owned()).collect();
                ran(&scene, &gated, &words);
            }
            let words = typed(command, &options, short);
            ran(&scene, &gated, &words);
            let end = newest_end(&scene).await;
            assert_eq!(end["tsmgate.command.path"], *command.path, "{words:?}");
            assert_eq!(end["tsmgate.permission"], *command.permission, "{words:?}");
            assert_eq!(end["event.outcome"], "success", "{words:?}");
            let calls = scene.records("command");
            let intent = calls.iter().rev().find(|call| call["tsmgate.phase"] == "intent").unwrap();
            let recorded: Vec<String> =
                serde_json::from_value(intent["tsmgate.command.options"].clone()).unwrap();
            for option in &options {
                let begins = |one: &String| one.starts_with(&*option.long);
                assert!(recorded.iter().any(begins), "{} in {recorded:?}", option.long);
            }
            if options.iter().any(|option| option.kind == Kind::FetchFile) {
                let fetched = std::fs::read_to_string(scene.path("fetched.crt")).unwrap();
                assert!(fetched.starts_with("-----BEGIN CERTIFICATE"), "{fetched}");
            }
            // a slot that is taken, and whatever was staged, is free for the next way
            if command.effect == Effect::Stages {
                scene.api().discard();
            }
            seen += 1;
        }
    }
    assert!(seen > 45, "{seen}");
}
