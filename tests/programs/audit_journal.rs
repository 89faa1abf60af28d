//! The journal as the audit's second target: the program in a mount namespace of its own, in which the
//! test is journald.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::Signal;
use rcgen::SanType;
use serde_json::Value;
use tests::peer::{Stream, call, cookie_of, timed};
use tests::program::{Gated, built, have};
use tests::scene::entry;
use tests::{Peer, Scene, SceneOptions, wait};
use tokio::task::JoinSet;
use tsmgate_wire::Answer;

use crate::stage::{config, peer, stage, told, verify};

/// The fields of an entry, each with its values in order.
type Entry = BTreeMap<String, Vec<String>>;

/// What stands for journald: a socket, and a thread that reads it.
struct Journald {
    entries: Arc<Mutex<Vec<Entry>>>,
    end: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Journald {
    /// Binds the socket in the scene's folder; gone first what stood there.
    fn bind(scene: &Scene) -> UnixDatagram {
        let path = scene.path("journal/socket");
        let _ = std::fs::remove_file(&path);
        UnixDatagram::bind(path).unwrap()
    }

    /// Reads from now on.
    fn read(socket: UnixDatagram) -> Self {
        let (entries, end) = (Arc::<Mutex<Vec<Entry>>>::default(), Arc::<AtomicBool>::default());
        let (kept, over) = (Arc::clone(&entries), Arc::clone(&end));
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let reader = std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 20];
            loop {
                match socket.recv(&mut buffer) {
                    Ok(length) => kept.lock().unwrap().push(fields(&buffer[..length])),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        });
        Self { entries, end, reader: Some(reader) }
    }

    fn start(scene: &Scene) -> Self {
        Self::read(Self::bind(scene))
    }

    /// All that came, once the sender has ended or nothing more is to come; the socket is closed.
    fn end(mut self) -> Vec<Entry> {
        self.end.store(true, Ordering::Relaxed);
        self.reader.take().unwrap().join().unwrap();
        std::mem::take(&mut self.entries.lock().unwrap())
    }
}

/// Reads an entry as journald does: `NAME=value`, or the name alone, a length, and so many bytes.
fn fields(mut entry: &[u8]) -> Entry {
    let mut fields = Entry::new();
    while !entry.is_empty() {
        let end = entry.iter().position(|&byte| byte == b'\n').expect("a line end");
        let (line, rest) = (&entry[..end], &entry[end + 1..]);
        let (name, value) = match line.iter().position(|&byte| byte == b'=') {
            Some(equals) => {
                entry = rest;
                (&line[..equals], &line[equals + 1..])
            }
            None => {
                let length = u64::from_le_bytes(rest[..8].try_into().unwrap());
                let length = usize::try_from(length).unwrap();
                assert_eq!(rest[8 + length], b'\n');
                entry = &rest[8 + length + 1..];
                (line, &rest[8..8 + length])
            }
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let name = text(name);
        let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(name.bytes().all(legal) && name.as_bytes()[0].is_ascii_uppercase(), "{name}");
        fields.entry(name).or_default().push(text(value));
    }
    fields
}

/// A line of the file as the entry it should be, without what the journal alone has.
fn expected(line: &Value) -> Entry {
    let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let values = |value: &Value| match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => vec![text(value)],
    };
    let name = |name: &str| name.trim_start_matches('@').replace('.', "_").to_uppercase();
    line.as_object().unwrap().iter().map(|(field, value)| (name(field), values(value))).collect()
}

/// That the journal has what the file has, field by field, in order, and each record once.
fn same(entries: &[Entry], lines: &[Value]) {
    let numbers = |entries: &[Entry]| -> Vec<String> {
        entries.iter().map(|entry| entry["EVENT_SEQUENCE"][0].clone()).collect()
    };
    let expected: Vec<Entry> = lines.iter().map(expected).collect();
    assert_eq!(numbers(entries), numbers(&expected));
    for (entry, mut expected) in entries.iter().zip(expected) {
        let message = entry["MESSAGE"][0].as_str();
        assert!(message.starts_with(&expected["EVENT_ACTION"][0]), "{message}");
        let failed = expected["EVENT_OUTCOME"][0] == "failure";
        expected.insert("MESSAGE".into(), vec![message.into()]);
        expected.insert("PRIORITY".into(), vec![if failed { "4" } else { "6" }.into()]);
        expected.insert("SYSLOG_IDENTIFIER".into(), vec!["tsmgated-audit".into()]);
        let id = vec!["e479645129244da6a291d814ad522a66".into()];
        expected.insert("MESSAGE_ID".into(), id);
        assert_eq!(*entry, expected);
    }
}

/// `jump01`, and records to the journal too. `None` where the host does not allow mounts.
async fn journaled() -> Option<Scene> {
    if !nix::unistd::Uid::effective().is_root() {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "this test needs root");
        eprintln!("LEFT OUT: the journal (needs root)");
        return None;
    }
    if !have("unshare", "util-linux") {
        return None;
    }
    let rest = format!("journal = true\n\n{}", entry("jump01", "[\"login\"]"));
    let scene = stage(SceneOptions { rest, ..SceneOptions::default() }).await;
    std::fs::create_dir(scene.path("journal")).unwrap();
    Some(scene)
}

/// What puts the scene's folder where journald's is, for one program and those it starts.
fn elsewhere(scene: &Scene) -> Vec<String> {
    let script = "mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/systemd/journal && \
                  mount --bind \"$0\" /run/systemd/journal && exec \"$@\"";
    let folder = scene.path("journal").display().to_string();
    ["unshare", "--mount", "sh", "-c", script, &folder].map(str::to_owned).to_vec()
}

fn run(scene: &Scene) -> Gated {
    Gated::start(&config(scene), &elsewhere(scene), &[])
}

fn stop(mut gated: Gated) -> Vec<String> {
    gated.signal(Signal::SIGTERM);
    let (status, log) = gated.end();
    assert_eq!(status.code(), Some(0), "{log:?}");
    log
}

fn lines(scene: &Scene) -> Vec<Value> {
    let text = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A call's answer in a word.
async fn answer(stream: &mut Stream) -> String {
    match call(stream, 1).await.unwrap() {
        Answer::Granted(_) => "granted".to_owned(),
        Answer::Exception(exception) => exception.message,
        other => panic!("{other:?}"),
    }
}

async fn whole_chain(scene: &Scene) {
    let (code, out, err) = verify(scene, &[]);
    assert_eq!(code, 0, "{out}{err}");
}

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
    whole_chain(&scene).await;
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
    for _ in 0..3 {
        let (answer, time) = timed(answer(&mut stream)).await;
        assert_eq!(answer, "audit_unavailable");
        assert!(time < Duration::from_secs(3), "{time:?}");
        assert_eq!(lines(&scene), on_file, "what was refused is on file");
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
    whole_chain(&scene).await;
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
    whole_chain(&scene).await;
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
    whole_chain(&scene).await;
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
    whole_chain(&scene).await;
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
