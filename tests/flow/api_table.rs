//! Every operation of TSM's API, asked for by every built-in role and by roles that have what is given by
//! name only, through the running gate. What is expected was written by hand: [`tests::operations`].

use std::collections::BTreeMap;

use serde_json::Value;
use tests::http::{Answer, Http};
use tests::operations::{ROLES, Row, rows};
use tests::scene::entry;
use tests::{Scene, SceneOptions};

/// Roles beside the built-in ones, each with one permission.
const BY_NAME: &[&str] = &["api.raw", "config.secrets"];

/// Clients, each with the one role that it is named after, and one with none: those that are denied
/// everything first.
fn clients() -> impl Iterator<Item = &'static str> {
    ["nothing", "config.secrets"].into_iter().chain(ROLES.iter().copied()).chain(["api.raw"])
}

async fn scene() -> Scene {
    let role = |name: &&str| format!("[[role]]\nname = \"{name}\"\npermissions = [\"{name}\"]\n");
    let client = |name: &str| match name {
        "nothing" => entry(name, "[]"),
        name => entry(name, &format!("[\"{name}\"]")),
    };
    let rest = BY_NAME.iter().map(role).chain(clients().map(client)).collect();
    Scene::with(SceneOptions { rest, ..SceneOptions::api("[]") }).await
}

/// By hand: the built-in roles as the table has them, `api.raw` for what takes it, and no operation takes
/// `config.secrets`.
fn may(client: &str, row: &Row) -> bool {
    match client {
        "nothing" | "config.secrets" => false,
        "api.raw" => row.permission == "api.raw",
        role => row.roles.contains(&role),
    }
}

/// What TSM has seen until now: connections and calls of its socket, connections, bytes and requests of
/// its controller.
fn seen(scene: &Scene) -> (u64, u64, u64, u64, u64) {
    let counts = scene.tsm.counts();
    let bytes = scene.api().connections().iter().map(|one| one.received_bytes).sum();
    (counts.connections, counts.calls, counts.api_connections, counts.requests, bytes)
}

/// R57, R1: default deny, per role: an operation reaches TSM, as the table writes it and once, only where
/// the table says that the role may; and of all others TSM sees nothing
#[tokio::test]
async fn every_operation_by_every_role() {
    let mut scene = scene().await;
    let mut denied: BTreeMap<(String, &str), u64> = BTreeMap::new();
    let mut allowed = 0;
    for client in clients() {
        let mut http = Http::open(&scene.peer(client)).await.unwrap();
        for row in rows() {
            let before = seen(&scene);
            let answer = http.ask(row.method, row.target, "", b"").await.unwrap();
            let case = format!("{client}: {row:?} got {answer:?}");
            if may(client, &row) {
                allowed += 1;
                passed(&scene, before.3, &row, &answer, &case);
            } else {
                assert_eq!(seen(&scene), before, "{case}");
                let code = refused(&row, &answer, &case);
                *denied.entry((client.to_owned(), code)).or_default() += 1;
            }
        }
        if ["nothing", "config.secrets", "login"].contains(&client) {
            scene.nothing_reached_tsm();
        }
    }
    // the four built-in roles that may anything, by the table's own words, and `api.raw`
    assert_eq!(allowed, 12 + 18 + 12 + 24 + 5);
    assert_eq!(scene.tsm.counts().cookies, 1, "one session is enough");
    let requests = outcomes(&scene);
    assert_eq!(requests.len(), allowed);
    scene.stop().await;
    assert_eq!(counted(&scene), denied);
    scene.verify();
}

/// TSM saw it, once, as the table has it, and its answer is what came back; two records say so.
fn passed(scene: &Scene, before: u64, row: &Row, answer: &Answer, case: &str) {
    assert_eq!(scene.tsm.counts().requests, before + 1, "{case}");
    let request = scene.tsm.requests().pop().unwrap();
    assert_eq!((&*request.method, &*request.target), (row.method, row.target), "{case}");
    assert!(request.authorized, "{case}");
    assert_eq!((Some(answer.status), answer.code()), (request.status, None), "{case}");
    let record = outcomes(scene).pop().unwrap();
    assert_eq!(record["tsmgate.operation"], row.name, "{case}");
    assert_eq!(record["tsmgate.permission"], row.permission, "{case}");
    assert_eq!(record["http.request.method"], row.method, "{case}");
    assert_eq!(record["http.response.status_code"], answer.status, "{case}");
    assert_eq!(record["http.request.id"], answer.field("tsmgate-request").unwrap(), "{case}");
}

/// 403 that names the permission; what no row describes is not there for who lacks `api.raw`. Gives the
/// code that the audit has for it.
fn refused(row: &Row, answer: &Answer, case: &str) -> &'static str {
    let code = answer.code().unwrap_or_else(|| panic!("{case}"));
    let error = &answer.json()["error"];
    if row.name == "raw" {
        assert_eq!((answer.status, &*code), (404, "unknown_operation"), "{case}");
        assert_eq!(error["permission"], Value::Null, "{case}");
        return "not_an_operation";
    }
    assert_eq!((answer.status, &*code), (403, "not_permitted"), "{case}");
    assert_eq!(error["permission"], row.permission, "{case}");
    assert!(error["detail"].as_str().unwrap().contains(row.permission), "{case}");
    "permission_missing"
}

/// The outcomes of requests; each has its intent before it.
fn outcomes(scene: &Scene) -> Vec<Value> {
    let records = scene.records("request");
    let pairs = records.chunks(2).map(|pair| {
        assert_eq!(pair[0]["tsmgate.phase"], "intent");
        assert_eq!(pair[1]["tsmgate.phase"], "outcome");
        assert_eq!(pair[0]["http.request.id"], pair[1]["http.request.id"]);
        pair[1].clone()
    });
    pairs.collect()
}

/// How many refusals are on record, sums included, by client and code; the first of each says who it was.
fn counted(scene: &Scene) -> BTreeMap<(String, &'static str), u64> {
    let mut counted = BTreeMap::new();
    for line in scene.records("refused") {
        let client = line["client.user.name"].as_str().unwrap().to_owned();
        let code = ["permission_missing", "not_an_operation"]
            .into_iter()
            .find(|code| line["event.reason"] == *code)
            .unwrap_or_else(|| panic!("{line}"));
        if line["tsmgate.count"].is_null() {
            assert!(line["http.request.id"].is_string(), "{line}");
            assert!(line["tls.client.x509.serial_number"].is_string(), "{line}");
        }
        *counted.entry((client, code)).or_default() += line["tsmgate.count"].as_u64().unwrap_or(1);
    }
    counted
}
