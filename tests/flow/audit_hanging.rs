//! A disk that takes no byte and gives no error: a pipe in the file's place that nobody reads.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tests::peer::{Stream, call, cookie_of, send, timed};
use tests::{Scene, SceneOptions, wait};
use tokio::time::timeout;
use tsmgate_gate::clock::Clock;
use tsmgate_server::audit::record::{Outcome, Record};
use tsmgate_server::audit::verify::verify;
use tsmgate_server::audit::{Audit, Unwritten};
use tsmgate_server::config;
use tsmgate_wire::encode_call;

use crate::support::{clients, in_words};

/// Puts a pipe in the file's place, and the file aside. It takes 64 KiB and then hangs, until somebody reads.
fn replace_by_pipe(file: &Path, aside: &Path) {
    let pipe = aside.with_extension("pipe");
    let made = Command::new("mkfifo").args(["-m", "640"]).arg(&pipe).status().unwrap();
    assert!(made.success());
    // at once: the writer begins a file where it finds none
    std::fs::hard_link(file, aside).unwrap();
    std::fs::rename(pipe, file).unwrap();
}

/// Calls until the disk hangs; how many calls were served.
async fn call_until_it_hangs(stream: &mut Stream) -> u64 {
    for served in 0..99 {
        match timeout(Duration::from_secs(1), call(stream, 1)).await {
            Ok(answer) => drop(cookie_of(answer.unwrap())),
            Err(_) => return served,
        }
    }
    panic!("the pipe takes everything");
}

/// R42: a disk that hangs refuses calls in time, and TSM is not asked; once it goes on, so do calls
#[tokio::test]
async fn a_hanging_disk_refuses_calls_in_time() {
    let scene = Scene::start().await;
    let file = scene.path("log/audit.jsonl");
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    replace_by_pipe(&file, &scene.path("log/aside"));
    call_until_it_hangs(&mut stream).await;
    let asked = scene.tsm.counts().connections;
    let mut second = scene.peer("jump01").connect().await.unwrap();
    let (answer, time) = timed(call(&mut second, 1)).await;
    assert_eq!(in_words(answer.unwrap()), "audit_unavailable");
    assert!(time < Duration::from_secs(7), "{time:?}");
    assert_eq!(scene.tsm.counts().connections, asked, "TSM was asked without a record");

    // somebody reads: the writer goes on, and finds the file back in its place
    let mut pipe = File::open(&file).unwrap();
    std::fs::rename(scene.path("log/aside"), &file).unwrap();
    let reader = std::thread::spawn(move || std::io::copy(&mut pipe, &mut std::io::sink()));
    let second = tokio::sync::Mutex::new(second);
    wait::until("a cookie", || async {
        let answer = call(&mut *second.lock().await, 1).await.unwrap();
        (in_words(answer) == "granted").then_some(())
    })
    .await;
    reader.join().unwrap().unwrap();
}

/// R42, R45: calls whose records hang when the daemon stops have an outcome for each intent all the same
#[tokio::test]
async fn a_stop_on_a_hanging_disk_leaves_no_intent_alone() {
    let rest = clients(["jump01"]) + "[stop]\ngrace = \"200ms\"\n";
    let mut scene = Scene::with(SceneOptions { rest, ..SceneOptions::default() }).await;
    let file = scene.path("log/audit.jsonl");
    replace_by_pipe(&file, &scene.path("log/aside"));
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    call_until_it_hangs(&mut stream).await;
    // these hang before TSM is asked
    let mut hanging = Vec::new();
    for _ in 0..3 {
        let mut stream = scene.peer("jump01").connect().await.unwrap();
        send(&mut stream, &encode_call(1)).await.unwrap();
        hanging.push(stream);
    }
    wait::until("four connections", || async {
        (scene.daemon.as_ref().unwrap().occupancy() == (0, 4)).then_some(())
    })
    .await;
    scene.stop().await;
    let mut text = std::fs::read_to_string(scene.path("log/aside")).unwrap();
    // to the end: the writer closes when it is done
    File::open(&file).unwrap().read_to_string(&mut text).unwrap();
    verify(text.as_bytes(), None).unwrap();
    let of_phase = |phase: &str| {
        let phase = format!("\"tsmgate.phase\":\"{phase}\"");
        text.lines().filter(|line| line.contains(&phase)).count()
    };
    assert_eq!(of_phase("intent"), of_phase("outcome"));
    assert!(text.matches("call_aborted").count() <= 4);
    assert!(text.lines().last().unwrap().contains("\"stop\""));
}

/// R42: a full queue refuses at once, and what nobody waited for is counted and owned up to
#[tokio::test]
async fn a_full_queue_refuses_at_once_and_counts_what_it_lost() {
    const NOTED: u64 = 6000;
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let file = folder.path().join("audit.jsonl");
    let settings = config::Audit {
        file: file.clone(),
        sync: config::Sync::Second,
        journal: false,
        rotate_size: None,
    };
    let (audit, _end) = Audit::start(&settings, Clock::monotonic()).unwrap();
    replace_by_pipe(&file, &folder.path().join("aside"));
    for _ in 0..NOTED {
        audit.note(Record::new("connection", Outcome::Success));
    }
    let refused = timed(audit.write(Record::new("login", Outcome::Unknown))).await;
    assert_eq!(refused.0, Err(Unwritten::Surely));
    assert!(refused.1 < Duration::from_secs(1), "{:?}", refused.1);

    let mut pipe = File::open(&file).unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    });
    wait::until("room", || async {
        audit.write(Record::new("login", Outcome::Unknown)).await.ok()
    })
    .await;
    audit.close().await;
    drop(audit);
    let text = reader.join().unwrap();
    verify(text.as_bytes(), None).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let action = |name: &str| lines.iter().filter(|line| line["event.action"] == name).count();
    let lost: u64 = lines.iter().filter_map(|line| line["tsmgate.count"].as_u64()).sum();
    assert!(lost > 0);
    assert_eq!(action("connection") as u64 + lost, NOTED);
}
