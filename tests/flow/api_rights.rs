//! What a caller may is asked for each request, under what counts now; what it takes is counted; what cannot
//! be recorded does not happen; and every answer carries what every answer carries.

use std::time::Duration;

use serde_json::json;
use tests::http::{Answer, Http, find};
use tests::peer::{rest, send};
use tests::scene::entry;
use tests::{Scene, SceneOptions, wait};
use tsmsim::{ApiBehaviour, ApiOptions};

use crate::api_support::{EVERYTHING, STATUS, asked, lane, open, outcomes, told};
use crate::support::SOON;

const MONITOR: &str = "[\"monitor\"]";

async fn reload(scene: &Scene) {
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
}

/// R65: a role that is taken away between two requests of one connection: the second is refused, TSM saw the
/// first alone; given back, the third is served
#[tokio::test]
async fn a_role_is_asked_for_at_each_request() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    let mut http = open(&scene).await;
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    scene.edit("[\"monitor\"]", "[\"login\"]");
    reload(&scene).await;
    let answer = http.get(STATUS).await.unwrap();
    assert_eq!(told(&answer), (403, "not_permitted".to_owned()));
    assert_eq!(answer.json()["error"]["permission"], "status.read");
    let seen = || scene.tsm.requests().into_iter().filter(|one| one.target == STATUS).count();
    assert_eq!(seen(), 1);
    scene.edit("[\"login\"]", "[\"monitor\"]");
    reload(&scene).await;
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    assert_eq!(seen(), 2);
    assert_eq!(scene.tsm.counts().connections, 2, "one session for each that was in force");
}

/// R65: a role that is taken away while the request's body is still coming: it is refused, TSM saw nothing
#[tokio::test]
async fn a_role_is_asked_for_when_the_body_is_there() {
    let options = SceneOptions {
        api: Some(ApiOptions { assumed_routes: true, ..ApiOptions::default() }),
        ..lane(EVERYTHING, "")
    };
    let scene = Scene::with(options).await;
    let body = json!({ "configKeys": { "gateway.public.host": "here" } }).to_string();
    let path = "/api/0.5/configurations/pending/keys";
    let mut http = open(&scene).await;
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: gate\r\ncontent-length: {}\r\n\r\n", body.len());
    let (first, second) = body.split_at(10);
    send(&mut http.stream, format!("{head}{first}").as_bytes()).await.unwrap();
    // another request on another connection: by the time it is answered the first has begun
    assert_eq!(asked(&scene, "GET", "/v1/whoami", b"").await.0, 200);
    let begun = || async {
        let whoami = open(&scene).await.get("/v1/whoami").await.unwrap().json();
        (whoami["limits"]["in_flight"]["now"] == 2).then_some(())
    };
    wait::until("the request with half a body", begun).await;
    scene.edit("\"api.raw\", ", "");
    reload(&scene).await;
    let answer = http.raw(second.as_bytes()).await.unwrap();
    assert_eq!(told(&answer), (403, "not_permitted".to_owned()));
    assert_eq!(answer.json()["error"]["permission"], "api.raw");
    assert!(scene.api().pending().is_empty());
    scene.nothing_reached_tsm();
}

/// R65: who is revoked is cut in the middle of an answer; who loses `login` goes on here
#[tokio::test]
async fn who_is_revoked_is_cut_in_the_middle_of_an_answer() {
    let rest_of = entry("jump01", "[\"monitor\", \"login\"]") + "[revoked]\nserials = []\n";
    let scene = Scene::with(SceneOptions { rest: rest_of, ..lane(MONITOR, "") }).await;
    let identity = scene.authority.client("jump01");
    let peer = scene.peer_with(Some(&identity));
    let mut kept = Http::open(&peer).await.unwrap();
    assert_eq!(kept.get(STATUS).await.unwrap().status, 200);
    scene.edit("[\"monitor\", \"login\"]", "[\"monitor\"]");
    reload(&scene).await;
    assert_eq!(kept.get(STATUS).await.unwrap().status, 200);
    assert!(scene.records("cut").is_empty());
    scene.api().behave(ApiBehaviour::EndlessBody);
    send(&mut kept.stream, format!("GET {STATUS} HTTP/1.1\r\nhost: gate\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let reading = tokio::spawn(async move {
        use tokio::io::AsyncReadExt;
        let mut some = vec![0; 64 * 1024];
        let mut last = Vec::new();
        while let Ok(count @ 1..) = kept.stream.read(&mut some).await {
            last = some[..count].to_vec();
        }
        last
    });
    let streams = || async {
        let requests = scene.tsm.requests();
        (requests.last().unwrap().status == Some(200) && requests.len() >= 4).then_some(())
    };
    wait::until("the answer's beginning", streams).await;
    scene.edit("serials = []", &format!("serials = [\"{}\"]", identity.serial));
    reload(&scene).await;
    let last = tokio::time::timeout(SOON, reading).await.unwrap().unwrap();
    assert!(!last.ends_with(b"0\r\n\r\n"));
    let cut = scene.refusal("certificate_revoked").await;
    assert_eq!((&cut["event.action"], &cut["client.user.name"]), (&"cut".into(), &"jump01".into()));
    scene.verify();
}

/// R42: where a request cannot be recorded it does not happen, on any lane of HTTP
#[tokio::test]
async fn a_request_without_a_record_does_not_happen() {
    let rest = entry("jump01", "[\"monitor\", \"login\"]");
    let scene = Scene::with(SceneOptions { rest, ..lane(MONITOR, "") }).await;
    let mut http = open(&scene).await;
    std::fs::rename(scene.path("log"), scene.path("gone")).unwrap();
    let unavailable = (503, "audit_unavailable".to_owned());
    for _ in 0..2 {
        let answer = http.get(STATUS).await.unwrap();
        assert_eq!(told(&answer), unavailable);
        assert!(answer.field("retry-after").is_some());
    }
    let answer = http.ask("POST", "/v1/logout", "", b"{\"cookie\":\"0123456789\"}").await.unwrap();
    assert_eq!(told(&answer), unavailable);
    scene.nothing_reached_tsm();
    std::fs::rename(scene.path("gone"), scene.path("log")).unwrap();
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    assert!(scene.records("records-lost")[0]["tsmgate.count"].as_u64() >= Some(1));
    scene.verify();
}

/// R42: an answer whose outcome cannot be recorded does not leave, whole or in part
#[tokio::test]
async fn an_answer_whose_outcome_has_no_record_does_not_leave() {
    for path in [STATUS, "/api/0.5/export"] {
        let scene = Scene::with(lane(EVERYTHING, "")).await;
        assert_eq!(asked(&scene, "GET", STATUS, b"").await.0, 200);
        scene.api().behave_next(ApiBehaviour::Delay(Duration::from_millis(600)));
        let peer = scene.peer("jump01");
        let path = path.to_owned();
        let caller =
            tokio::spawn(async move { Http::open(&peer).await.unwrap().get(&path).await.unwrap() });
        scene.tsm.wait_until(wait::PATIENCE, |counts| counts.requests == 2).await.unwrap();
        std::fs::rename(scene.path("log"), scene.path("gone")).unwrap();
        let answer = caller.await.unwrap();
        assert_eq!(told(&answer), (503, "audit_unavailable".to_owned()));
        assert!(find(&answer.body, b"configKeys").is_none());
        assert!(find(&answer.body, b"rollupStatus").is_none());
        assert_eq!(scene.tsm.requests().last().unwrap().status, Some(200));
        std::fs::rename(scene.path("gone"), scene.path("log")).unwrap();
        assert_eq!(asked(&scene, "GET", STATUS, b"").await.0, 200);
        let granted = outcomes(&scene).into_iter().filter(|one| one == "success").count();
        assert_eq!(granted, 2, "the one in the middle has an outcome that it cannot have");
        scene.verify();
    }
}

/// R41: each request has two records, with who, from where, what and how it ended
#[tokio::test]
async fn both_records_of_a_request_say_all_of_it() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    let answer = open(&scene).await.get("/api/0.5/asyncJobs?status=Running").await.unwrap();
    assert_eq!(answer.status, 200);
    let records = scene.records("request");
    assert_eq!(records.len(), 2);
    for (record, phase) in records.iter().zip(["intent", "outcome"]) {
        for (field, value) in [
            ("tsmgate.phase", json!(phase)),
            ("tsmgate.operation", json!("jobs")),
            ("tsmgate.permission", json!("jobs.read")),
            ("tsmgate.role", json!("monitor")),
            ("http.request.method", json!("GET")),
            ("http.request.id", json!(answer.field("tsmgate-request"))),
            ("url.path", json!("/api/0.5/asyncJobs")),
            ("url.query", json!("status=Running")),
            ("client.user.name", json!("jump01")),
            ("client.ip", json!("127.0.0.1")),
        ] {
            assert_eq!(record[field], value, "{field} in {record}");
        }
        for field in ["client.port", "tls.client.x509.serial_number", "tsmgate.connection"] {
            assert!(!record[field].is_null(), "{field} in {record}");
        }
    }
    assert_eq!(records[1]["http.response.status_code"], 200);
    scene.verify();
}

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
    assert!(answer.field("tsmgate-request").is_some(), "{what}");
    let known = [
        "content-type",
        "content-length",
        "transfer-encoding",
        "connection",
        "tsmgate-request",
        "cache-control",
        "x-content-type-options",
        "tsmgate-reason",
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
        ("GET", "/v1/", "", b"", 404),
        ("GET", "/", "", b"", 404),
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
    let (bytes, _) =
        rest(&mut scene.peer("jump01").offering(&["http/1.1"]).connect().await.unwrap()).await;
    assert!(find(&bytes, b"never-given").is_none());
}
