//! What the tests of the journal share: a journald of the test's own, the program that finds it, and
//! the file's lines as the journal should have them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use tests::peer::{Stream, call};
use tests::program::{Gated, have};
use tests::scene::entry;
use tests::{Scene, SceneOptions};
use tsmgate_wire::Answer;

use crate::stage::{config, stage, verify};

/// The fields of an entry, each with its values in order.
pub type Entry = BTreeMap<String, Vec<String>>;

/// What stands for journald: a socket, and a thread that reads it.
pub struct Journald {
    entries: Arc<Mutex<Vec<Entry>>>,
    end: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Journald {
    /// Binds the socket in the scene's folder; gone first what stood there.
    pub fn bind(scene: &Scene) -> UnixDatagram {
        let path = scene.path("journal/socket");
        let _ = std::fs::remove_file(&path);
        UnixDatagram::bind(path).unwrap()
    }

    /// Reads from now on.
    pub fn read(socket: UnixDatagram) -> Self {
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

    pub fn start(scene: &Scene) -> Self {
        Self::read(Self::bind(scene))
    }

    /// All that came, once the sender has ended or nothing more is to come; the socket is closed.
    pub fn end(mut self) -> Vec<Entry> {
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
pub fn expected(line: &Value) -> Entry {
    let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let values = |value: &Value| match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => vec![text(value)],
    };
    let name = |name: &str| name.trim_start_matches('@').replace('.', "_").to_uppercase();
    line.as_object().unwrap().iter().map(|(field, value)| (name(field), values(value))).collect()
}

/// That the journal has what the file has, field by field, in order, and each record once.
pub fn same(entries: &[Entry], lines: &[Value]) {
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
pub async fn journaled() -> Option<Scene> {
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
pub fn elsewhere(scene: &Scene) -> Vec<String> {
    let script = "mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/systemd/journal && \
                  mount --bind \"$0\" /run/systemd/journal && exec \"$@\"";
    let folder = scene.path("journal").display().to_string();
    ["unshare", "--mount", "sh", "-c", script, &folder].map(str::to_owned).to_vec()
}

/// The program, with the test's journald.
pub fn run(scene: &Scene) -> Gated {
    Gated::start(&config(scene), &elsewhere(scene), &[])
}

/// Stops it well; its log.
pub fn stop(mut gated: Gated) -> Vec<String> {
    gated.signal(Signal::SIGTERM);
    let (status, log) = gated.end();
    assert_eq!(status.code(), Some(0), "{log:?}");
    log
}

/// The file's lines.
pub fn lines(scene: &Scene) -> Vec<Value> {
    let text = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A call's answer in a word.
pub async fn answer(stream: &mut Stream) -> String {
    match call(stream, 1).await.unwrap() {
        Answer::Granted(_) => "granted".to_owned(),
        Answer::Exception(exception) => exception.message,
        other => panic!("{other:?}"),
    }
}

/// That the file's chain is whole.
pub fn whole_chain(scene: &Scene) {
    let (code, out, err) = verify(scene, &[]);
    assert_eq!(code, 0, "{out}{err}");
}
