//! The api lane from end to end: what a caller gets, what is on record, what TSM saw.

use tests::http::Http;
use tests::peer::{rest, send};
use tests::scene::{Scene, SceneOptions};

/// The status, for a client that may read it: no cookie on its side, one session at TSM, two records.
#[tokio::test]
async fn status_is_read_without_a_cookie() {
    let scene = Scene::with(SceneOptions::api("[\"monitor\"]")).await;
    let mut http = Http::open(&scene.peer("jump01")).await.unwrap();
    for _ in 0..2 {
        let answer = http.get("/api/0.5/status").await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["clusterStatus"]["rollupStatus"], "Running");
        assert_eq!(answer.field("set-cookie"), None);
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
        assert!(answer.field("tsmgate-request").is_some());
    }
    assert_eq!(scene.tsm.counts().cookies, 1, "one session is enough");
    let requests = scene.tsm.requests();
    let seen: Vec<_> = requests.iter().map(|request| request.target.as_str()).collect();
    assert_eq!(seen, ["/api/0.5/status"; 2]);
    let records = scene.records("request");
    let phases: Vec<_> = records.iter().map(|record| record["tsmgate.phase"].clone()).collect();
    assert_eq!(phases, ["intent", "outcome", "intent", "outcome"]);
    assert_eq!(records[1]["http.response.status_code"], 200);
    assert_eq!(records[1]["tsmgate.operation"], "status");
    assert_eq!(scene.records("session").len(), 1);
    scene.verify();
}

/// A role that lacks the permission: the answer names it, the audit has it, TSM saw nothing.
#[tokio::test]
async fn a_role_without_the_permission_is_refused_and_tsm_sees_nothing() {
    let scene = Scene::with(SceneOptions::api("[\"monitor\"]")).await;
    let mut http = Http::open(&scene.peer("jump01")).await.unwrap();
    let answer = http.ask("POST", "/api/0.5/disable", "", b"").await.unwrap();
    assert_eq!((answer.status, answer.code().as_deref()), (403, Some("not_permitted")));
    assert_eq!(answer.json()["error"]["permission"], "server.stop");
    let record = scene.refusal("permission_missing").await;
    assert_eq!(record["client.user.name"], "jump01");
    scene.nothing_reached_tsm();
    // and the connection goes on
    assert_eq!(http.get("/v1/whoami").await.unwrap().status, 200);
}

/// Who I am, what I may, what is left.
#[tokio::test]
async fn a_caller_learns_about_itself() {
    let options = SceneOptions {
        client_limits: "requests = { per_minute = 1, burst = 3 }".into(),
        ..SceneOptions::api("[\"tls-admin\", \"login\"]")
    };
    let scene = Scene::with(options).await;
    let mut http = Http::open(&scene.peer("jump01")).await.unwrap();
    let who = http.get("/v1/whoami").await.unwrap().json();
    assert_eq!(who["client"], "jump01");
    assert_eq!(who["identity"], "URI:tsmgate://client/jump01");
    assert_eq!(who["roles"], serde_json::json!(["tls-admin", "login"]));
    assert_eq!(who["except"], serde_json::json!(["security.regenerate-internal-tokens"]));
    assert_eq!(who["limits"]["requests"]["left"], 2);
    assert_eq!(who["limits"]["logins"]["left"], 6);
    assert_eq!(who["limits"]["in_flight"]["now"], 1);
    let permissions = http.get("/v1/permissions").await.unwrap().json();
    let all = permissions["permissions"].as_array().unwrap();
    let stop = all.iter().find(|one| one["name"] == "server.stop").unwrap();
    assert_eq!((&stop["granted"], &stop["operations"][0]), (&false.into(), &"stop".into()));
    // the third is the last for now
    assert_eq!(http.get("/v1/whoami").await.unwrap().status, 200);
    let over = http.get("/v1/whoami").await.unwrap();
    assert_eq!((over.status, over.code().as_deref()), (429, Some("over_limit")));
    assert!(over.field("retry-after").is_some());
    scene.nothing_reached_tsm();
}

/// A header alone is asked for: what comes next on the connection is the next answer, not a body.
#[tokio::test]
async fn a_refused_head_has_no_body() {
    let scene = Scene::with(SceneOptions::api("[\"monitor\"]")).await;
    let mut http = Http::open(&scene.peer("jump01")).await.unwrap();
    let head = "HEAD /api/0.5/status HTTP/1.1\r\nhost: gate\r\n\r\n";
    let last = "GET /v1/whoami HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n\r\n";
    send(&mut http.stream, [head, last].concat().as_bytes()).await.unwrap();
    let (bytes, error) = rest(&mut http.stream).await;
    assert!(error.is_none(), "{error:?}");
    let text = String::from_utf8(bytes).unwrap();
    let (refused, next) = text.split_once("\r\n\r\n").unwrap();
    assert!(
        refused.starts_with("HTTP/1.1 405 ") && refused.contains("\r\nallow: GET\r\n"),
        "{text}"
    );
    assert!(next.starts_with("HTTP/1.1 200 "), "{text}");
    scene.nothing_reached_tsm();
}

/// Some clients offer nothing but HTTP/1.0 in the handshake; they get an answer that ends with the connection.
#[tokio::test]
async fn http_1_0_is_spoken_by_its_name() {
    let scene = Scene::with(SceneOptions::api("[\"monitor\"]")).await;
    let peer = scene.peer("jump01").offering(&["http/1.0"]);
    let mut http = Http::over(peer.connect().await.unwrap());
    let answer = http.raw(b"GET /api/0.5/status HTTP/1.0\r\n\r\n").await.unwrap();
    assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
    assert!(http.is_closed().await);
}
