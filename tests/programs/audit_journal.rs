//! The journal as the audit's second target: the program in a mount namespace of its own, in which the
//! test is journald, and once the real one.

mod real;
mod rig;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use rcgen::SanType;
use serde_json::Value;
use tests::peer::{call, cookie_of, timed};
use tests::program::built;
use tests::{Peer, wait};
use tokio::task::JoinSet;

use crate::stage::{config, peer, told};
use rig::{
    Entry, Journald, answer, elsewhere, expected, journaled, lines, run, same, stop, whole_chain,
};

/// R41: each record is in the journal too, with all fields of the file's line and a line for a person
#[tokio::test(flavor = "multi_thread")]
async fn each_record_is_in_the_journal_too() {
    let Some(scene) = journaled().await else { return };
    let journald = Journald::start(&scene);
    let gated = run(&scene);
    peer(&scene, &gated, "jump01").cookie().await;
    peer(&scene, &gated, "stranger").refusal().await;
    scene.refusal("client_unknown").await;
    stop(gated);
    let entries = journald.end();
    let lines = lines(&scene);
    assert!(lines.len() >= 6, "{lines:?}");
    same(&entries, &lines);
    let messages: Vec<_> = entries.iter().map(|entry| entry["MESSAGE"][0].as_str()).collect();
    assert!(messages.contains(&"login success: jump01 from 127.0.0.1"), "{messages:?}");
    whole_chain(&scene);
}

/// R42: without a journald, `check` and `run` say so with a hint, and nothing is served
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_journal_stops_the_start() {
    let Some(scene) = journaled().await else { return };
    let (status, log) = run(&scene).end();
    assert_eq!(status.code(), Some(66), "{log:?}");
    let said = log.last().unwrap();
    for part in ["/run/systemd/journal/socket", "systemd-journald", "audit.journal"] {
        assert!(said.contains(part), "{said}");
    }
    let wrap = elsewhere(&scene);
    let mut check = Command::new(&wrap[0]);
    check.args(&wrap[1..]).arg(built("tsmgated")).args(["check", "--config"]).arg(config(&scene));
    let (code, _, err) = told(&check.output().unwrap());
    assert_eq!((code, err.trim_end()), (66, said.as_str()));
    assert!(!scene.path("log/audit.jsonl").exists(), "a file was made for a daemon that never ran");
}

/// R42: a journal that goes away refuses calls before TSM is asked, and the file has no line of them
#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_journal_refuses_calls() {
    let Some(scene) = journaled().await else { return };
    let journald = Journald::start(&scene);
    let gated = run(&scene);
    let mut stream = peer(&scene, &gated, "jump01").connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    std::fs::remove_file(scene.path("journal/socket")).unwrap();
    let before = journald.end();
    let on_file = lines(&scene);
    assert_eq!(before.len(), on_file.len());
    let bytes = || std::fs::read(scene.path("log/audit.jsonl")).unwrap();
    let whole = bytes();
    for _ in 0..3 {
        let (answer, time) = timed(answer(&mut stream)).await;
        assert_eq!(answer, "audit_unavailable");
        assert!(time < Duration::from_secs(3), "{time:?}");
        // that of its refusal is tried meanwhile
        wait::until_blocking("what the journal has not to be taken back", || {
            (bytes() == whole).then_some(())
        });
    }
    assert_eq!(scene.tsm.counts().connections, 1, "TSM was asked without a record");
    gated.line_with("the audit cannot be written");

    // journald is started again: nobody has to call for the daemon to find it
    let journald = Journald::start(&scene);
    gated.line_with("the audit can be written again");
    cookie_of(call(&mut stream, 1).await.unwrap());
    drop(stream);
    let log = stop(gated);
    for once in ["the audit cannot be written", "the audit can be written again"] {
        assert_eq!(log.iter().filter(|line| line.contains(once)).count(), 1, "{log:?}");
    }
    let entries = [before, journald.end()].concat();
    same(&entries, &lines(&scene));
    let lost = &lines(&scene)[on_file.len()];
    assert_eq!(lost["event.action"], "records-lost");
    assert!(lost["tsmgate.count"].as_u64() >= Some(1), "{lost}");
    assert_eq!(scene.tsm.counts().connections, 2);
    whole_chain(&scene);
}

/// R42: a socket that a dead journald left behind refuses as one that is gone
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_without_a_journald_refuses_calls() {
    let Some(scene) = journaled().await else { return };
    let journald = Journald::start(&scene);
    let gated = run(&scene);
    let mut stream = peer(&scene, &gated, "jump01").connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    let before = journald.end();
    assert!(scene.path("journal/socket").exists());
    assert_eq!(answer(&mut stream).await, "audit_unavailable");
    let journald = Journald::start(&scene);
    gated.line_with("the audit can be written again");
    cookie_of(call(&mut stream, 1).await.unwrap());
    drop(stream);
    stop(gated);
    same(&[before, journald.end()].concat(), &lines(&scene));
    whole_chain(&scene);
}

/// Callers that go on until each was refused or granted so often; how many cookies came.
async fn hammer(client: &Peer, callers: usize, calls: usize) -> u64 {
    let mut hammer = JoinSet::new();
    for _ in 0..callers {
        let client = client.clone();
        hammer.spawn(async move {
            let mut stream = client.connect().await.unwrap();
            let mut granted = 0;
            for _ in 0..calls {
                match answer(&mut stream).await.as_str() {
                    "granted" => granted += 1,
                    "audit_unavailable" => {}
                    other => panic!("{other}"),
                }
            }
            granted
        });
    }
    hammer.join_all().await.into_iter().sum()
}

/// R42: a journald that does not read refuses calls in time, in the middle of what is written in one
/// go too; once it reads, file and journal hold the same, each record once
#[tokio::test(flavor = "multi_thread")]
async fn a_journald_that_does_not_read_refuses_calls_in_time() {
    let Some(scene) = journaled().await else { return };
    let socket = Journald::bind(&scene);
    let gated = run(&scene);
    let client = peer(&scene, &gated, "jump01");
    // its queue and our buffer are full some time
    let mut granted = 0;
    let mut stream = client.connect().await.unwrap();
    let refused = loop {
        let (answer, time) = timed(answer(&mut stream)).await;
        if answer != "granted" {
            assert_eq!(answer, "audit_unavailable");
            break time;
        }
        granted += 1;
        assert!(granted < 2000, "the socket takes everything");
    };
    assert!(refused < Duration::from_secs(3), "{refused:?}");
    // others are not held up either
    let (more, time) = timed(hammer(&client, 8, 5)).await;
    assert!(time < Duration::from_secs(8), "{time:?}");
    granted += more;
    let asked = scene.tsm.counts().calls;

    let journald = Journald::read(socket);
    gated.line_with("the audit can be written again");
    granted += hammer(&client, 8, 20).await;
    cookie_of(call(&mut stream, 1).await.unwrap());
    granted += 1;
    drop(stream);
    stop(gated);
    let lines = lines(&scene);
    same(&journald.end(), &lines);
    whole_chain(&scene);
    let count = |phase: &str, outcome: &str| {
        let mut lines =
            lines.iter().filter(|line| line["tsmgate.phase"] == phase).collect::<Vec<_>>();
        lines.retain(|line| line["event.outcome"] == outcome);
        lines.len() as u64
    };
    assert_eq!(count("outcome", "success"), granted);
    assert_eq!(count("intent", "unknown"), scene.tsm.counts().calls, "{asked} before");
}

/// R45: after kill -9 under load no record is in the journal twice, and none that the file lacks
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_leaves_no_record_in_the_journal_alone() {
    let Some(scene) = journaled().await else { return };
    let journald = Journald::start(&scene);
    for round in 1..4 {
        let mut gated = run(&scene);
        let client = peer(&scene, &gated, "jump01");
        let callers: Vec<_> = (0..4).map(|_| tokio::spawn(until_gone(client.clone()))).collect();
        let enough = move |counts: &tsmsim::Counts| counts.calls >= 40 * round;
        scene.tsm.wait_until(wait::PATIENCE, enough).await.unwrap();
        gated.signal(Signal::SIGKILL);
        assert_eq!(gated.wait(), None);
        for caller in callers {
            caller.await.unwrap();
        }
    }
    let gated = run(&scene);
    gated.line_with("listening");
    stop(gated);
    whole_chain(&scene);
    let text = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    let lines: BTreeMap<u64, Entry> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .map(|line| (line["event.sequence"].as_u64().unwrap(), expected(&line)))
        .collect();
    let entries = journald.end();
    let mut before = 0;
    for entry in &entries {
        let number = entry["EVENT_SEQUENCE"][0].parse().unwrap();
        assert!(number > before, "{number} comes after {before}");
        before = number;
        let previous = &lines[&number]["TSMGATE_AUDIT_PREVIOUS"];
        assert_eq!(entry["TSMGATE_AUDIT_PREVIOUS"], *previous);
    }
    // a life takes at most what it wrote in its last go with it
    assert!(lines.len() - entries.len() <= 3 * 16, "{} of {}", entries.len(), lines.len());
}

/// Calls until the gate is gone.
async fn until_gone(client: Peer) {
    while let Ok(mut stream) = client.connect().await {
        while call(&mut stream, 1).await.is_ok() {}
    }
}

/// R43: a certificate's name with line ends cannot forge a field or an entry of the journal
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_name_forges_no_field_of_the_journal() {
    let Some(scene) = journaled().await else { return };
    let journald = Journald::start(&scene);
    let gated = run(&scene);
    let hostile = "tsmgate://x\nPRIORITY=0\nEVENT_ACTION=login\r\n_UID\n\u{1}\0\0\0\0\0\0\0\u{30}\n\n\
                   CLIENT_USER_NAME=jump01\u{1b}[2J";
    let identity = scene.authority.client_with("x", |params| {
        params.subject_alt_names = vec![SanType::URI(hostile.try_into().unwrap())];
    });
    let client = Peer::new(gated.address(), &scene.authority.pem(), Some(&identity));
    assert_eq!(client.refusal().await, "AccessDenied");
    scene.refusal("certificate_names").await;
    stop(gated);
    let entries = journald.end();
    same(&entries, &lines(&scene));
    let refused: Vec<_> =
        entries.iter().filter(|entry| entry["EVENT_ACTION"] == ["refused"]).collect();
    let [refused] = refused[..] else { panic!("{refused:?}") };
    let name = &refused["TLS_CLIENT_X509_ALTERNATIVE_NAMES"][0];
    assert!(name.starts_with(r"tsmgate://x\u{a}PRIORITY=0\u{a}EVENT_ACTION=login\u{d}"), "{name}");
    assert!(!refused.contains_key("CLIENT_USER_NAME") && !refused.contains_key("_UID"));
    assert_eq!(refused["PRIORITY"], ["4"]);
    let all: Vec<_> = entries.iter().flat_map(|entry| entry.values().flatten()).collect();
    assert!(all.iter().all(|value| !value.chars().any(char::is_control)), "{all:?}");
    assert!(entries.iter().all(|entry| entry["EVENT_ACTION"] != ["login"]), "a login was forged");
    scene.nothing_reached_tsm();
}
