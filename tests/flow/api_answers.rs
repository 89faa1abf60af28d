//! What a client may use up, what every answer carries, and giving a raw session back.

use serde_json::json;
use tests::http::{Answer, Http, find};
use tests::scene::entry;
use tests::{Scene, SceneOptions, wait};
use tsmsim::ApiBehaviour;

use crate::api_support::{STATUS, asked, lane, open, told};

const MONITOR: &str = "[\"monitor\"]";

/// R22: a client has no more requests under way than it may, and others are not held up by them
#[tokio::test]
async fn a_client_has_a_bounded_number_of_requests_under_way() {
    let clients = entry("jump01", MONITOR) + &entry("other", MONITOR);
    let options = SceneOptions {
        rest: clients,
        client_limits: "in_flight = 2\nrequests = { per_minute = 60000, burst = 1000 }".into(),
        ..lane(MONITOR, "call = \"5s\"")
    };
    let scene = Scene::with(options).await;
    assert_eq!(asked(&scene, "GET", STATUS, b"").await.0, 200);
    scene.api().behave(ApiBehaviour::Silent);
    let peer = scene.peer("jump01");
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let peer = peer.clone();
            tokio::spawn(async move { Http::open(&peer).await.unwrap().get(STATUS).await.unwrap() })
        })
        .collect();
    scene.tsm.wait_until(wait::PATIENCE, |counts| counts.requests == 3).await.unwrap();
    scene.api().behave(ApiBehaviour::Honest);
    let mut third = open(&scene).await;
    let answer = third.get(STATUS).await.unwrap();
    assert_eq!(told(&answer), (429, "over_limit".to_owned()));
    assert_eq!(answer.field("retry-after"), Some("1"));
    assert_eq!(scene.tsm.counts().requests, 3);
    let mut other = Http::open(&scene.peer("other")).await.unwrap();
    assert_eq!(other.get(STATUS).await.unwrap().status, 200);
    for request in waiting {
        assert_eq!(request.await.unwrap().status, 504);
    }
    assert_eq!(third.get(STATUS).await.unwrap().status, 200);
}

/// R22: a client's rate is one for all its connections and for what it may not as well; a request that asks
/// for nothing that there is uses it up too
#[tokio::test]
async fn a_client_has_a_rate_of_requests() {
    let options = SceneOptions {
        client_limits: "requests = { per_minute = 1, burst = 4 }".into(),
        ..lane(MONITOR, "")
    };
    let scene = Scene::with(options).await;
    let mut http = open(&scene).await;
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    assert_eq!(http.ask("POST", "/api/0.5/disable", "", b"").await.unwrap().status, 403);
    assert_eq!(http.get("/api/0.5/nothing").await.unwrap().status, 404);
    assert_eq!(open(&scene).await.get("/v1/permissions").await.unwrap().status, 200);
    for mut http in [http, open(&scene).await] {
        for path in [STATUS, "/v1/whoami", "/api/0.5/nothing"] {
            let answer = http.get(path).await.unwrap();
            assert_eq!(told(&answer), (429, "over_limit".to_owned()), "{path}");
            let wait: u64 = answer.field("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
    }
    assert_eq!(scene.tsm.counts().requests, 1);
}

/// What every answer has to carry, and what none may.
fn is_proper(answer: &Answer, what: &str) {
    let once = |name: &str, value: &str| {
        let values: Vec<_> =
            answer.fields.iter().filter(|(own, _)| own == name).map(|(_, own)| own).collect();
        assert_eq!(values, [value], "{name} in {what}");
    };
    once("cache-control", "no-store");
    once("x-content-type-options", "nosniff");
    once("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    assert!(answer.field("tsmgate-request").is_some(), "{what}");
    let known = [
        "content-type",
        "content-length",
        "transfer-encoding",
        "connection",
        "tsmgate-request",
        "cache-control",
        "x-content-type-options",
        "content-security-policy",
        "tsmgate-reason",
        "date",
        "retry-after",
        "allow",
        "location",
    ];
    for (name, _) in &answer.fields {
        assert!(known.contains(&name.as_str()), "{name} in {what}");
    }
}

/// R66: every kind of answer is not to be stored and not to be guessed at, and an error of the gate's names no
/// other endpoint
#[tokio::test]
async fn every_answer_is_proper_and_no_error_is_a_directory() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    let requests: &[(&str, &str, &str, &[u8], u16)] = &[
        ("GET", STATUS, "", b"", 200),
        ("GET", "/v1/whoami", "", b"", 200),
        ("GET", "/v1/permissions", "", b"", 200),
        ("GET", "/v1/other", "", b"", 404),
        ("GET", "/", "", b"", 400),
        ("GET", "/api/0.5", "", b"", 404),
        ("GET", "/api/0.5/", "", b"", 400),
        ("GET", "/api/0.5/export", "", b"", 403),
        ("POST", "/api/0.5/disable", "", b"", 403),
        ("GET", "/api/0.5/../v1/whoami", "", b"", 400),
        ("POST", "/api/0.5/login", "", b"", 403),
        ("PUT", STATUS, "", b"", 405),
        ("PUT", "/v1/whoami", "", b"", 405),
        ("GET", "/api/0.5/asyncJobs/x", "", b"", 400),
        ("GET", "/api/0.5/asyncJobs?x=1", "", b"", 400),
        ("GET", STATUS, "", b"{}", 400),
        ("POST", "/v1/logout", "", b"{}", 403),
        ("POST", "/api/0.5/disable", "origin: https://x\r\n", b"", 403),
        ("GET", STATUS, "expect: 100-continue\r\n", b"x", 417),
        ("GET", STATUS, "bad header\r\n", b"", 400),
    ];
    for (method, path, lines, body, status) in requests {
        let what = format!("{method} {path} {lines}");
        let answer = open(&scene).await.ask(method, path, lines, body).await.unwrap();
        assert_eq!(answer.status, *status, "{what} {answer:?}");
        is_proper(&answer, &what);
        if answer.code().is_some() {
            let text = String::from_utf8(answer.body.clone()).unwrap();
            for name in
                ["/v1", "/api", "whoami", "logout", "export", "status\"", "nodes", "127.0.0.1"]
            {
                assert!(!text.contains(name), "{name} in the answer to {what}: {text}");
            }
            assert!(text.len() < 400, "{text}");
        }
    }
    for behaviour in [
        ApiBehaviour::Html(502),
        ApiBehaviour::Empty(204),
        ApiBehaviour::Empty(304),
        ApiBehaviour::Status(500),
        ApiBehaviour::Gzip,
        ApiBehaviour::Plant(tsmsim::Place::SetCookie),
    ] {
        scene.api().behave(behaviour.clone());
        let answer = open(&scene).await.get(STATUS).await.unwrap();
        is_proper(&answer, &format!("{behaviour:?}"));
    }
    scene.api().behave(ApiBehaviour::Unauthorized);
    is_proper(&open(&scene).await.get(STATUS).await.unwrap(), "401");
}

/// A raw session that the login lane gave is ended by whoever has its cookie and the permission, twice if he
/// likes; the gate's own is not touched by that.
#[tokio::test]
async fn a_raw_session_is_given_back() {
    let clients = entry("jump01", "[\"monitor\", \"login\"]") + &entry("other", MONITOR);
    let scene = Scene::with(SceneOptions { rest: clients, ..lane(MONITOR, "") }).await;
    let mut http = open(&scene).await;
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    let own = scene.tsm.cookies().pop().unwrap();
    let raw = scene.peer("jump01").cookie().await;
    assert!(scene.api().is_open(&raw) && raw != own);
    let body = json!({ "cookie": raw }).to_string();
    let refused = Http::open(&scene.peer("other"))
        .await
        .unwrap()
        .ask("POST", "/v1/logout", "", body.as_bytes())
        .await;
    let refused = refused.unwrap();
    assert_eq!(told(&refused), (403, "not_permitted".to_owned()));
    assert_eq!(refused.json()["error"]["permission"], "login");
    assert!(scene.api().is_open(&raw));
    for _ in 0..2 {
        let answer = http.ask("POST", "/v1/logout", "", body.as_bytes()).await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (204, 0));
        assert!(!scene.api().is_open(&raw));
        assert!(scene.api().is_open(&own));
    }
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    assert_eq!(scene.tsm.counts().cookies, 2, "the gate's session stays");
    let audit = scene.audit();
    let logouts: Vec<_> =
        audit.iter().filter(|line| line["tsmgate.operation"] == "logout").collect();
    let granted = audit
        .iter()
        .find(|line| line["event.action"] == "login" && line["tsmgate.phase"] == "outcome");
    let fingerprint = &granted.unwrap()["tsmgate.cookie.fingerprint"];
    assert_eq!(logouts.len(), 4);
    assert!(logouts.iter().all(|line| line["tsmgate.cookie.fingerprint"] == *fingerprint));
    let text = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    assert!(raw.as_bytes().windows(24).all(|part| find(text.as_bytes(), part).is_none()));
    // the gate's own cookie, should somebody have it, is worth as much: it is TSM's rule
    let body = json!({ "cookie": own }).to_string();
    assert_eq!(http.ask("POST", "/v1/logout", "", body.as_bytes()).await.unwrap().status, 204);
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    assert_eq!(scene.tsm.counts().cookies, 3);
}

/// What is no logout's body never reaches TSM, and is not repeated to anybody.
#[tokio::test]
async fn a_logout_takes_one_cookie_and_nothing_else() {
    let scene = Scene::with(lane("[\"login\"]", "")).await;
    let long = format!("{{\"cookie\":\"CANARY{}\"}}", "x".repeat(20_000));
    let cases: &[(&[u8], u16, &str)] = &[
        (b"", 400, "body_not_json"),
        (b"CANARY", 400, "body_not_json"),
        (b"[]", 400, "body_not_json"),
        (b"{}", 400, "body_not_json"),
        (b"{\"cookie\":\"\"}", 400, "body_not_json"),
        (b"{\"cookie\":1}", 400, "body_not_json"),
        (b"{\"cookie\":\"CANARY\",\"more\":1}", 400, "body_not_json"),
        (b"{\"cookie\":\"CANARY\",\"cookie\":\"CANARY\"}", 400, "body_not_json"),
        (b"{\"cookie\":\"CANARY; Path=/\"}", 400, "body_not_json"),
        (b"{\"cookie\":\"CANARY\\r\\nX: y\"}", 400, "body_not_json"),
        (b"{\"cookie\":\"CANARY\\u0000\"}", 400, "body_not_json"),
        (b"{\"cookie\":\"CANARY\"} x", 400, "body_not_json"),
        (long.as_bytes(), 413, "body_too_large"),
    ];
    for (body, status, code) in cases {
        let answer = open(&scene).await.ask("POST", "/v1/logout", "", body).await.unwrap();
        assert_eq!(
            told(&answer),
            (*status, (*code).to_owned()),
            "{}",
            String::from_utf8_lossy(body)
        );
        assert!(find(&answer.body, b"CANARY").is_none());
    }
    let mut http = open(&scene).await;
    assert_eq!(http.get("/v1/logout").await.unwrap().status, 405);
    scene.nothing_reached_tsm();
    let audit = std::fs::read(scene.path("log/audit.jsonl")).unwrap();
    assert!(find(&audit, b"CANARY").is_none());
    // what could be one is passed on, in a header that holds it alone
    let answer = http.ask("POST", "/v1/logout", "", b"{\"cookie\":\"never-given\"}").await.unwrap();
    assert_eq!(answer.status, 204);
    let seen = scene.tsm.requests();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header("cookie"), Some("AUTH_COOKIE=never-given"));
    assert_eq!(scene.tsm.counts().connections, 0, "no session of the gate's is taken for that");
}
