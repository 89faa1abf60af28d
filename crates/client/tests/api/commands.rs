//! The command lane: `tsm` in the vendor's words, against a gate that has one command and its events.

mod checks;
mod files;
mod leaving;
mod lists;
mod output;
mod secrets;
mod stream;
mod vendor;
mod words;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::rig::gate::{Reply, Seen, bytes};
use crate::rig::{Gate, Run, at};

/// A gate that takes every command, numbers it 7, and streams these events of it.
pub(crate) struct Lane {
    pub(crate) gate: Gate,
    /// How each stream goes, the last for all that follow.
    streams: Arc<Mutex<Vec<Stream>>>,
}

/// How a stream goes.
#[derive(Debug, Clone)]
pub(crate) enum Stream {
    /// All events from the wanted one on, and an orderly end.
    All(Vec<Value>),
    /// The same up to this number, and an orderly end.
    Until(Vec<Value>, u64),
    /// The same, cut in the middle.
    Cut(Vec<Value>, u64),
    /// The same, and then nothing.
    Hold(Vec<Value>, u64),
    /// No stream: this.
    Other(Reply),
}

/// The events of these, numbered.
pub(crate) fn events(what: &[Value]) -> Vec<Value> {
    let numbered = what.iter().enumerate().map(|(n, what)| {
        let mut event = json!({ "n": n, "at": "2026-11-22T18:00:00.000Z" });
        let (event_map, what) = (event.as_object_mut().unwrap(), what.as_object().unwrap());
        event_map.extend(what.clone());
        event
    });
    numbered.collect()
}

/// The end with this exit code.
pub(crate) fn end(code: i32) -> Value {
    json!({ "end": { "how": "exited", "code": code } })
}

/// A line of standard output.
pub(crate) fn out(line: &str) -> Value {
    json!({ "stdout": line })
}

/// A command as a gate tells of it.
pub(crate) fn task(state: &str) -> Value {
    json!({
        "id": "7", "client": "jump01", "address": "10.20.1.5", "request": "C-7-1",
        "command": "security external-ssl list", "permission": "security.external-ssl.list",
        "arguments": ["tsm", "security", "external-ssl", "list"], "state": state,
        "queued_at": "2026-11-22T18:00:00.000Z", "events": 2, "output_bytes": 40,
    })
}

impl Lane {
    /// One whose command has these events.
    pub(crate) fn of(what: &[Value]) -> Self {
        Self::streaming(vec![Stream::All(events(what))])
    }

    /// One whose streams go so, one after the other.
    pub(crate) fn streaming(streams: Vec<Stream>) -> Self {
        let streams = Arc::new(Mutex::new(streams));
        let next = Arc::clone(&streams);
        let gate = Gate::start(move |seen| answer(seen, &next));
        Self { gate, streams }
    }

    /// The program, asking this gate. Its options come after the words.
    pub(crate) fn asked(&self, arguments: &[&str]) -> Command {
        at(&self.gate, arguments)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.asked(arguments))
    }

    /// A file of the owner's alone, beside the certificates.
    pub(crate) fn private(&self, name: &str, text: &str) {
        let path = self.gate.certificates.path(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// What was asked, without the bodies.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.gate.seen().into_iter().map(|seen| seen.line).collect()
    }

    /// The orders that came.
    pub(crate) fn orders(&self) -> Vec<Value> {
        let posts = self.gate.seen().into_iter().filter(|seen| !seen.body.is_empty());
        posts.map(|seen| serde_json::from_str(&seen.body).unwrap()).collect()
    }

    /// How many streams are left that were not the last.
    pub(crate) fn left(&self) -> usize {
        self.streams.lock().unwrap().len()
    }
}

fn answer(seen: &Seen, streams: &Mutex<Vec<Stream>>) -> Reply {
    let (method, path) = seen.line.split_once(' ').unwrap();
    match (method, path) {
        ("POST", "/v1/commands") => {
            let order: Value = serde_json::from_str(&seen.body).unwrap();
            let mut task = task("queued");
            task["command"] = order["command"].clone();
            let headers = "Content-Type: application/json\r\nlocation: /v1/commands/7\r\n";
            Reply::Bytes(bytes("202 Accepted", headers, &task.to_string()))
        }
        ("POST", "/v1/commands/check") => Reply::json(
            &json!({
                "arguments": ["tsm", "security", "it's", "--passphrase", "********"],
                "permission": "security.external-ssl.enable", "role": "tls-admin",
                "permitted": true, "run_most_seconds": 2100, "ahead": 1,
            })
            .to_string(),
        ),
        ("POST", "/v1/commands/7/cancel") => {
            let headers = "Content-Type: application/json\r\n";
            Reply::Bytes(bytes("202 Accepted", headers, &task("running").to_string()))
        }
        ("GET", "/v1/commands") => {
            Reply::json(&json!({ "commands": [task("running")] }).to_string())
        }
        ("GET", "/v1/commands/7") => Reply::json(&task("running").to_string()),
        ("GET", path) if path.starts_with("/v1/commands/7/output?from=") => {
            let from: u64 = path.rsplit('=').next().unwrap().parse().unwrap();
            let mut streams = streams.lock().unwrap();
            let stream = if streams.len() > 1 {
                streams.remove(0)
            } else {
                streams.first().unwrap().clone()
            };
            stream.reply(from)
        }
        _ => Reply::refused(404, "unknown_id", "", r#"{"error":{"code":"unknown_id"}}"#),
    }
}

impl Stream {
    fn reply(self, from: u64) -> Reply {
        let lines = |events: &[Value], until: u64| -> Vec<u8> {
            let wanted = events.iter().filter(|event| {
                let n = event["n"].as_u64().unwrap();
                (from..until).contains(&n)
            });
            let body: String = wanted.map(|event| format!("{event}\n")).collect();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\
                        Transfer-Encoding: chunked\r\n\r\n";
            let mut made = head.as_bytes().to_vec();
            if !body.is_empty() {
                made.extend(format!("{:x}\r\n{body}\r\n", body.len()).into_bytes());
            }
            made
        };
        let whole = |mut bytes: Vec<u8>| {
            bytes.extend(b"0\r\n\r\n");
            Reply::Bytes(bytes)
        };
        match self {
            Self::All(events) => whole(lines(&events, u64::MAX)),
            Self::Until(events, until) => whole(lines(&events, until)),
            Self::Cut(events, until) => Reply::Cut(lines(&events, until)),
            Self::Hold(events, until) => Reply::Hold(lines(&events, until)),
            Self::Other(reply) => reply,
        }
    }
}
