//! What is on record of each decision, whatever text others put into it, and how much of it.

use rcgen::SanType;
use serde_json::Value;
use tests::peer::{call, refusal_of};
use tests::scene::entry;
use tests::{Authority, Scene, SceneOptions, wait};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tsmsim::{Simulator, SimulatorOptions};

use crate::support::{clients, in_words, phase, refusal_of_client};

fn with_monitor() -> SceneOptions {
    let rest = clients(["jump01"]) + &entry("watcher", "[\"monitor\"]");
    SceneOptions { rest, ..SceneOptions::default() }
}

fn has(record: &Value, fields: &[&str]) {
    for field in fields {
        assert!(!record[field].is_null(), "{field} is missing in {record}");
    }
}

/// R41: every decision is one JSON line with its time, its number and what it was
#[tokio::test]
async fn each_decision_is_one_line_that_says_what_it_was() {
    let mut scene = Scene::with(with_monitor()).await;
    let identity = scene.authority.client("jump01");
    scene.peer_with(Some(&identity)).cookie().await;
    assert_eq!(in_words(scene.peer("watcher").login().await.unwrap()), "not_authorized");
    scene.peer("nobody").refusal().await;
    scene.refusal("client_unknown").await;
    scene.stop().await;

    let lines = scene.audit();
    for (number, line) in (1_u64..).zip(&lines) {
        assert_eq!(line["event.sequence"], number);
        let time = line["@timestamp"].as_str().unwrap();
        let age = OffsetDateTime::now_utc() - OffsetDateTime::parse(time, &Rfc3339).unwrap();
        assert!((-1.0..60.0).contains(&age.as_seconds_f64()), "{time}");
        let head = ["event.kind", "event.category", "event.action", "event.outcome"];
        has(line, &head);
        has(line, &["tsmgate.audit.previous"]);
    }
    let mut actions: Vec<_> =
        lines.iter().map(|line| line["event.action"].as_str().unwrap()).collect();
    assert_eq!((actions.first(), actions.last()), (Some(&"start"), Some(&"stop")));
    actions.sort_unstable();
    let expected = ["connection", "connection", "login", "login", "refused", "refused"];
    assert_eq!(actions[..6], expected);
    assert_eq!(actions.len(), 8);

    let start = &scene.records("start")[0];
    has(start, &["tsmgate.version", "server.address"]);
    assert_eq!(start["tsmgate.closed"], false);
    scene.verify();
}

/// R41: a call's two records name the connection, the caller, its certificate, its role and the outcome
#[tokio::test]
async fn a_call_is_on_record_with_who_and_how() {
    let scene = Scene::start().await;
    let identity = scene.authority.client("jump01");
    let peer = scene.peer_with(Some(&identity)).from("127.0.0.7");
    let mut stream = peer.connect().await.unwrap();
    let port = stream.get_ref().0.local_addr().unwrap().port();
    call(&mut stream, 1).await.unwrap();
    let connection = scene.records("connection").remove(0);
    let fingerprint = tsmgate_server::digest::sha256(&identity.certificates()[0]);
    for record in scene.records("login").iter().chain([&connection]) {
        assert_eq!(record["source.ip"], "127.0.0.7");
        assert_eq!(record["source.port"], port);
        assert_eq!(record["client.user.name"], "jump01");
        assert_eq!(record["client.user.roles"][0], "login");
        assert_eq!(record["tls.client.x509.serial_number"], identity.serial);
        let hash = data_encoding::HEXUPPER.encode(&fingerprint);
        assert_eq!(record["tls.client.hash.sha256"], hash);
        let names = &record["tls.client.x509.alternative_names"];
        assert_eq!(*names, serde_json::json!(["tsmgate://client/jump01"]));
        assert_eq!(record["tsmgate.connection"], connection["tsmgate.connection"]);
    }
    for record in scene.records("login") {
        assert_eq!(record["tsmgate.permission"], "login");
        assert_eq!(record["tsmgate.role"], "login");
    }
    let outcome = &phase(&scene, "outcome")[0];
    has(outcome, &["event.duration", "tsmgate.cookie.fingerprint"]);
}

/// R41: one cookie has one fingerprint, another has another, and neither says anything of it
#[tokio::test]
async fn a_cookie_is_named_by_a_fingerprint() {
    let scene = Scene::start().await;
    for _ in 0..3 {
        scene.peer("jump01").cookie().await;
    }
    let mut names: Vec<_> = phase(&scene, "outcome")
        .iter()
        .map(|record| record["tsmgate.cookie.fingerprint"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 3);
    for cookie in scene.tsm.cookies() {
        let plain =
            data_encoding::HEXLOWER.encode(&tsmgate_server::digest::sha256(cookie.as_bytes()));
        assert!(names.iter().all(|name| !plain.starts_with(name.as_str())), "no key in it");
    }
}

/// R43: a certificate's name with control bytes is escaped in the record, and forges no line
#[tokio::test]
async fn a_hostile_name_in_a_certificate_is_escaped() {
    let scene = Scene::start().await;
    let hostile = "tsmgate://x\u{1b}[2J\r\n{\"event.action\":\"login\"}\u{7f}\0";
    let identity = scene.authority.client_with("x", |params| {
        params.subject_alt_names = vec![SanType::URI(hostile.try_into().unwrap())];
    });
    let refusal = scene.peer_with(Some(&identity)).refusal().await;
    assert_eq!(refusal, "AccessDenied");
    let record = wait::until("the refusal", || async { scene.records("refused").pop() }).await;
    assert_eq!(record["event.reason"], "certificate_names");
    let name = record["tls.client.x509.alternative_names"][0].as_str().unwrap();
    let safe = r#"tsmgate://x\u{1b}[2J\u{d}\u{a}{"event.action":"login"}\u{7f}\u{0}"#;
    assert_eq!(name, safe);
    assert_eq!(scene.records("login").len(), 0, "a line was forged");
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
    scene.verify();
}

/// R43: a certificate's name of 300 bytes is cut at 256, in the DNS name as in the URI
#[tokio::test]
async fn a_long_name_in_a_certificate_is_cut() {
    let scene = Scene::start().await;
    let long = "a".repeat(300);
    let identity = scene.authority.client_with("x", |params| {
        params.subject_alt_names = vec![
            SanType::URI(long.as_str().try_into().unwrap()),
            SanType::DnsName(long.as_str().try_into().unwrap()),
        ];
    });
    scene.peer_with(Some(&identity)).refusal().await;
    let record = scene.refusal("client_unknown").await;
    for kind in [0, 1] {
        let name = record["tls.client.x509.alternative_names"][kind].as_str().unwrap();
        assert_eq!(name, format!("{}…", "a".repeat(253)), "{kind}");
    }
    scene.peer("jump01").cookie().await;
}

/// R43: a certificate's name that is not ASCII is refused, and none of it is in the file
#[tokio::test]
async fn a_name_beyond_ascii_in_a_certificate_is_refused() {
    let scene = Scene::start().await;
    let texts: [&[u8]; 3] = ["\u{202e}tset".as_bytes(), "\u{9b}31m".as_bytes(), b"\xff\xfe"];
    for text in texts {
        let uri = [b"tsmgate://", text].concat();
        let identity = scene.authority.client_with("x", |params| {
            params.subject_alt_names = Vec::new();
            params.custom_extensions.push(subject_alternative_uri(&uri));
        });
        let error = scene.peer_with(Some(&identity)).login().await.unwrap_err();
        assert_ne!(refusal_of(&error), "closed", "refused within the handshake");
    }
    scene.refusal("certificate_invalid").await;
    let bytes = std::fs::read(scene.path("log/audit.jsonl")).unwrap();
    assert!(bytes.is_ascii(), "text of a certificate's is in the file as it came");
    scene.nothing_reached_tsm();
}

fn subject_alternative_uri(uri: &[u8]) -> rcgen::CustomExtension {
    let length = u8::try_from(uri.len()).unwrap();
    let name = [&[0x86, length][..], uri].concat();
    let names = [&[0x30, length + 2][..], &name].concat();
    rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 17], names)
}

/// R43: a user name of TSM's with escape sequences, directions and line ends is escaped in the record
#[tokio::test]
async fn a_hostile_user_name_of_tsm_is_escaped() {
    let options = SceneOptions { tsm_running: false, ..SceneOptions::default() };
    let scene = Scene::of(Authority::new("tests"), options).await;
    let username = "svc\u{1b}[31m\r\n\u{85}\u{9b}\u{202e}\u{2066}\u{200f}\u{7f}\0é".to_owned();
    let simulator = SimulatorOptions::new(scene.path("tsm/login"));
    let tsm = Simulator::start(SimulatorOptions { username, ..simulator }).await.unwrap();
    scene.peer("jump01").cookie().await;
    let name = &phase(&scene, "outcome")[0]["tsmgate.tsm.username"];
    let safe = r"svc\u{1b}[31m\u{d}\u{a}\u{85}\u{9b}\u{202e}\u{2066}\u{200f}\u{7f}\u{0}é";
    assert_eq!(name, safe);
    scene.verify();
    drop(tsm);
}

/// R44: hundreds of refusals of one client for one reason are one line at once, and a sum in the end
#[tokio::test]
async fn hundreds_of_refusals_are_one_line_and_a_sum() {
    let login = "per_connection = 1000".to_owned();
    let mut scene = Scene::with(SceneOptions {
        login,
        rest: entry("watcher", "[\"monitor\"]") + &entry("other", "[\"monitor\"]"),
        ..SceneOptions::default()
    })
    .await;
    for (client, count) in [("watcher", 300), ("other", 3)] {
        let mut stream = scene.peer(client).connect().await.unwrap();
        for sequence in 0..count {
            let answer = in_words(call(&mut stream, sequence).await.unwrap());
            assert_eq!(answer, "not_authorized");
        }
        refusal_of_client(&scene, client, "permission_missing").await;
    }
    assert_eq!(scene.records("refused").len(), 2);
    scene.stop().await;
    let mut sums = scene.records("refused");
    sums.retain(|record| record["tsmgate.count"].is_u64());
    for (client, count) in [("watcher", 299), ("other", 2)] {
        let sum = sums.iter().find(|sum| sum["client.user.name"] == client).unwrap();
        assert_eq!(sum["event.reason"], "permission_missing");
        assert_eq!(sum["tsmgate.count"], count);
        has(sum, &["event.duration"]);
    }
    assert_eq!(scene.records("refused").len(), 4);
    scene.nothing_reached_tsm();
    scene.verify();
}
