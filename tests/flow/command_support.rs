//! A caller of the command lane: orders as JSON, events as they come.

use serde_json::{Value, json};
use tests::http::{Answer, Http, find};
use tests::peer::{Stream, send, within};
use tests::{Peer, Runner, Scene, SceneOptions, wait};
use tokio::io::AsyncReadExt;

/// An order of this command with these options: name and value, where it has one.
pub fn order(command: &str, options: &[(&str, Option<&str>)]) -> Value {
    let option = |(name, value): &(&str, Option<&str>)| match value {
        Some(value) => json!({"name": name, "value": value}),
        None => json!({"name": name}),
    };
    json!({"command": command, "options": options.iter().map(option).collect::<Vec<_>>()})
}

/// An option with a file.
pub fn file(name: &str, file: &str, content: &[u8]) -> Value {
    json!({"name": name, "file": {"name": file, "content": data_encoding::BASE64.encode(content)}})
}

/// Asks for a command.
pub async fn start(peer: &Peer, order: &Value) -> Answer {
    let mut http = Http::open(peer).await.unwrap();
    let body = serde_json::to_vec(order).unwrap();
    http.ask("POST", "/v1/commands", "", &body).await.unwrap()
}

/// Asks for a command that is taken; its number.
pub async fn started(peer: &Peer, order: &Value) -> String {
    let answer = start(peer, order).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.field("location"), Some(&*format!("/v1/commands/{id}")));
    id
}

/// All events of a command from that number on, to its end.
pub async fn output(peer: &Peer, id: &str, from: u64) -> Vec<Value> {
    let mut http = Http::open(peer).await.unwrap();
    let answer = http.get(&format!("/v1/commands/{id}/output?from={from}")).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.field("content-type"), Some("application/x-ndjson"));
    let text = String::from_utf8(answer.body).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What events say on one stream, a line each.
pub fn lines(events: &[Value], stream: &str) -> Vec<String> {
    events.iter().filter_map(|event| event[stream].as_str().map(str::to_owned)).collect()
}

/// Runs a command to its end: its exit code and its events.
pub async fn run(peer: &Peer, order: &Value) -> (i64, Vec<Value>) {
    let id = started(peer, order).await;
    let events = output(peer, &id, 0).await;
    let end = &events.last().unwrap()["end"];
    assert_eq!(end["how"], "exited", "{events:?}");
    (end["code"].as_i64().unwrap(), events)
}

/// Waits for the record of that command's end.
pub async fn ended(scene: &Scene, id: &str) -> Value {
    wait::until("the record of the end", || async {
        let of_it = |record: &Value| record["tsmgate.command.id"] == id;
        scene.records("command-ended").into_iter().find(of_it)
    })
    .await
}

/// A scene for commands with more clients and roles beside `jump01` and its own.
pub fn lane(roles: &str, more: &str) -> SceneOptions {
    let options = SceneOptions::commands(roles);
    let rest = format!("{}{more}", options.rest);
    SceneOptions { rest, ..options }
}

/// Shell words that wait for the scene's file `go`, and not for longer than a test may take.
pub fn until_go(scene: &Scene) -> String {
    let go = scene.path("go");
    format!(
        "i=0; while [ ! -e {} ] && [ $i -lt 1200 ]; do sleep 0.05; i=$((i+1)); done",
        go.display()
    )
}

/// Has them go on.
pub fn go(scene: &Scene) {
    std::fs::write(scene.path("go"), "").unwrap();
}

/// Waits for a line of the runner's log with this text.
pub async fn said(runner: &Runner, text: &str) {
    wait::until(&format!("`{text}` in the runner's log"), || async {
        runner.log().iter().any(|line| line.contains(text)).then_some(())
    })
    .await;
}

/// A client and a role of the same name, which gives one permission.
pub fn role_of(name: &str, permission: &str) -> String {
    let client = tests::scene::entry(name, &format!("[\"{name}\"]"));
    format!("{client}[[role]]\nname = \"{name}\"\npermissions = [\"{permission}\"]\n")
}

/// A command's state at the runner, as its caller sees it.
pub async fn task(peer: &Peer, id: &str) -> Value {
    let mut http = Http::open(peer).await.unwrap();
    http.get(&format!("/v1/commands/{id}")).await.unwrap().json()
}

/// Waits until a command stands there.
pub async fn until(peer: &Peer, id: &str, state: &str) -> Value {
    let what = format!("the command `{state}`");
    wait::until(&what, || async {
        let task = task(peer, id).await;
        (task["state"] == state).then_some(task)
    })
    .await
}

/// The status and the gate's own code of an answer.
pub fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code().unwrap_or_default())
}

/// An output as it comes.
pub struct Follow {
    /// The stream, for who writes to it.
    pub stream: Stream,
    raw: Vec<u8>,
    body: Vec<u8>,
    /// Whether the last chunk came.
    pub whole: bool,
}

impl Follow {
    /// Asks for an output, and reads the header of the answer.
    pub async fn open(peer: &Peer, id: &str, from: u64) -> Self {
        let stream = peer.clone().offering(&["http/1.1"]).connect().await.unwrap();
        let mut follow = Self { stream, raw: Vec::new(), body: Vec::new(), whole: false };
        let head =
            format!("GET /v1/commands/{id}/output?from={from} HTTP/1.1\r\nhost: gate\r\n\r\n");
        send(&mut follow.stream, head.as_bytes()).await.unwrap();
        let end = loop {
            match find(&follow.raw, b"\r\n\r\n") {
                Some(end) => break end,
                None => assert!(follow.more().await, "{}", follow.raw.escape_ascii()),
            }
        };
        let head: Vec<u8> = follow.raw.drain(..end + 4).collect();
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
        follow
    }

    /// The next event; `None` where no more comes, of which [`Self::whole`] says whether that was its end.
    pub async fn event(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = find(&self.body, b"\n") {
                let line: Vec<u8> = self.body.drain(..=end).collect();
                // an empty one says that all is well
                if line.len() > 1 {
                    return Some(serde_json::from_slice(&line).unwrap());
                }
            } else if self.whole || !self.chunk().await {
                return None;
            }
        }
    }

    /// Waits for a line of standard output.
    pub async fn line(&mut self, line: &str) {
        while let Some(event) = self.event().await {
            if event["stdout"] == line {
                return;
            }
        }
        panic!("the output ended before `{line}`");
    }

    /// All that comes until no more does.
    pub async fn rest(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(event) = self.event().await {
            events.push(event);
        }
        events
    }

    /// The connection, for what comes behind the stream.
    pub fn behind(self) -> Http {
        assert!(self.whole && self.body.is_empty());
        Http::with(self.stream, self.raw)
    }

    /// Reads one chunk; `false` where the connection is over.
    async fn chunk(&mut self) -> bool {
        loop {
            let size = find(&self.raw, b"\r\n").map(|end| {
                let digits = std::str::from_utf8(&self.raw[..end]).unwrap();
                (end + 2, usize::from_str_radix(digits, 16).unwrap())
            });
            if let Some((begin, size)) = size
                && self.raw.len() >= begin + size + 2
            {
                self.body.extend_from_slice(&self.raw[begin..begin + size]);
                self.raw.drain(..begin + size + 2);
                self.whole = size == 0;
                return true;
            }
            if !self.more().await {
                return false;
            }
        }
    }

    async fn more(&mut self) -> bool {
        let mut bytes = [0; 16 * 1024];
        match within(self.stream.read(&mut bytes)).await.expect("a deadline") {
            Ok(count @ 1..) => {
                self.raw.extend_from_slice(&bytes[..count]);
                true
            }
            _ => false,
        }
    }
}
