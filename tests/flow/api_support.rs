//! What the tests of the api lane say again and again: a lane with its limits, every byte that a caller
//! gets, how requests ended on record.

use serde_json::Value;
use tests::http::{Answer, Http, find};
use tests::peer::{rest, send};
use tests::{Peer, Scene, SceneOptions};
use tsmsim::Api;

/// The path of TSM's status.
pub const STATUS: &str = "/api/0.5/status";

/// An api lane with these lines for `[limits.http]`, and a client `jump01` with these roles.
pub fn lane(roles: &str, http: &str) -> SceneOptions {
    SceneOptions { http: http.into(), ..SceneOptions::api(roles) }
}

/// Roles with everything in them that the lane knows.
pub const EVERYTHING: &str = "[\"raw\"]\n\n[[role]]\nname = \"raw\"\npermissions = [\"api.raw\", \
     \"config.read\", \"status.read\", \"nodes.read\"]";

/// The same, and secrets in clear.
pub const SECRETS: &str = "[\"raw\"]\n\n[[role]]\nname = \"raw\"\npermissions = [\"api.raw\", \
     \"config.read\", \"config.secrets\", \"status.read\", \"nodes.read\"]";

/// The lane open for requests.
pub async fn open(scene: &Scene) -> Http {
    Http::open(&scene.peer("jump01")).await.unwrap()
}

/// The status and the gate's own code of an answer.
pub fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code().unwrap_or_default())
}

/// What a request comes to.
pub async fn asked(scene: &Scene, method: &str, path: &str, body: &[u8]) -> (u16, String) {
    told(&open(scene).await.ask(method, path, "", body).await.unwrap())
}

/// Every byte that a peer gets for one request on a connection of its own, until the end.
pub async fn every_byte(
    peer: &Peer,
    method: &str,
    path: &str,
    lines: &str,
    body: &[u8],
) -> Vec<u8> {
    let mut stream = peer.clone().offering(&["http/1.1"]).connect().await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n{lines}content-length: {}\r\n\r\n",
        body.len()
    );
    let head = if body.is_empty() { head.replace("content-length: 0\r\n", "") } else { head };
    send(&mut stream, &[head.as_bytes(), body].concat()).await.unwrap();
    rest(&mut stream).await.0
}

/// TSM's controller itself, for whoever has a cookie.
pub fn directly(api: &Api) -> Peer {
    Peer::new(api.address(), api.certificate(), None)
}

/// How each request ended, in order: `success`, or the code of the failure.
pub fn outcomes(scene: &Scene) -> Vec<String> {
    let mut records = scene.records("request");
    records.retain(|record| record["tsmgate.phase"] == "outcome");
    let name = |record: &Value| match record["event.outcome"].as_str().unwrap() {
        "success" => "success".to_owned(),
        _ => record["event.reason"].as_str().unwrap().to_owned(),
    };
    records.iter().map(name).collect()
}

/// What became of the gate's sessions, in order.
pub fn sessions(scene: &Scene) -> Vec<String> {
    let word = |record: Value| record["tsmgate.session"].as_str().unwrap().to_owned();
    scene.records("session").into_iter().map(word).collect()
}

/// An answer of known length in all the bytes that a peer got.
pub fn whole_of(bytes: &[u8]) -> Answer {
    let end = find(bytes, b"\r\n\r\n").expect("a header") + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap().trim_end();
    let (first, lines) = head.split_once("\r\n").unwrap();
    let fields = lines
        .split("\r\n")
        .map(|line| line.split_once(": ").expect(line))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let answer =
        Answer { status: first[9..12].parse().unwrap(), fields, body: bytes[end..].to_vec() };
    assert_eq!(answer.field("content-length"), Some(&*answer.body.len().to_string()), "{answer:?}");
    answer
}
