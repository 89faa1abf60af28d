//! Which door shows what, and to whom.

use std::process::Command;

use tests::program::{built, have, install, texts};
use tsmgate_server::observe::Door;

use crate::fake::{Fake, Open, status};

const PAGES: [&str; 3] = ["/metrics", "/healthz", "/readyz"];

#[tokio::test]
async fn both_doors_show_metrics_health_and_readiness() {
    let fake = Fake::new();
    let doors = [
        Open::tcp(Door::Metrics, &fake).await,
        Open::unix(Door::Metrics, &fake),
        Open::unix(Door::Status, &fake),
    ];
    for door in doors {
        for page in PAGES {
            let got = door.ask("GET", page).await;
            assert_eq!(got.code, 200, "{page}: {got:?}");
            assert_eq!(got.header("cache-control"), Some("no-store"));
            assert_eq!(got.header("connection"), Some("close"));
            let head = door.ask("HEAD", page).await;
            assert_eq!((head.code, &*head.body), (200, ""), "{page}: {head:?}");
            assert_eq!(head.header("content-length"), got.header("content-length"), "{page}");
        }
        let metrics = door.ask("GET", "/metrics").await;
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(metrics.header("content-type"), Some(kind));
        assert!(metrics.body.ends_with("# EOF\n"), "{metrics:?}");
        assert_eq!(door.ask("GET", "/healthz").await.body, "alive\n");
        assert_eq!(door.ask("GET", "/readyz").await.body, "ready\n");
    }
}

#[tokio::test]
async fn a_gate_in_trouble_is_alive_and_not_ready() {
    let fake = Fake::new();
    {
        let mut status = fake.status.lock().unwrap();
        status.ready = false;
        status.trouble = vec!["the audit cannot be written".into(), "a\nb\u{1b}[2J".into()];
    }
    let door = Open::tcp(Door::Metrics, &fake).await;
    assert_eq!(door.ask("GET", "/healthz").await.code, 200);
    let ready = door.ask("GET", "/readyz").await;
    assert_eq!(ready.code, 503);
    assert_eq!(ready.body, "the audit cannot be written\na\\u{a}b\\u{1b}[2J\n");
    assert!(door.ask("GET", "/metrics").await.body.contains("\ntsmgate_ready 0\n"));
}

#[tokio::test]
async fn the_status_is_the_picture_in_json() {
    let door = Open::unix(Door::Status, &Fake::new());
    let got = door.ask("GET", "/status").await;
    assert_eq!(got.code, 200);
    assert_eq!(got.header("content-type"), Some("application/json"));
    let picture: tsmgate_server::status::Status = serde_json::from_str(&got.body).unwrap();
    assert_eq!(picture, status());
}

#[tokio::test]
async fn there_is_nothing_else() {
    let fake = Fake::new();
    let metrics = Open::tcp(Door::Metrics, &fake).await;
    let status = Open::unix(Door::Status, &fake);
    for path in ["/", "/metrics/", "//metrics", "/Metrics", "/metrics%2f", "/../status", "*"] {
        for door in [&metrics, &status] {
            assert_eq!(door.ask("GET", path).await.code, 404, "{path}");
        }
    }
    for (method, path) in [("GET", "/status"), ("POST", "/reload")] {
        assert_eq!(metrics.ask(method, path).await.code, 404, "{path}");
    }
    for (method, path, allowed) in [
        ("POST", "/metrics", "get, head"),
        ("OPTIONS", "/metrics", "get, head"),
        ("PUT", "/status", "get, head"),
        ("GET", "/reload", "post"),
        ("HEAD", "/reload", "post"),
        ("MADE-UP", "/healthz", "get, head"),
    ] {
        let got = status.ask(method, path).await;
        assert_eq!((got.code, got.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
    assert_eq!(fake.begun.load(std::sync::atomic::Ordering::SeqCst), 0);
}

/// R56: the status door answers root and its own user alone, whatever the socket's file permits
#[tokio::test(flavor = "multi_thread")]
async fn other_users_are_not_answered() {
    if !have("setpriv", "util-linux") || !nix::unistd::geteuid().is_root() {
        eprintln!("LEFT OUT: only root can become another user");
        return;
    }
    let fake = Fake::new();
    let door = Open::unix(Door::Status, &fake);
    let program = door.folder().join("tsmgated");
    install(&built("tsmgated"), &program);
    let ask = |user: &str, command: &str| {
        Command::new("setpriv")
            .args([&format!("--reuid={user}"), "--regid=65534", "--clear-groups"])
            .arg(&program)
            .args([command, "--socket"])
            .arg(door.socket())
            .output()
            .unwrap()
    };
    for command in ["status", "reload"] {
        let output = ask("65534", command);
        let (out, said) = texts(&output);
        assert_eq!((output.status.code(), &*out), (Some(69), ""), "{said}");
        assert!(said.contains("only root and the gate's own user may ask"), "{said}");
        assert_eq!(ask("0", command).status.code(), Some(0), "{command}");
    }
    assert_eq!(fake.begun.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_status_door_on_a_port_answers_nobody() {
    let door = Open::tcp(Door::Status, &Fake::new()).await;
    for page in PAGES {
        assert_eq!(door.ask("GET", page).await.head, "", "{page}");
    }
}
