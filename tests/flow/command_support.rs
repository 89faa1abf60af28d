//! A caller of the command lane: orders as JSON, events as they come.

use serde_json::{Value, json};
use tests::http::{Answer, Http};
use tests::{Peer, Scene, wait};

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
