//! A disk that takes no byte and gives no error: a pipe in the file's place that nobody reads.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tests::peer::{Stream, call, cookie_of, send, timed};
use tests::{Authority, Scene, SceneOptions, wait};
use tokio::time::timeout;
use tsmgate_gate::clock::Clock;
use tsmgate_server::audit::record::{Outcome, Record};
use tsmgate_server::audit::verify::verify;
use tsmgate_server::audit::{Audit, Unwritten};
use tsmgate_server::config;
use tsmgate_wire::encode_call;
use tsmsim::Behaviour;

use crate::support::{calls_at_tsm, clients, in_words, tsm_is_left_alone, until_closed};

/// What a pipe takes before it hangs.
const PIPE: usize = 64 * 1024;

/// Puts a pipe in the file's place, and the file aside. It takes 64 KiB and then hangs, until somebody reads.
fn replace_by_pipe(file: &Path, aside: &Path) {
    drop(replace_by_filled_pipe(file, aside, 0));
}

/// The same with so many bytes in it already, which are there for as long as the file that it gives.
fn replace_by_filled_pipe(file: &Path, aside: &Path, filled: usize) -> File {
    let pipe = aside.with_extension("pipe");
    let made = Command::new("mkfifo").args(["-m", "640"]).arg(&pipe).status().unwrap();
    assert!(made.success());
    let mut held = File::options().read(true).write(true).open(&pipe).unwrap();
    held.write_all(&vec![b'x'; filled]).unwrap();
    // at once: the writer begins a file where it finds none
    std::fs::hard_link(file, aside).unwrap();
    std::fs::rename(pipe, file).unwrap();
    held
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
    // of the one that hung behind TSM's answer it is said what was to leave, and that it did not
    let (intents, outcomes) = (of_phase("intent"), of_phase("outcome"));
    assert!((intents..=intents + 1).contains(&outcomes), "{intents} intents, {outcomes} outcomes");
    assert!(text.matches("call_aborted").count() <= 4);
    // who was here is said of all of them, also of those whose call was never begun
    assert_eq!(text.matches("\"event.action\":\"connection\"").count(), 4);
    assert!(text.lines().last().unwrap().contains("\"stop\""));
}

/// The metrics, from their Unix socket.
fn metrics(socket: &Path) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(wait::PATIENCE)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// R42: a call that is cut while its outcome waits to be written has not succeeded: the records and the
/// metrics say so
#[tokio::test(flavor = "multi_thread")]
async fn a_call_cut_before_its_outcome_is_written_was_aborted() {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let socket = folder.path().join("metrics.sock");
    let rest = clients(["other", "jump01"]);
    let rest = format!("[metrics]\nlisten = \"unix:{}\"\n{rest}", socket.display());
    let options = SceneOptions { rest, ..SceneOptions::default() };
    let mut scene = Scene::prepare(folder, Authority::new("tests"), &options).await;
    scene.start_again().await;
    let file = scene.path("log/audit.jsonl");
    scene.tsm.behave_next(Behaviour::Delay(Duration::from_millis(500)));
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    send(&mut stream, &encode_call(1)).await.unwrap();
    calls_at_tsm(&scene, 1).await;
    // its intent is on file; nothing more gets there
    let full = replace_by_filled_pipe(&file, &scene.path("log/aside"), PIPE);
    tsm_is_left_alone(&scene).await;
    assert_eq!(scene.tsm.counts().cookies, 1);

    scene.edit(&clients(["jump01"]), "");
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
    let (bytes, _) = until_closed(&mut stream).await;
    assert!(bytes.is_empty(), "{bytes:x?}");
    let counted = "tsmgate_logins_total{client=\"jump01\",outcome=\"call_aborted\"} 1\n";
    let shown = tokio::task::spawn_blocking(move || metrics(&socket)).await.unwrap();
    assert!(shown.contains(counted), "{shown}");

    let mut pipe = File::open(&file).unwrap();
    drop(full);
    std::fs::rename(scene.path("log/aside"), &file).unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text.split_off(PIPE)
    });
    scene.stop().await;
    let text = reader.join().unwrap() + &std::fs::read_to_string(&file).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut outcomes: Vec<_> = lines.filter(|line| line["tsmgate.phase"] == "outcome").collect();
    outcomes.sort_by_key(|line| line["event.sequence"].as_u64());
    let last = outcomes.last().expect("an intent without an outcome");
    assert_eq!(last["event.reason"], "call_aborted", "{outcomes:?}");
    assert!(outcomes.len() <= 2 && outcomes[0]["client.user.name"] == "jump01", "{outcomes:?}");
}

/// R42: a full queue refuses at once, and what nobody waited for is counted and owned up to
#[tokio::test]
async fn a_full_queue_refuses_at_once_and_counts_what_it_lost() {
    const NOTED: u64 = 20_000;
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
