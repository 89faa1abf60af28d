//! The command line itself: help with the exit codes, the version, usage errors, and faults that only a
//! start can meet.

use std::net::TcpListener;
use std::path::Path;

use tests::SceneOptions;
use tests::program::{Gated, command};

use crate::stage::{check, config, peer, run, stage, told, tsmgated};

/// R55: usage errors have their own code, and say so on standard error alone
#[test]
fn usage_errors_exit_with_64() {
    for arguments in [
        &[][..],
        &["serve"],
        &["run", "--port", "1"],
        &["run", "extra"],
        &["check", "--config"],
        &["audit"],
        &["audit", "verify", "--expect-head", "nonsense"],
        &["audit", "verify", "--expect-head", "1:abc"],
    ] {
        let (code, out, err) = tsmgated(arguments);
        assert_eq!((code, out.as_str()), (64, ""), "{arguments:?}: {err}");
        assert!(!err.is_empty());
    }
}

/// R55: help names every command and every exit code
#[test]
fn help_shows_the_exit_codes() {
    let (code, out, err) = tsmgated(&["--help"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for word in ["run", "check", "explain", "audit", "Exit codes:", "Examples:"] {
        assert!(out.contains(word), "{word} is missing: {out}");
    }
    let (_, table) = out.split_once("Exit codes:").unwrap();
    for code in ["0", "1", "2", "64", "65", "66", "70", "71", "77"] {
        let named = table.lines().any(|line| line.trim_start().starts_with(&format!("{code}  ")));
        assert!(named, "exit code {code} is missing: {table}");
    }
    let (code, out, _) = tsmgated(&["--version"]);
    assert_eq!(code, 0);
    assert_eq!(out, format!("tsmgated {}\n", env!("CARGO_PKG_VERSION")));
}

/// R55: the configuration may be named by the environment, and an option counts before it
#[tokio::test]
async fn the_environment_may_name_the_configuration() {
    let scene = stage(SceneOptions::default()).await;
    let by_environment = |name: &str, more: &[&str]| {
        let mut command = command("tsmgated");
        told(
            &command
                .arg("check")
                .args(more)
                .env("TSMGATED_CONFIG", scene.path(name))
                .output()
                .unwrap(),
        )
    };
    assert_eq!(by_environment("tsmgated.toml", &[]).0, 0);
    assert_eq!(by_environment("missing.toml", &[]).0, 66);
    let named = config(&scene);
    assert_eq!(by_environment("missing.toml", &["--config", named.to_str().unwrap()]).0, 0);
}

/// R55: paths are relative to the configuration, also where that is named without a folder
#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_named_without_a_folder_is_run() {
    let scene = stage(SceneOptions::default()).await;
    let text = std::fs::read_to_string(config(&scene)).unwrap();
    scene.write("tsmgated.toml", &text.replace("log/audit.jsonl", "audit.jsonl"), 0o600);
    let folder = scene.path("").display().to_string();
    let gated = Gated::start(Path::new("tsmgated.toml"), &["env", "-C", &folder], &[]);
    peer(&scene, &gated, "jump01").cookie().await;
    assert!(scene.path("audit.jsonl").exists());
}

/// R55: `check` says where it would listen and who is who, and leaves no trace
#[tokio::test]
async fn check_says_what_it_found_and_touches_nothing() {
    let scene = stage(SceneOptions::default()).await;
    let (code, out, err) = check(&config(&scene));
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with(&format!("{}: good\n", config(&scene).display())), "{out}");
    assert!(
        out.contains("listens on 127.0.0.1:0") && out.contains("client jump01: login"),
        "{out}"
    );
    assert!(!scene.path("log/audit.jsonl").exists(), "check opened the audit");
    scene.nothing_reached_tsm();
}

/// R55: a taken port is refused with its address and the code of the system; `check` binds nothing
#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let listen = format!("address = \"{address}\"");
    let scene = stage(SceneOptions { listen, ..SceneOptions::default() }).await;
    assert_eq!(check(&config(&scene)).0, 0);
    let (status, log) = run(&scene).end();
    assert_eq!(status.code(), Some(71));
    let last = log.last().unwrap();
    assert!(last.starts_with(&format!("tsmgated: cannot listen on {address}: ")), "{last}");
}

/// R42: without a folder for the audit it does not start
#[tokio::test]
async fn a_missing_audit_folder_is_named() {
    let scene = stage(SceneOptions::default()).await;
    std::fs::remove_dir(scene.path("log")).unwrap();
    let (status, log) = run(&scene).end();
    assert_eq!(status.code(), Some(66));
    let last = log.last().unwrap();
    let path = scene.path("log/audit.jsonl").display().to_string();
    assert!(last.contains(&path) && last.contains("No such file"), "{last}");
    let (code, _, said) = check(&config(&scene));
    assert_eq!((code, said.trim_end()), (66, last.as_str()), "check says the same");
}

/// R45: two daemons do not write one audit file: the second is refused, and the chain stays whole
#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_one_audit_file_is_refused() {
    let scene = stage(SceneOptions::default()).await;
    let first = run(&scene);
    first.line_with("listening");
    let (status, log) = run(&scene).end();
    assert_eq!(status.code(), Some(66));
    assert!(log.last().unwrap().contains("is being written by another process"), "{log:?}");
    peer(&scene, &first, "jump01").cookie().await;
    assert_eq!(scene.verify().first, 1);
}
