//! Files put aside by size or by somebody else, under load: one chain, each record once.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tests::peer::{Stream, call, cookie_of};
use tests::scene::entry;
use tests::{Scene, SceneOptions, wait};
use tokio::task::JoinSet;
use tsmgate_gate::clock::Clock;
use tsmgate_server::audit::Audit;
use tsmgate_server::audit::record::{Outcome, Record};
use tsmgate_server::audit::verify::{Check, Verified, verify};
use tsmgate_server::config;

use crate::support::in_words;

const FILE: &str = "log/audit.jsonl";
/// The smallest there is.
const SIZE: u64 = 64 * 1024;

/// `jump01` and a watcher who may not log in, and files of the smallest size.
fn small_files() -> SceneOptions {
    let rest = format!("rotate_size = \"64KiB\"\n\n{}", entry("jump01", "[\"login\"]"));
    let rest = rest + &entry("watcher", "[\"monitor\"]");
    SceneOptions { rest, login: "per_connection = 10000".into(), ..SceneOptions::default() }
}

/// All files of the audit, oldest first: what was put aside in the order of names, and the file.
fn parts(scene: &Scene) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(scene.path("log")).unwrap();
    let mut parts: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    parts.sort();
    // the shortest name is the first
    parts.rotate_left(1);
    assert_eq!(parts.last(), Some(&scene.path(FILE)));
    parts
}

fn check(parts: &[PathBuf]) -> Verified {
    let mut check = Check::new(None);
    for part in parts {
        check.read(std::fs::read(part).unwrap().as_slice()).unwrap();
    }
    check.end().unwrap()
}

fn records(parts: &[PathBuf]) -> Vec<Value> {
    let texts = parts.iter().map(|part| std::fs::read_to_string(part).unwrap());
    texts
        .flat_map(|text| {
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
        })
        .collect()
}

fn count(records: &[Value], field: &str, value: &str) -> u64 {
    records.iter().filter(|record| record[field] == value).count() as u64
}

/// So many callers, each with a connection and so many calls.
async fn hammer(scene: &Scene, callers: u64, calls: u64) {
    let mut hammer = JoinSet::new();
    for _ in 0..callers {
        let peer = scene.peer("jump01");
        hammer.spawn(async move {
            let mut stream = peer.connect().await.unwrap();
            for _ in 0..calls {
                cookie_of(call(&mut stream, 1).await.unwrap());
            }
        });
    }
    while let Some(ended) = hammer.join_next().await {
        ended.unwrap();
    }
}

/// R45: a hammer of logins over a score of files by size: one chain, each call's two records once
#[tokio::test(flavor = "multi_thread")]
async fn files_put_aside_by_size_are_one_chain() {
    let mut scene = Scene::with(small_files()).await;
    hammer(&scene, 8, 100).await;
    scene.stop().await;
    let parts = parts(&scene);
    assert!(parts.len() > 8, "{parts:?}");
    let whole = check(&parts);
    assert_eq!((whole.first, whole.torn), (1, 0));
    for part in &parts[..parts.len() - 1] {
        let text = std::fs::read(part).unwrap();
        let name = part.file_name().unwrap().to_str().unwrap();
        let last = verify(text.as_slice(), None).unwrap().head.sequence;
        assert_eq!(name, format!("audit.jsonl.{last:012}"));
        // one go of the writer more than the size, at most
        assert!((SIZE..SIZE + 256 * 1024).contains(&(text.len() as u64)), "{name}: {}", text.len());
    }
    let records = records(&parts);
    assert_eq!(records.len() as u64, whole.head.sequence);
    assert_eq!(count(&records, "event.action", "rotated"), parts.len() as u64 - 1);
    assert_eq!(count(&records, "tsmgate.phase", "intent"), 800);
    assert_eq!(count(&records, "tsmgate.phase", "outcome"), 800);
    assert_eq!(scene.tsm.counts().calls, 800);
}

/// R45: a restart goes on with the chain and the names of a file that was put aside by size
#[tokio::test]
async fn a_restart_goes_on_behind_a_file_put_aside() {
    let mut scene = Scene::with(small_files()).await;
    hammer(&scene, 1, 70).await;
    scene.stop().await;
    let before = parts(&scene).len();
    assert!(before > 1);
    scene.start_again().await;
    hammer(&scene, 1, 70).await;
    scene.stop().await;
    let parts = parts(&scene);
    assert!(parts.len() > before);
    assert_eq!(check(&parts).first, 1);
}

/// R45: a name that is taken is not overwritten: the file grows on, and no call is refused for it
#[tokio::test]
async fn a_file_is_never_put_over_another() {
    let mut scene = Scene::with(small_files()).await;
    for number in 1..400 {
        scene.write(&format!("{FILE}.{number:012}"), "somebody else's\n", 0o640);
    }
    hammer(&scene, 1, 150).await;
    scene.stop().await;
    assert!(std::fs::metadata(scene.path(FILE)).unwrap().len() > 2 * SIZE);
    assert_eq!(scene.verify().first, 1);
    assert_eq!(parts(&scene).len(), 400);
    for number in 1..400 {
        let other = std::fs::read_to_string(scene.path(&format!("{FILE}.{number:012}"))).unwrap();
        assert_eq!(other, "somebody else's\n");
    }
}

async fn refusals(stream: &mut Stream, count: u64) {
    for _ in 0..count {
        assert_eq!(in_words(call(stream, 1).await.unwrap()), "not_authorized");
    }
}

/// R44: sums of refusals go over a rotation of either kind, and none is counted twice
#[tokio::test]
async fn sums_of_refusals_survive_a_rotation() {
    let mut scene = Scene::with(small_files()).await;
    let mut stream = scene.peer("watcher").connect().await.unwrap();
    refusals(&mut stream, 50).await;
    // by size
    hammer(&scene, 1, 60).await;
    assert!(parts(&scene).len() > 1);
    refusals(&mut stream, 50).await;
    // by somebody else
    let after = format!("{FILE}.999999999999");
    std::fs::rename(scene.path(FILE), scene.path(&after)).unwrap();
    refusals(&mut stream, 50).await;
    drop(stream);
    scene.stop().await;
    let parts = parts(&scene);
    assert_eq!(check(&parts).first, 1);
    let mut refused = records(&parts);
    refused.retain(|record| record["event.reason"] == "permission_missing");
    let told: u64 =
        refused.iter().map(|record| record["tsmgate.count"].as_u64().unwrap_or(1)).sum();
    assert_eq!(told, 150, "{refused:?}");
    assert!(refused.len() <= 4, "{refused:?}");
    assert_eq!(scene.tsm.counts().calls, 60, "a refused call reached TSM");
}

/// R45: a file that is renamed while nobody calls is let go at once, synced, and the new one says so
#[tokio::test]
async fn a_renamed_file_is_let_go_without_a_call() {
    let scene = Scene::start().await;
    scene.peer("jump01").cookie().await;
    let aside = scene.path("log/aside");
    std::fs::rename(scene.path(FILE), &aside).unwrap();
    let record =
        wait::until("a record of the rotation", || async { scene.records("rotated").pop() }).await;
    assert_eq!(record["event.outcome"], "success");
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let held = open.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    assert_eq!(held.filter(|held| *held == aside).count(), 0, "the old file is still open");
    let whole = check(&[aside, scene.path(FILE)]);
    assert_eq!((whole.first, whole.head), (1, scene.verify().head));
}

fn settings(folder: &tempfile::TempDir) -> config::Audit {
    config::Audit {
        file: folder.path().join("log/audit.jsonl"),
        sync: config::Sync::Second,
        journal: false,
        rotate_size: None,
    }
}

/// R42: whoever asks sees the head of what counts, that writing fails, and that it goes again by itself
#[tokio::test]
async fn the_position_is_the_writers() {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    std::fs::create_dir(folder.path().join("log")).unwrap();
    let settings = settings(&folder);
    let (audit, _end) = Audit::start(&settings, Clock::monotonic()).unwrap();
    assert_eq!((audit.position().head.sequence, audit.position().writable), (0, true));
    for number in 1..4 {
        audit.write(Record::new("login", Outcome::Success)).await.unwrap();
        let on_file = verify(std::fs::read(&settings.file).unwrap().as_slice(), None).unwrap();
        assert_eq!(audit.position().head, on_file.head);
        assert_eq!(on_file.head.sequence, number);
    }
    let (log, gone) = (folder.path().join("log"), folder.path().join("gone"));
    std::fs::rename(&log, &gone).unwrap();
    // nobody calls
    wait::until("that it fails", || async { (!audit.position().writable).then_some(()) }).await;
    assert_eq!(audit.position().head.sequence, 3);
    std::fs::rename(&gone, &log).unwrap();
    wait::until("that it goes again", || async { audit.position().writable.then_some(()) }).await;
    let text = std::fs::read_to_string(&settings.file).unwrap();
    assert_eq!(verify(text.as_bytes(), None).unwrap().head, audit.position().head);
    assert!(text.lines().last().unwrap().contains("\"records-lost\""), "{text}");
    assert!(tokio::time::timeout(Duration::from_secs(9), audit.close()).await.unwrap());
}
